import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Command } from 'commander';
import { beforeEach, describe, expect, it, test, vi } from 'vitest';
import { addBundle, type BundleArgs } from '../../../src/cli/commands/bundle-program.ts';
import { SetupError } from '../../../src/support/errors.ts';
import { capturedIo } from '../../fixtures/captured-io.ts';
import { contentsOf, MEMBERS, trustOf, writeSmallBundle } from '../../fixtures/small-bundle.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';

const fake = vi.hoisted(() => ({ create: vi.fn(), trust: vi.fn(), sign: vi.fn() }));
vi.mock('../../../src/bundle/create.ts', () => ({ createBundle: fake.create }));
vi.mock('../../../src/bundle/read-trust.ts', () => ({ readBundleTrust: fake.trust }));
vi.mock('../../../src/bundle/sign.ts', () => ({ signContents: fake.sign }));
const { runBundleCommand } = await import('../../../src/cli/commands/bundle-command.ts');

let cwd: string;
beforeEach(async () => {
  cwd = await temporaryFolder();
  for (const each of Object.values(fake)) each.mockReset();
  fake.trust.mockResolvedValue(trustOf());
  fake.create.mockResolvedValue({
    paths: ['/out/a.ktx.1', '/out/a.ktx.2'],
    sizeBytes: 4000,
    sha256: 'd'.repeat(64),
    contents: contentsOf(),
  });
});

/** What the command line becomes. */
async function parsed(...argv: string[]): Promise<BundleArgs> {
  const program = new Command().exitOverride();
  let found: BundleArgs | null = null;
  addBundle(program, async (args) => {
    found = args;
  });
  for (const command of [
    program,
    ...program.commands,
    ...program.commands.flatMap(({ commands }) => commands),
  ])
    command.exitOverride().configureOutput({ writeErr: () => {} });
  await program.parseAsync(['bundle', ...argv], { from: 'user' });
  return found!;
}

async function run(args: BundleArgs, deps: { env?: NodeJS.ProcessEnv } = {}) {
  const { io, printed } = capturedIo();
  const exitCode = await runBundleCommand(args, io, { cwd, ...deps });
  return { exitCode, ...printed };
}

const CREATE = {
  command: 'create',
  platforms: [],
  features: ['core'],
  python: 'managed',
  output: 'a.ktx',
  pythonArchives: [],
  isWithApp: false,
  nodeArchives: [],
  indexUrl: null,
  isOffline: false,
  runtimeRoot: null,
  since: null,
  signKey: null,
  splitBytes: null,
  isJson: false,
} as const;

describe('the command line', () => {
  test.each<[string[], object]>([
    [[], {}],
    [['--platform', 'linux-x64', '--platform', 'darwin-x64'], { platforms: ['linux-x64', 'darwin-x64'] }],
    [['--feature', 'core', '--feature', 'local-embeddings'], { features: ['core', 'local-embeddings'] }],
    [['--python', 'none'], { python: 'none' }],
    [['--python-archive', 'p', '--python-archive', 'q'], { pythonArchives: ['p', 'q'] }],
    [['--with-app'], { isWithApp: true }],
    [['--node-archive', 'n'], { isWithApp: true, nodeArchives: ['n'] }],
    [['--index-url', 'https://i.example'], { indexUrl: 'https://i.example' }],
    [['--offline'], { isOffline: true }],
    [['--runtime-root', '/r'], { runtimeRoot: '/r' }],
    [['--since', 's'], { since: 's' }],
    [['--sign-key', 'k'], { signKey: 'k' }],
    [['--json'], { isJson: true }],
    [['--split', '1MB'], { splitBytes: 1_000_000 }],
    [['--split', '2 gb'], { splitBytes: 2_000_000_000 }],
    [['--split', '1000kB'], { splitBytes: 1_000_000 }],
  ])('create %j', async (flags, change) => {
    expect(await parsed('create', '--output', 'a.ktx', ...flags)).toEqual({ ...CREATE, ...change });
  });

  test.each([['999kb'], ['1'], ['MB'], ['1.5GB'], ['x1MB'], ['1MBx'], ['99999999999GB']])(
    '--split %s is refused',
    async (size) => {
      await expect(parsed('create', '--output', 'a', '--split', size)).rejects.toThrow(
        'It takes a size of at least 1MB, such as 700MB or 2GB.',
      );
    },
  );

  test.each([
    ['an output', ['create']],
    ['one with a name', ['create', '--output', '']],
    ['a runtime root with a name', ['create', '--output', 'a', '--runtime-root', '']],
    ['a file', ['verify']],
    ['two files', ['diff', 'a']],
  ])('needs %s', async (_, argv) => {
    await expect(parsed(...argv)).rejects.toThrow();
  });

  test('verify, inspect and diff', async () => {
    expect(await parsed('verify', 'f')).toEqual({
      command: 'verify',
      file: 'f',
      trust: null,
      isSignatureRequired: false,
      receipt: null,
      isJson: false,
    });
    expect(
      await parsed('verify', 'f', '--trust', 't', '--require-signature', '--receipt', 'r', '--json'),
    ).toEqual({
      command: 'verify',
      file: 'f',
      trust: 't',
      isSignatureRequired: true,
      receipt: 'r',
      isJson: true,
    });
    expect(await parsed('inspect', 'f')).toEqual({ command: 'inspect', file: 'f', isJson: false });
    expect(await parsed('inspect', 'f', '--json')).toMatchObject({ isJson: true });
    expect(await parsed('diff', 'a', 'b')).toEqual({
      command: 'diff',
      older: 'a',
      newer: 'b',
      isJson: false,
    });
    expect(await parsed('diff', 'a', 'b', '--json')).toMatchObject({ isJson: true });
  });
});

