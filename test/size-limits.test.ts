import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect, it } from 'vitest';
import { localConfig } from '../src/cli/commands/model-host-inputs.ts';
import { carryOut } from '../src/cli/panels/mend.ts';
import { quickProject } from '../src/cli/quick-project.ts';
import { readKnownProjects } from '../src/daemon/known-projects.ts';
import { daemonSecretPath, provideDaemonSecret, readDaemonSecret } from '../src/daemon/secret.ts';
import { readDaemonState } from '../src/daemon/state.ts';
import { findBackup, startBackup } from '../src/doctor/repairs/backup.ts';
import {
  modelHostSettingsPath,
  readModelHostSettings,
  saveModelHostSettings,
} from '../src/hosts/project-files.ts';
import { readKtxYamlText } from '../src/models/project/ktx-yaml-file.ts';
import { CLI_VERSION, daemonProject, writeState } from './fixtures/daemon.ts';
import { temporaryFolder } from './fixtures/temporary-folder.ts';

const KIB = 1024;
const MIB = 1024 * KIB;

/** A file that is valid, and how it is asked whether it was read. */
interface Limited {
  path: string;
  isRead: () => Promise<boolean>;
}

const succeeds = (work: Promise<unknown>) =>
  work.then(
    () => true,
    () => false,
  );

async function fileIn(name: string, text = ''): Promise<{ folder: string; path: string }> {
  const folder = await temporaryFolder();
  const path = join(folder, name);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, text);
  return { folder, path };
}

/** Files of users and projects, which may be anything: the largest that is read. */
const FILES: [name: string, limitBytes: number, make: () => Promise<Limited>][] = [
  [
    'the connection to a model host',
    4 * MIB,
    async () => {
      const projectDir = await temporaryFolder();
      const place = { host: 'a.internal', configPath: '/c', mode: 'wrapper' as const };
      await saveModelHostSettings(projectDir, {
        ...place,
        user: 'u',
        keyPath: '/k',
        baseUrl: 'http://a.internal:1',
      });
      return {
        path: modelHostSettingsPath(projectDir),
        isRead: () => succeeds(readModelHostSettings(projectDir)),
      };
    },
  ],
  [
    'a configuration for a model host',
    16 * MIB,
    async () => {
      const { folder, path } = await fileIn('config.yaml');
      const place = { cwd: folder, projectDir: folder };
      return { path, isRead: () => succeeds(localConfig({ config: path }, 'diff', place)) };
    },
  ],
  [
    'ktx.yaml of a project',
    MIB,
    async () => {
      const { folder, path } = await fileIn('ktx.yaml');
      return { path, isRead: () => succeeds(readKtxYamlText(folder)) };
    },
  ],
  [
    'ktx.yaml, before the first screen',
    64 * KIB,
    async () => {
      const { folder, path } = await fileIn('ktx.yaml', 'name: a\n');
      return { path, isRead: async () => !quickProject(folder, {}).mayNeedFeature };
    },
  ],
  [
    'netrc',
    MIB,
    async () => {
      const { folder, path } = await fileIn('netrc');
      const setup = { cliVersion: CLI_VERSION, features: [], env: {}, homeDir: folder };
      const task = { kind: 'append-line' as const, file: path, line: 'machine a login b password c' };
      return { path, isRead: () => succeeds(carryOut(task, setup, { cwd: folder, projectDir: folder })) };
    },
  ],
  [
    'the state of a daemon',
    64 * KIB,
    async () => {
      const { layout } = await daemonProject();
      await writeState(layout);
      const path = layout.daemonStatePath;
      return { path, isRead: async () => (await readDaemonState(path)).kind === 'valid' };
    },
  ],
  [
    'the secret of a daemon',
    64 * KIB,
    async () => {
      const { options } = await daemonProject();
      await provideDaemonSecret(options);
      const path = await daemonSecretPath(options);
      return { path, isRead: async () => (await readDaemonSecret(options)).kind === 'kept' };
    },
  ],
  [
    'the project of a daemon',
    64 * KIB,
    async () => {
      const { options, layout } = await daemonProject();
      await provideDaemonSecret(options);
      const path = await daemonSecretPath(options);
      const read = () => readKnownProjects(layout.runtimeRoot, CLI_VERSION);
      return { path, isRead: async () => (await read()).length === 1 };
    },
  ],
  [
    'the record of a backup',
    8 * MIB,
    async () => {
      const root = await temporaryFolder();
      const backup = startBackup(root);
      await backup.keep(join(root, 'nothing'));
      await mkdir(backup.dir, { recursive: true });
      await backup.save();
      return { path: join(backup.dir, 'backup.json'), isRead: async () => (await findBackup(root)) !== null };
    },
  ],
];

it.each(FILES)('%s has at most %i bytes', async (_name, limitBytes, make) => {
  const isReadAt = async (sizeBytes: number) => {
    const { path, isRead } = await make();
    await padTo(path, sizeBytes);
    return isRead();
  };
  expect(await isReadAt(limitBytes)).toBe(true);
  expect(await isReadAt(limitBytes + 1)).toBe(false);
});

/** Spaces at the end change no text of these. */
async function padTo(path: string, sizeBytes: number): Promise<void> {
  const text = await readFile(path, 'utf8');
  await writeFile(path, `${text.trimEnd().padEnd(sizeBytes - 1)}\n`);
}
