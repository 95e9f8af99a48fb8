import { readdir, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { runHostEffect } from '../../../src/cli/panels/host.ts';
import { HOST_STEPS } from '../../../src/cli/panels/host-steps.ts';
import { readModelHostSettings, unfinishedChange } from '../../../src/hosts/project-files.ts';
import { CancelledError } from '../../../src/support/errors.ts';
import type { HostConnection, HostEffect } from '../../../src/wizard/panels/host-panel.ts';
import type { PanelAnswer } from '../../../src/wizard/panels/panels.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';

const CONFIG = 'models:\n  a:\n    cmd: serve a\n';
const OTHER = 'models:\n  a:\n    cmd: serve other\n';

/** This machine as the host: what the panel answers does not depend on the way there. */
const LOCAL_SSH = '#!/bin/sh\nfor word; do :; done\nexec /bin/sh -c "$word"\n';

let folder: string;
let configPath: string;
let projectDir: string;

beforeEach(async () => {
  folder = await temporaryFolder();
  projectDir = await temporaryFolder();
  configPath = join(folder, 'config.yaml');
  await writeFile(configPath, CONFIG);
  await command('ssh', LOCAL_SSH);
  vi.stubEnv('PATH', `${folder}:${process.env['PATH']}`);
  onTestFinished(() => void vi.unstubAllEnvs());
});

const command = (name: string, text: string) => writeFile(join(folder, name), text, { mode: 0o755 });

const connection = (changed: Partial<HostConnection> = {}): HostConnection => ({
  host: 'models.internal',
  user: 'llama',
  keyPath: 'keys/models',
  configPath,
  restartCmd: 'true',
  baseUrl: 'http://127.0.0.1:1',
  ...changed,
});

/** As the panel gets it back: with the key's whole path, and the mode. */
const shown = (changed: Partial<HostConnection> = {}): HostConnection => ({
  ...connection(),
  keyPath: '/srv/keys/models',
  mode: 'shell',
  ...changed,
});

function run(
  effect: HostEffect,
  { env = {}, signal }: { env?: NodeJS.ProcessEnv; signal?: AbortSignal } = {},
) {
  const told: PanelAnswer[] = [];
  const context = {
    setup: {
      cliVersion: '0.3.0',
      features: ['core' as const],
      homeDir: projectDir,
      env,
      ...(signal && { signal }),
    },
    tell: (answer: PanelAnswer) => void told.push(answer),
    lendTerminal: <T>(work: () => Promise<T>) => work(),
  };
  return { told, answer: runHostEffect(effect, context, { projectDir, cwd: '/srv' }) };
}

const read = (given: HostConnection | null, signal?: AbortSignal) =>
  run({ type: 'read-host', connection: given }, signal && { signal }).answer;

describe('a host is read', () => {
  it('answers with its file and models, and keeps the connection for the project', async () => {
    expect(await read(connection())).toEqual({
      type: 'host-read',
      connection: shown(),
      facts: { place: `llama@models.internal: ${configPath}`, text: CONFIG, models: ['a'], warnings: [] },
    });
    expect(await readModelHostSettings(projectDir)).toEqual(shown());
    expect(await read(null)).toMatchObject({ type: 'host-read', connection: shown() });
  });

  it('leaves a key below ~ as it is, and takes only "wrapper" for a wrapper', async () => {
    await command('ssh', `#!/bin/sh\nfor word; do :; done\n[ "$word" = read ] && exec cat '${configPath}'\n`);
    const { restartCmd: _, ...wrapped } = connection({ keyPath: '~/.ssh/models', mode: 'wrapper' });
    expect(await read(wrapped)).toMatchObject({ type: 'host-read', connection: wrapped });
    expect(await read(connection({ mode: 'other' }))).toMatchObject({
      connection: { mode: 'shell', keyPath: '/srv/keys/models' },
    });
  });

  it('names every field that is missing, and asks no host', async () => {
    await command('ssh', '#!/bin/sh\nexit 3\n');
    expect(await read({})).toEqual({
      type: 'host-unreachable',
      connection: { host: '', user: '', keyPath: '/srv', configPath: '', baseUrl: '', mode: 'shell' },
      lines: [
        'host is empty',
        'user is empty',
        'configPath is empty',
        'restartCmd is missing; it restarts the service on the host',
        'baseUrl is not an http or https address',
      ],
    });
    expect(await readModelHostSettings(projectDir)).toBeNull();
  });

  it('tells what ssh said and what helps, and keeps nothing', async () => {
    await command(
      'ssh',
      '#!/bin/sh\necho "ssh: connect to host x port 22: Connection refused" >&2\nexit 255\n',
    );
    expect(await read(connection())).toEqual({
      type: 'host-unreachable',
      connection: shown(),
      lines: [
        'read failed (exit 255): ssh: connect to host x port 22: Connection refused\n',
        'Check that models.internal is up, and that its SSH port can be reached from here',
      ],
    });
    expect(await readModelHostSettings(projectDir)).toBeNull();
  });

  it('says how to restore what an unfinished change left', async () => {
    const startedAt = '2026-06-12T08:09:10.000Z';
    const at = { host: 'models.internal', configPath };
    await unfinishedChange.write(projectDir, { ...at, backupPath: '/srv/copy', startedAt });
    expect(await read(connection())).toMatchObject({
      facts: {
        warnings: [
          `A change that began at ${startedAt} did not finish; the file there may be incomplete, or not in use yet.`,
          `Restore it on the host with: cp '/srv/copy' '${configPath}', then restart the service`,
        ],
      },
    });
  });

  it('is cancelled, not unreachable, and then keeps nothing', async () => {
    await expect(read(connection(), AbortSignal.abort())).rejects.toThrow(CancelledError);
    expect(await readModelHostSettings(projectDir)).toBeNull();
  });

  it('fails for a connection with a secret, which must not be kept', async () => {
    const restartCmd = 'curl -H "Authorization: Bearer abcdefghijklmnop1234" http://127.0.0.1:1';
    await expect(read(connection({ restartCmd }))).rejects.toThrow('The connection cannot be saved.');
  });
});

describe('a text is edited', () => {
  const edit = (env: NodeJS.ProcessEnv, model: string | null = null, signal?: AbortSignal) =>
    run(
      { type: 'edit-host', connection: connection(), base: CONFIG, text: CONFIG, model },
      { env, ...(signal && { signal }) },
    ).answer;
  const saying = (words: string) => `sh -c 'printf "models:\\n  a:\\n    cmd: serve ${words}\\n" > "$0"'`;

  beforeEach(async () => {
    // Where the edited text lies: a folder of its own, since other runs share the machine's.
    vi.stubEnv('TMPDIR', await temporaryFolder());
  });

  it.each([
    ['VISUAL', { VISUAL: saying('other'), EDITOR: 'false' }],
    ['EDITOR', { VISUAL: '', EDITOR: saying('other') }],
    ['vi', { VISUAL: '', EDITOR: '' }],
    ['vi', {}],
  ])('by %s', async (_name, env) => {
    await command('vi', `#!/bin/sh\nexec ${saying('other')} "$1"\n`);
    const answer = await edit(env);
    if (answer.type !== 'host-edited') throw new Error(answer.type);
    const { diff, ...review } = answer.review;
    expect(review).toEqual({ text: OTHER, errors: [] });
    expect(diff).toBe('@@ lines 3..3 -> 3..3 @@\n-     cmd: serve a\n+     cmd: serve other');
    expect(await readdir(process.env['TMPDIR']!)).toEqual([]);
  });

  it('is only readable by its owner meanwhile', async () => {
    const seen = join(folder, 'seen');
    await edit({ EDITOR: `cp -p "$1" ${seen}; true` });
    expect((await stat(seen)).mode & 0o777).toBe(0o600);
  });

  it('as the lines of one model, which may be wrong', async () => {
    const answer = await edit({ EDITOR: `sed -i 's/cmd: .*/cmd: [1]/'` }, 'a');
    expect(answer).toMatchObject({ review: { text: 'models:\n  a:\n    cmd: [1]\n' } });
    if (answer.type === 'host-edited') expect(answer.review.errors).not.toEqual([]);
  });

  it('not for a model without lines, not by a failing editor, and not after a cancellation', async () => {
    await expect(edit({ EDITOR: 'true' }, 'b')).rejects.toMatchObject({
      message: 'b has no lines of its own: edit the whole text.',
      failureClass: 'conflict',
    });
    await expect(edit({ EDITOR: 'exit 3 #' })).rejects.toMatchObject({
      message: 'The editor ended with code 3: exit 3 #',
      failureClass: 'conflict',
      evidence: ['Nothing was changed. EDITOR or VISUAL names the editor.'],
    });
    await expect(edit({ EDITOR: 'true' }, null, AbortSignal.abort())).rejects.toThrow(CancelledError);
    expect(await readdir(process.env['TMPDIR']!)).toEqual([]);
  });
});

describe('a change is applied', () => {
  const apply = (given: HostConnection, base = CONFIG) =>
    run({ type: 'apply-host', connection: given, base, text: OTHER });

  async function serving(models: string[]): Promise<string> {
    const server = createServer((_request, response) =>
      response.end(JSON.stringify({ data: models.map((id) => ({ id })) })),
    );
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void server.close());
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  it('with a line for each step, and how to undo it', async () => {
    const { told, answer } = apply(connection({ baseUrl: await serving([]) }));
    const given = await answer;
    const [backup] = (await readdir(folder)).filter((name) => name.includes('.bak-'));
    expect(given).toEqual({
      type: 'host-applied',
      outcome: {
        isOk: true,
        title: 'models.internal uses the new configuration',
        lines: [
          'Model a is not served yet; check the llama-swap log on models.internal',
          `Backup on the host: ${folder}/${backup}`,
          `Restore it with: cp '${folder}/${backup}' '${configPath}', then restart the service`,
        ],
      },
    });
    const { done: _, ...steps } = HOST_STEPS;
    expect(told).toEqual(Object.values(steps).map((text) => ({ type: 'host-step', text })));
  });

  it('or fails in a step, with what the host said, what helps, and the backup', async () => {
    const restartCmd = 'echo "No space left on device" >&2; exit 4';
    const given = await apply(connection({ restartCmd })).answer;
    expect(given).toMatchObject({
      outcome: {
        isOk: false,
        title: 'The change of models.internal failed at: Restarting the service',
        lines: [
          'restart failed (exit 4): No space left on device',
          'Free space on models.internal; if the file was damaged, restore the backup then',
          expect.stringMatching(/^Backup on the host: /),
          expect.stringMatching(/^Restore it with: cp /),
        ],
      },
    });
  });

  it('not over what another user wrote meanwhile: no hints, and no backup', async () => {
    const given = await apply(connection(), 'models: {}\n').answer;
    expect(given).toMatchObject({ outcome: { isOk: false, lines: [expect.any(String)] } });
    expect((await readdir(folder)).filter((name) => name.includes('.bak-'))).toEqual([]);
  });
});