describe('create', () => {
  it('makes one for this machine, and says how to check and install it', async () => {
    const { exitCode, stdout } = await run(CREATE, { env: { A: '1' } });
    expect(exitCode).toBe(0);
    expect(stdout).toBe(
      `✓ /out/a.ktx.1, /out/a.ktx.2: 2 files, 4.0 kB, sha256 ${'d'.repeat(64)}\n` +
        '  check it     ktx bundle verify /out/a.ktx.1\n  install it   ktx setup --bundle /out/a.ktx.1\n',
    );
    const [options] = fake.create.mock.lastCall!;
    expect(options).toMatchObject({
      env: { A: '1' },
      platforms: [`${process.platform}-${process.arch}`],
      features: ['core'],
      python: 'managed',
      output: join(cwd, 'a.ktx'),
      isOffline: false,
      pythonArchives: [],
      isWithApp: false,
      nodeArchives: [],
    });
    for (const name of ['runtimeRoot', 'indexUrl', 'since', 'sign', 'splitBytes'])
      expect(options).not.toHaveProperty(name);
  });

  it('passes on every flag, paths from where it was called', async () => {
    const older = await writeSmallBundle(cwd);
    await writeFile(join(cwd, 'k'), '');
    await run({
      ...CREATE,
      platforms: ['linux-x64', 'linux-x64', 'darwin-x64'],
      features: ['local-embeddings'],
      python: 'none',
      pythonArchives: ['p'],
      isWithApp: true,
      nodeArchives: ['n'],
      indexUrl: 'https://i.example',
      isOffline: true,
      runtimeRoot: 'r',
      since: older,
      signKey: 'k',
      splitBytes: 5,
    });
    const [{ sign, signal, ...options }] = fake.create.mock.lastCall!;
    expect(options).toMatchObject({
      platforms: ['linux-x64', 'darwin-x64'],
      features: ['local-embeddings'],
      python: 'none',
      pythonArchives: [join(cwd, 'p')],
      isWithApp: true,
      nodeArchives: [join(cwd, 'n')],
      indexUrl: 'https://i.example',
      isOffline: true,
      runtimeRoot: join(cwd, 'r'),
      since: contentsOf(),
      splitBytes: 5,
    });
    await sign(Buffer.from('x'));
    expect(fake.sign).toHaveBeenCalledWith(Buffer.from('x'), join(cwd, 'k'), signal);
  });

  it('tells its progress, and as JSON only the result', async () => {
    fake.create.mockImplementation(
      async (options: { emit: (event: object) => void; onBytes: (done: number, total: number) => void }) => {
        options.emit({ type: 'note', step: 'fetch', level: 'info', text: 'a note' });
        options.onBytes(4000, 4000);
        return { paths: ['/a'], sizeBytes: 1, sha256: 's', contents: contentsOf() };
      },
    );
    const { stdout } = await run(CREATE);
    expect(stdout).toContain('a note\n');
    expect(stdout).toMatch(/^\[write\] 100 %, 4\.0 kB of 4\.0 kB/m);
    expect(JSON.parse((await run({ ...CREATE, isJson: true })).stdout)).toEqual({
      paths: ['/a'],
      sizeBytes: 1,
      sha256: 's',
      contents: contentsOf(),
    });
  });

  test.each([
    [
      { platforms: ['beos-x64'] },
      '--platform takes linux-x64, linux-arm64, darwin-arm64, darwin-x64, win32-x64, win32-arm64; got beos-x64',
    ],
    [{ features: ['gpu'] }, '--feature takes core or local-embeddings; got gpu'],
    [{ python: 'any' }, '--python takes managed or none; got any'],
  ])('refuses %j', async (change, message) => {
    const { exitCode, stderr, stdout } = await run({ ...CREATE, ...change });
    expect([exitCode, stdout]).toEqual([1, '']);
    expect(stderr).toContain(message);
    expect(fake.create).not.toHaveBeenCalled();
  });

  it('that is stopped: 130, and a word on what is left', async () => {
    fake.create.mockImplementation(async () => {
      process.emit('SIGTERM');
      throw new Error('stopped');
    });
    expect(await run({ ...CREATE, isJson: true })).toEqual({
      exitCode: 130,
      stdout: '',
      stderr: 'Stopped. No incomplete bundle was left.\n',
    });
  });

  it('that failed, as JSON', async () => {
    fake.create.mockRejectedValue(new SetupError('no lock', { failureClass: 'platform' }));
    const { exitCode, stdout, stderr } = await run({ ...CREATE, isJson: true });
    expect([exitCode, stderr]).toEqual([1, '']);
    expect(JSON.parse(stdout).failure).toMatchObject({ title: 'no lock', untouched: 'Nothing was changed.' });
  });
});

