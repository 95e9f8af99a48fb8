import { execFile } from 'node:child_process';
import { appendFile, chmod, cp, mkdir, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FailureReport, SetupEvent, SetupResult } from '../../src/core/events.ts';
import { describeFailure } from '../../src/failure/failure.ts';
import { readManagedPythonRuntimeStatus } from '../../src/runtime/status.ts';
import type { SetupOptions } from '../../src/setup/request/setup-options.ts';
import { runSetup } from '../../src/setup/setup.ts';
import { PACKAGE_ROOT } from '../../src/support/package-root.ts';
import { type Interception, type LoopbackIndex, startLoopbackIndex } from '../fixtures/loopback-index.ts';
import { LAUNCHER, plainEnvironment, runProgram } from '../fixtures/program.ts';
import { temporaryFolder, temporaryFolderForFile } from '../fixtures/temporary-folder.ts';
import { openWheelhouse, type WheelhouseFile } from '../fixtures/wheelhouse.ts';

/**
 * Bad input with real files, real sockets and the real uv: each case says the class, the place and the next step, and
 * the runtime that was there before answers as before.
 */
let wheelhouse: WheelhouseFile[];
let index: LoopbackIndex;
let intercept: Interception = () => false;
let templateRoot: string;

beforeAll(async () => {
  wheelhouse = await openWheelhouse();
  index = await startLoopbackIndex(wheelhouse, (request, response) => intercept(request, response));
  templateRoot = join(await temporaryFolderForFile(), 'runtime');
  const home = join(templateRoot, '..');
  const outcome = await setup({ runtimeRoot: templateRoot, homeDir: home, env: plainEnvironment(home) });
  expect(outcome.failure).toBeNull();
});
afterAll(() => index.close());

type Given = Partial<SetupOptions> & Pick<SetupOptions, 'env' | 'homeDir'>;

async function setup(options: Given): Promise<{ result: SetupResult | null; failure: FailureReport | null }> {
  const events: SetupEvent[] = [];
  const result = await runSetup({
    cliVersion: '0.3.0',
    features: ['core'],
    indexUrl: index.url,
    python: 'system',
    onEvent: (event) => events.push(event),
    ...options,
  }).catch(() => null);
  const failure = events.find((event) => event.type === 'failure');
  return { result, failure: failure?.failure ?? null };
}

interface Place {
  home: string;
  runtimeRoot: string;
  assetDir: string;
  options: Given;
}

/** The home with the working runtime, and a private copy of the assets. */
async function placeWithRuntime(): Promise<Place> {
  const home = join(templateRoot, '..');
  const assetDir = join(await temporaryFolder(), 'assets');
  await cp(join(PACKAGE_ROOT, 'assets', 'python'), assetDir, {
    recursive: true,
    filter: (path) => !path.includes('assets/python/wheel'),
  });
  const env = plainEnvironment(home);
  const options = { runtimeRoot: templateRoot, assetDir, homeDir: home, env, shouldForce: true };
  return { home, runtimeRoot: templateRoot, assetDir, options };
}

/** The file of the store whose name starts so. */
async function stored(runtimeRoot: string, name: string): Promise<string> {
  const storeDir = join(runtimeRoot, 'uv', 'store');
  for (const digest of await readdir(storeDir)) {
    const file = (await readdir(join(storeDir, digest))).find((entry) => entry.startsWith(name));
    if (file) return join(storeDir, digest, file);
  }
  throw new Error(`${name} is not in the store`);
}

async function flipByte(path: string): Promise<void> {
  const bytes = await readFile(path);
  bytes[Math.floor(bytes.length / 2)]! ^= 0x20;
  await writeFile(path, bytes);
}

async function expectRuntimeUntouched({ runtimeRoot }: Place): Promise<void> {
  const status = await readManagedPythonRuntimeStatus({ cliVersion: '0.3.0', runtimeRoot });
  expect(status.kind).toBe('ready');
  const stdout = await new Promise<string>((resolve, reject) => {
    const script = ['-I', '-c', 'import ktx_daemon; print("works")'];
    execFile(status.manifest!.python.executable, script, (error, text) =>
      error ? reject(error) : resolve(text),
    );
  });
  expect(stdout).toBe('works\n');
  expect(await readdir(join(runtimeRoot, 'uv', 'runs'))).toEqual([]);
}

