import { mkdir, truncate, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect, it } from 'vitest';
import { readBundleTrust } from '../../../src/bundle/read-trust.ts';
import { readSchema } from '../../../src/cli/commands/model-host-inputs.ts';
import { readDaemonState } from '../../../src/daemon/state.ts';
import { readStoredSettings } from '../../../src/network/settings/stored-settings.ts';
import { readUserFile } from '../../../src/network/settings/user-file.ts';
import { readProjectConfig } from '../../../src/project/project-config.ts';
import { readInstalledManifest } from '../../../src/runtime/manifest.ts';
import { readShippedFile } from '../../../src/shipped/shipped-file.ts';
import { errorChain } from '../../../src/support/errors.ts';
import { PACKAGE_ROOT } from '../../../src/support/package-root.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';

const KB = 1024;
const MB = 1024 * KB;

/** What each kind of file may hold at most: more of it is not read at all, and the limit is said. */
const READERS: readonly [
  what: string,
  maxBytes: number,
  name: string,
  read: (path: string) => Promise<unknown>,
][] = [
  ['a file that ktx ships', 1024 * MB, 'wheel.whl', readShippedFile],
  ['a file of the user', 16 * MB, 'pip.conf', readUserFile],
  ['a manifest', MB, 'manifest.json', readInstalledManifest],
  ['settings that ktx stored', MB, 'network.json', readStoredSettings],
  ['the configuration of a project', MB, 'ktx.yaml', (path) => readProjectConfig(dirname(path))],
  [
    'a list of signers',
    MB,
    'signers',
    (path) =>
      readBundleTrust({
        cliVersion: '0.3.0',
        assetDir: join(PACKAGE_ROOT, 'assets', 'python'),
        trustFile: path,
      }),
  ],
  ['a schema', 16 * MB, 'schema.json', (path) => readSchema(path, { cwd: '/' } as never)],
  [
    'the state of a daemon',
    64 * KB,
    'project/.ktx/runtime/daemon.json',
    async (path) => {
      const found = await readDaemonState(path);
      if (found.kind === 'invalid') throw new Error(found.reason);
    },
  ],
];

/** What is said of a file of so many bytes. Its blocks are not there: a read past the limit would be seen at once. */
async function saidOf(
  read: (path: string) => Promise<unknown>,
  name: string,
  sizeBytes: number,
): Promise<string> {
  const path = join(await temporaryFolder(), name);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, '');
  await truncate(path, sizeBytes);
  return read(path).then(
    () => '',
    (error: unknown) => {
      const { evidence = [] } = error as { evidence?: readonly string[] };
      return [errorChain(error), ...evidence].join('\n');
    },
  );
}

it.each(READERS)('%s holds at most %d bytes', async (_, maxBytes, name, read) => {
  expect(await saidOf(read, name, maxBytes + 1)).toContain(`is longer than the ${maxBytes} bytes`);
  // The largest would take a second to read.
  if (maxBytes <= 16 * MB) expect(await saidOf(read, name, maxBytes)).not.toContain('is longer than');
});
