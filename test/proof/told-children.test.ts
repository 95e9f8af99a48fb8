import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it, test } from 'vitest';
import { embeddingsModelDir } from '../../src/core/model-folder-path.ts';
import { daemonEnvironment } from '../../src/daemon/environment.ts';
import type { ProofOptions } from '../../src/proof/proof.ts';
import { proveDaemon } from '../../src/proof/prove-daemon.ts';
import { proveImports } from '../../src/proof/prove-imports.ts';
import type { InstalledKtxRuntimeManifest } from '../../src/runtime/manifest.ts';
import { withPrivateDaemon } from '../../src/vectors/private-daemon.ts';
import { writeScript } from '../fixtures/fake-daemon.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';

/** A program that writes down what it was told, and ends. */
let folder: string;
let program: string;
beforeEach(async () => {
  folder = await temporaryFolder();
  program = join(folder, 'program');
  await writeScript(
    program,
    `#!/bin/sh\nprintf '%s\\n' "$@" > '${join(folder, 'args')}'\nenv > '${join(folder, 'env')}'\nexit 3\n`,
  );
});

const args = async () => (await readFile(join(folder, 'args'), 'utf8')).trimEnd().split('\n');
const told = async () =>
  Object.fromEntries(
    (await readFile(join(folder, 'env'), 'utf8'))
      .trimEnd()
      .split('\n')
      .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  ) as Record<string, string>;

const options = (change: Partial<ProofOptions> = {}): ProofOptions => ({
  environmentDir: folder,
  pythonPath: program,
  daemonPath: program,
  cliVersion: '0.3.0',
  env: { PATH: '/usr/bin:/bin', MINE: '1', PYTHONPATH: '/evil', VIRTUAL_ENV: '/other' },
  ...change,
});

describe('the daemon of a proof', () => {
  it('listens on loopback at a free port, quietly', async () => {
    await expect(proveDaemon(options())).rejects.toThrow();
    const [command, host, address, port, number, level, quiet, ...more] = await args();
    expect([command, host, address, port, level, quiet, more]).toEqual([
      'serve-http',
      '--host',
      '127.0.0.1',
      '--port',
      '--log-level',
      'warning',
      [],
    ]);
    expect(Number(number)).toBeGreaterThan(1023);
  });

  test.each<[string, Partial<ProofOptions>, Record<string, string | undefined>]>([
    [
      'ours',
      {},
      { KTX_DAEMON_PROOF: '1', PYTHONDONTWRITEBYTECODE: undefined, KTX_EMBEDDINGS_MODEL_DIR: undefined },
    ],
    ['a foreign one', { isForeign: true }, { KTX_DAEMON_PROOF: undefined }],
    ['one that is to write nothing', { isReadOnly: true }, { PYTHONDONTWRITEBYTECODE: '1' }],
    ['one with a model', { modelDir: '/model' }, { KTX_EMBEDDINGS_MODEL_DIR: '/model' }],
  ])('%s is told its version and a secret of its own', async (_, change, expected) => {
    await expect(proveDaemon(options(change))).rejects.toThrow();
    const env = await told();
    expect(env).toMatchObject({
      MINE: '1',
      KTX_DAEMON_VERSION: '0.3.0',
      KTX_DAEMON_SECRET: expect.stringMatching(/^[0-9a-f]{32,}$/),
    });
    for (const name of ['PYTHONPATH', 'VIRTUAL_ENV']) expect(env[name]).toBeUndefined();
    for (const [name, value] of Object.entries(expected)) expect([name, env[name]]).toEqual([name, value]);
  });
});

it('the interpreter of a proof imports what the wheel says, isolated', async () => {
  await expect(proveImports(options())).rejects.toThrow();
  const [isolated, command, ...script] = await args();
  expect([isolated, command]).toEqual(['-I', '-c']);
  expect(script.join('\n')).toContain('import ktx_daemon\nimport semantic_layer\n');
  expect((await told())['PYTHONPATH']).toBeUndefined();
  await expect(
    proveImports(options({ wheelProof: { imports: ['acme.deep'], serves: true } })),
  ).rejects.toThrow();
  expect((await args()).join('\n')).toContain('import acme.deep\n');
  expect((await args()).join('\n')).not.toContain('ktx_daemon');
});

it('a private daemon answers only with its token, and ends with the work', async () => {
  const manifest = {
    features: ['core', 'local-embeddings'],
    python: { executable: program, daemonExecutable: program },
    asset: {},
  } as unknown as InstalledKtxRuntimeManifest;
  await expect(
    withPrivateDaemon({ manifest, cliVersion: '0.3.0', runtimeRoot: '/r' }, async () => {}),
  ).rejects.toThrow('The daemon ended with exit code 3');
  const [command, host, address, port, , level, quiet, ...more] = await args();
  expect([command, host, address, port, level, quiet, more]).toEqual([
    'serve-http',
    '--host',
    '127.0.0.1',
    '--port',
    '--log-level',
    'warning',
    [],
  ]);
  expect(await told()).toMatchObject({
    KTX_DAEMON_VERSION: '0.3.0',
    KTX_DAEMON_STRICT: '1',
    KTX_DAEMON_SECRET: expect.stringMatching(/^[0-9a-f]{32,}$/),
    KTX_EMBEDDINGS_MODEL_DIR: embeddingsModelDir('/r'),
  });
  expect((await told())['KTX_DAEMON_STATE']).toBeUndefined();
});

describe("a daemon's environment", () => {
  const base = {
    cliVersion: '0.3.0',
    secret: 's',
    isStrict: false,
    features: ['core'] as const,
    runtimeRoot: '/r',
  };
  const OURS = { KTX_DAEMON_VERSION: '0.3.0', KTX_DAEMON_SECRET: 's' };
  const without = (env: NodeJS.ProcessEnv, names: string[]) =>
    Object.fromEntries(Object.entries(env).filter(([name]) => !names.includes(name)));

  test.each<[string, object, object]>([
    ['plain', {}, OURS],
    ['strict', { isStrict: true }, { ...OURS, KTX_DAEMON_STRICT: '1' }],
    [
      'with a state',
      { statePath: '/s' },
      { ...OURS, KTX_DAEMON_STATE: '/s', KTX_DAEMON_STARTER: String(process.pid) },
    ],
    [
      'with a model',
      { features: ['core', 'local-embeddings'] },
      { ...OURS, KTX_EMBEDDINGS_MODEL_DIR: embeddingsModelDir('/r') },
    ],
  ])('%s', (_, change, expected) => {
    expect(
      without(daemonEnvironment({}, { ...base, ...change }), ['LC_ALL', 'LC_CTYPE', 'LANG', 'PYTHONUTF8']),
    ).toEqual(expected);
  });

  test.each([
    'UV_CACHE_DIR',
    'RUST_LOG',
    'JPY_SESSION_NAME',
    'KTX_PROCESS_MARK',
    'KTX_SETUP_RUN',
    'KTX_SETUP_OWNER',
    'KTX_DAEMON_PROOF',
    'KTX_DAEMON_STRICT',
    'uv_x',
    'PYTHONHOME',
  ])('does not pass on %s', (name) => {
    expect(daemonEnvironment({ [name]: 'x' }, base)[name]).toBeUndefined();
  });

  test.each([
    'MY_UV_X',
    'RUST_LOG_STYLE',
    'KTX_SETUP_RUNS',
    'KTX_EMBEDDINGS_THREADS',
    'HTTPS_PROXY',
    'XRUST_LOG',
  ])('passes on %s', (name) => {
    expect(daemonEnvironment({ [name]: 'x' }, base)[name]).toBe('x');
  });
});