describe('what came with the program', () => {
  const cases: [string, (place: Place) => Promise<unknown>, Partial<FailureReport>][] = [
    ['a manifest that is not JSON', ({ assetDir }) => writeFile(join(assetDir, 'manifest.json'), '{'), {}],
    [
      'a manifest of another shape',
      ({ assetDir }) => writeFile(join(assetDir, 'manifest.json'), '{"schemaVersion":2}'),
      {},
    ],
    [
      'no manifest',
      ({ assetDir }) => rm(join(assetDir, 'manifest.json')),
      { title: /Missing bundled Python/ as never },
    ],
    [
      'a truncated wheel',
      ({ assetDir }) => truncate(join(assetDir, 'kaelio_ktx-0.1.0-py3-none-any.whl'), 1000),
      { title: /checksum mismatch/ as never },
    ],
    [
      'altered requirements',
      ({ assetDir }) => appendFile(join(assetDir, 'requirements.core.txt'), '\n# x\n'),
      { failureClass: 'verification', title: /requirements\.core\.txt/ as never },
    ],
    [
      'an altered lock',
      ({ assetDir }) => appendFile(join(assetDir, 'lock.json'), '\n'),
      { failureClass: 'verification', title: /lock\.json/ as never },
    ],
  ];
  it.each(cases)('%s', async (_name, spoil, expected) => {
    const place = await placeWithRuntime();
    await spoil(place);
    const { result, failure } = await setup(place.options);
    expect(result).toBeNull();
    for (const [key, value] of Object.entries(expected)) {
      const actual = failure![key as keyof FailureReport];
      if ((value as unknown) instanceof RegExp) expect(actual).toMatch(value as unknown as RegExp);
      else expect(actual).toBe(value);
    }
    expect(failure!.untouched).toContain('still works');
    await expectRuntimeUntouched(place);
  });
});

describe('what was fetched before', () => {
  it.each(['sqlglot', 'uvicorn'])('an altered %s in the store is fetched again, and said', async (name) => {
    const place = await placeWithRuntime();
    await flipByte(await stored(place.runtimeRoot, name));
    index.requests.length = 0;
    const { result } = await setup(place.options);
    expect(result?.status).toBe('installed');
    expect(index.requests.filter((path) => path.startsWith(`/files/${name}`)).length).toBeGreaterThan(0);
    await expectRuntimeUntouched(place);
  });

  it('with --offline an altered file in the store is refused by name', async () => {
    const place = await placeWithRuntime();
    await flipByte(await stored(place.runtimeRoot, 'sqlglot'));
    const { failure } = await setup({ ...place.options, isOffline: true });
    expect(JSON.stringify(failure)).toContain('sqlglot');
    await expectRuntimeUntouched(place);
  });

  it('an unknown uv on a pinned platform is not run', async () => {
    const place = await placeWithRuntime();
    const runtimeRoot = join(await temporaryFolder(), 'runtime');
    const uvPath = join(runtimeRoot, 'uv', '0.11.21', 'uv');
    await mkdir(dirname(uvPath), { recursive: true });
    await writeFile(uvPath, '#!/bin/sh\ntouch "$HOME/was-run"\n', { mode: 0o755 });
    const { failure } = await setup({ ...place.options, runtimeRoot });
    expect(failure).toMatchObject({ failureClass: 'verification' });
    expect(failure!.nextSteps.join()).toContain(`--uv ${uvPath}`);
    expect(await readdir(place.home)).not.toContain('was-run');
  });
});