describe('verify', () => {
  const verify = {
    command: 'verify',
    trust: null,
    isSignatureRequired: false,
    receipt: null,
    isJson: false,
  } as const;
  it('prints a receipt, and saves one', async () => {
    const file = await writeSmallBundle(cwd);
    const { exitCode, stdout } = await run({
      ...verify,
      file,
      trust: 't',
      isSignatureRequired: true,
      receipt: 'r.json',
    });
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^\[verify\] 100 %/m);
    expect(stdout).toContain(`✓ ${file} is whole: 2 files, `);
    expect(stdout).toContain('\n  made for  ktx 0.3.0, core, linux-x64\n  its signature was not checked\n');
    const receipt = JSON.parse(await readFile(join(cwd, 'r.json'), 'utf8'));
    expect(receipt).toMatchObject({
      schemaVersion: 1,
      type: 'bundle-receipt',
      bundle: file,
      signedBy: null,
      cliVersion: '0.3.0',
      platforms: ['linux-x64'],
      features: ['core'],
      members: MEMBERS.map(({ member: { path, sha256, sizeBytes, licence } }) => ({
        path,
        sha256,
        sizeBytes,
        licence,
      })),
    });
    expect(fake.trust.mock.lastCall![0]).toMatchObject({
      trustFile: join(cwd, 't'),
      isSignatureRequired: true,
    });
    const json = await run({ ...verify, file, isJson: true });
    expect(JSON.parse(json.stdout)).toMatchObject({ type: 'bundle-receipt' });
    expect(fake.trust.mock.lastCall![0]).toMatchObject({ trustFile: undefined, isSignatureRequired: false });
  });

  it('refuses one that was altered', async () => {
    const file = await writeSmallBundle(cwd);
    const bytes = await readFile(file);
    bytes[bytes.length - 1500] = bytes[bytes.length - 1500]! ^ 1;
    await writeFile(file, bytes);
    expect(await run({ ...verify, file })).toMatchObject({
      exitCode: 1,
      stderr: expect.stringMatching(/\S/),
    });
  });
});

describe('inspect and diff', () => {
  it('lists members without checking them', async () => {
    const file = await writeSmallBundle(cwd, {
      contents: { pythonVersion: '3.13.1', platforms: ['linux-x64', 'darwin-x64'] },
    });
    const { stdout } = await run({ command: 'inspect', file, isJson: false });
    expect(stdout.split('\n')).toEqual([
      'made by ktx 0.3.0 for linux-x64, darwin-x64: core',
      'with Python 3.13.1',
      ...MEMBERS.map(({ file: name }) => expect.stringMatching(new RegExp(`^  ${name}  [\\d.]+ k?B  MIT$`))),
      'Listed, not checked. To check every byte: ktx bundle verify <file>',
      '',
    ]);
    expect(JSON.parse((await run({ command: 'inspect', file, isJson: true })).stdout).platforms).toEqual([
      'linux-x64',
      'darwin-x64',
    ]);
    const without = await writeSmallBundle(cwd);
    expect((await run({ command: 'inspect', file: without, isJson: false })).stdout).toContain(
      '\nwithout a Python\n',
    );
  });

  it('compares two', async () => {
    const older = await writeSmallBundle(join(cwd, 'a'));
    const newer = await writeSmallBundle(join(cwd, 'b'));
    expect(await run({ command: 'diff', older, newer, isJson: false })).toMatchObject({
      exitCode: 0,
      stdout: 'The two bundles are identical.\n',
    });
    expect(JSON.parse((await run({ command: 'diff', older, newer, isJson: true })).stdout)).toEqual({
      added: [],
      removed: [],
      changed: [],
      newBytes: 0,
    });
  });
});