describe('a package index that', () => {
  const answer =
    (status: number, body: string, type = 'text/html'): Interception =>
    (request, response) => {
      if (!/sqlglot/.test(request.url ?? '')) return false;
      response.writeHead(status, { 'content-type': type }).end(body);
      return true;
    };
  const cases: [string, Interception, RegExp][] = [
    ['requires a login (401)', answer(401, 'login'), /login|401/i],
    ['forbids (403)', answer(403, 'policy'), /403/],
    ['does not have it (404)', answer(404, 'nothing'), /404/],
    [
      'answers with a page that is no index',
      answer(200, '<html><body>Welcome to the hotel</body></html>'),
      /index/,
    ],
    ['answers with nothing', answer(200, ''), /empty|nothing|no index|not an index/i],
    [
      'has other bytes than the lock names',
      (request, response) => {
        if (!/files\/sqlglot/.test(request.url ?? '')) return false;
        response.writeHead(200, { 'content-type': 'application/octet-stream' }).end('other bytes');
        return true;
      },
      /sha256/,
    ],
  ];
  it.each(cases)('%s', async (_name, misbehave, expected) => {
    const place = await placeWithRuntime();
    const kept = await stored(place.runtimeRoot, 'sqlglot').catch(() => null);
    if (kept) await rm(dirname(kept), { recursive: true });
    intercept = misbehave;
    try {
      const { result, failure } = await setup(place.options);
      expect(result).toBeNull();
      const text = [failure!.title, ...failure!.evidence].join('\n');
      expect(text).toMatch(expected);
      expect(text).toContain(index.host);
      expect(text).toContain('sqlglot');
      expect(failure!.failureClass).toBe(_name.startsWith('has other') ? 'verification' : 'network');
      expect(failure!.nextSteps.length).toBeGreaterThan(0);
    } finally {
      intercept = () => false;
    }
    await expectRuntimeUntouched(place);
  });
});

describe('a runtime root that', () => {
  it('is a file', async () => {
    const home = await temporaryFolder();
    const runtimeRoot = join(home, 'runtime');
    await writeFile(runtimeRoot, 'precious');
    const { failure } = await setup({ runtimeRoot, homeDir: home, env: plainEnvironment(home) });
    expect(failure).toMatchObject({ failureClass: 'conflict' });
    expect(failure!.title).toContain(runtimeRoot);
    expect(await readFile(runtimeRoot, 'utf8')).toBe('precious');
  });

  it('has a file where the folder of the version should be', async () => {
    const place = await placeWithRuntime();
    const versionDir = join(place.runtimeRoot, '0.4.0');
    await writeFile(versionDir, 'precious');
    const { failure } = await setup({ ...place.options, cliVersion: '0.4.0' });
    expect(failure).toMatchObject({ failureClass: 'conflict' });
    expect(failure!.title).toContain(versionDir);
    expect(await readFile(versionDir, 'utf8')).toBe('precious');
  });

  const inPlaces: [
    string,
    (home: string) => { args?: string[]; extra?: NodeJS.ProcessEnv; home?: string },
  ][] = [
    ['KTX_RUNTIME_ROOT', (home) => ({ extra: { KTX_RUNTIME_ROOT: join(home, 'a\nb') } })],
    ['--runtime-root', (home) => ({ args: ['--runtime-root', join(home, 'a\nb')] })],
    ['HOME', (home) => ({ home: join(home, 'a\nb') })],
  ];
  it.each(inPlaces)('has a line break, by %s: refused before anything is written', async (_name, place) => {
    const folder = await temporaryFolder();
    const { args = [], extra, home = folder } = place(folder);
    await mkdir(home, { recursive: true });
    const before = await readdir(folder, { recursive: true });
    const commands = [['setup', '--yes', '--index-url', index.url, ...args]];
    if (args.length === 0) {
      const runtime = ['install --yes', 'start', 'status', 'prune --yes', 'undo --yes', 'uninstall --yes'];
      commands.push(...runtime.map((words) => ['admin', 'runtime', ...words.split(' ')]));
    }
    for (const command of commands) {
      const outcome = await runProgram(command, { env: plainEnvironment(home, extra), cwd: folder });
      expect([command, outcome.exitCode]).toEqual([command, 1]);
      expect(outcome.stderr).toContain('The path of the runtime folder contains a line break');
      expect(outcome.stderr).toContain('a\\u000ab');
      expect(await readdir(folder, { recursive: true })).toEqual(before);
    }
    const json = ['setup', '--yes', '--json', ...args];
    const { stdout } = await runProgram(json, { env: plainEnvironment(home, extra), cwd: folder });
    const { failure } = JSON.parse(stdout.trim().split('\n').at(-1)!);
    expect(failure).toMatchObject({ failureClass: 'conflict' });
    expect(failure.nextSteps.join()).toContain('--runtime-root');
  });

  it('has 200 characters with spaces, é and 漢', async () => {
    const home = await temporaryFolder();
    const part = `é 漢, #%${'x'.repeat(40)}`;
    const runtimeRoot = join(home, part, part, part, part).slice(0, home.length + 200);
    const { result, failure } = await setup({ runtimeRoot, homeDir: home, env: plainEnvironment(home) });
    expect(failure).toBeNull();
    expect(result!.pythonPath.startsWith(runtimeRoot)).toBe(true);
  });

  it.runIf(process.getuid?.() === 0)('this user may not write', async () => {
    const home = await temporaryFolder();
    const runtimeRoot = join(home, 'runtime');
    await mkdir(runtimeRoot);
    await chmod(home, 0o755);
    await chmod(runtimeRoot, 0o555);
    const script = `exec setpriv --reuid=65534 --regid=65534 --clear-groups "$0" "$@"`;
    const args = ['setup', '--yes', '--runtime-root', runtimeRoot, '--index-url', index.url];
    const outcome = await shell(script, [process.execPath, LAUNCHER, ...args], plainEnvironment(home));
    expect(outcome.stderr).toContain(runtimeRoot);
    expect(outcome.stderr).toMatch(/permission|cannot be written/i);
    expect(outcome.stderr).toContain('--runtime-root');
    expect(outcome.exitCode).toBe(1);
  });

  it.runIf(process.getuid?.() === 0)('lies on a read-only file system', async () => {
    const home = await temporaryFolder();
    const runtimeRoot = join(home, 'runtime');
    await mkdir(runtimeRoot);
    const script = `mount -t tmpfs -o ro none ${runtimeRoot} && exec "$0" "$@"`;
    const args = ['setup', '--yes', '--runtime-root', runtimeRoot, '--index-url', index.url];
    const command = ['-m', 'sh', '-c', script, process.execPath, LAUNCHER, ...args];
    const outcome = await shell('exec unshare "$0" "$@"', command, plainEnvironment(home));
    expect(outcome.stderr).toContain(runtimeRoot);
    expect(outcome.stderr).toMatch(/read-only|cannot be written/i);
    expect(outcome.exitCode).toBe(1);
  });
});

describe('the surroundings', () => {
  it('KTX_RUNTIME_ROOT empty: the default holds', async () => {
    const home = await temporaryFolder();
    const outcome = await runProgram(['admin', 'runtime', 'status'], {
      env: plainEnvironment(home, { KTX_RUNTIME_ROOT: '' }),
    });
    expect(outcome.stdout).toContain(`runtime root: ${join(home, '.ktx', 'runtime')}`);
  });

  it('stdin closed, stdout closed early: no stack trace, a true exit code', async () => {
    const home = await temporaryFolder();
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the shell's own variable
    const script = '"$0" "$@" <&- | head -n 1; echo "exit ${PIPESTATUS[0]}"';
    const args = ['setup', '--yes', '--json', '--index-url', index.url];
    const outcome = await shell(
      script,
      [process.execPath, LAUNCHER, ...args],
      plainEnvironment(home),
      'bash',
    );
    expect(outcome.stderr).toBe('');
    expect(outcome.stdout).toMatch(/^\{"schemaVersion":1.*\nexit \d+\n$/);
    expect(outcome.stdout).not.toContain('exit 13');
  });
});

it('an error that nobody foresaw is our fault and says so', () => {
  const report = describeFailure(new TypeError('x is not a function'), {
    step: 'prove',
    untouched: '',
    logPath: null,
  });
  expect(report).toMatchObject({ failureClass: 'internal', title: 'x is not a function' });
});

function shell(script: string, args: string[], env: NodeJS.ProcessEnv, name = 'sh') {
  return new Promise<{ exitCode: number; stdout: string; stderr: string }>((resolve) => {
    execFile(name, ['-c', script, ...args], { env }, (error, stdout, stderr) => {
      resolve({ exitCode: error ? Number(error.code) : 0, stdout, stderr });
    });
  });
}
