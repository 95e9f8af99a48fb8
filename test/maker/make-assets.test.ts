import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it, test, vi } from 'vitest';
import { PACKAGE_ROOT } from '../../src/support/package-root.ts';
import { sha256, wheelBytes } from '../fixtures/asset.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';

const fake = vi.hoisted(() => ({ toolbox: vi.fn() }));
vi.mock('../../src/maker/toolbox.ts', () => ({ openToolbox: fake.toolbox }));
const { runMaker } = await import('../../src/maker/main.ts');

const METADATA =
  'Metadata-Version: 2.4\nName: Acme.Tool\nVersion: 1.2.3\nRequires-Python: >=3.12\nProvides-Extra: Vectors_X\n';
const WHEEL = wheelBytes(METADATA);
const FILE = 'acme_tool-1.2.3-py3-none-any.whl';
const six = sha256('six');
const onnx = sha256('onnx');
const PINS = `six==1 --hash=sha256:${six} --hash=sha256:${onnx}`;
const HEADER = '# The following packages were excluded from the output:\n';

/** What the tools were told, and what they say. */
let calls: {
  command: string;
  args: string[];
  env?: NodeJS.ProcessEnv | undefined;
  what?: string | undefined;
  /** What the input of a resolution says. */
  input?: string;
}[];
let targets: Record<string, object>;
let folder: string;
let scratch: string;

/** A list of requirements as uv writes it, with its note at the end. */
const compiled = (text: string) => `${text}\n${HEADER}# acme-tool\n`;

beforeEach(async () => {
  folder = await temporaryFolder();
  scratch = join(folder, 'scratch');
  await mkdir(scratch);
  for (const [digest, name] of [
    [six, 'six-1-py3-none-any.whl'],
    [onnx, 'onnx-2-py3-none-any.whl'],
  ] as const) {
    await mkdir(join(scratch, 'wheels', digest), { recursive: true });
    await writeFile(join(scratch, 'wheels', digest, name), name);
  }
  await writeFile(join(folder, FILE), WHEEL);
  calls = [];
  targets = {
    'linux-x64-gnu-cp312': {
      minimum: { glibc: '2.28' },
      features: { core: [six], 'local-embeddings': [six, onnx] },
    },
    'darwin-arm64-cp313': {
      minimum: { macos: '14.0' },
      features: { core: [six], 'local-embeddings': [six, onnx] },
    },
  };
  const artefacts = {
    [six]: { file: 'six-1-py3-none-any.whl', kind: 'wheel', bytes: 1_000_000, unpackedBytes: 2_000_000 },
    [onnx]: { file: 'onnx-2-py3-none-any.whl', kind: 'wheel', bytes: 3_000_000, unpackedBytes: 4_000_000 },
  };
  const run = async (
    command: string,
    args: string[],
    options: { env?: NodeJS.ProcessEnv; what?: string } = {},
  ) => {
    const input = args[1] === 'compile' ? { input: await readFile(args[2]!, 'utf8') } : {};
    calls.push({ command, args, env: options.env, what: options.what, ...input });
    if (command === 'python') return JSON.stringify({ artefacts, targets });
    const output = args[args.indexOf('--output-file') + 1];
    if (args[1] === 'compile' && output) {
      const before = await readFile(output, 'utf8').catch(() => '');
      await writeFile(
        output,
        output.endsWith('.toml') ? 'pylock' : compiled(before.startsWith('kept') ? before : PINS),
      );
    }
    return '';
  };
  fake.toolbox.mockReset().mockResolvedValue({
    python: 'python',
    uv: 'uv',
    run,
    runUv: (args: string[], options?: object) => run('uv', args, options),
  });
});

async function declare(build: object = {}): Promise<void> {
  const declaration = {
    assets: 'out',
    build: {
      wheel: FILE,
      extras: { 'local-embeddings': ['vectors-x'] },
      proof: { imports: ['acme'], serves: true },
      ...build,
    },
  };
  await writeFile(join(folder, 'package.json'), JSON.stringify({ 'ktx-setup': declaration }));
}

async function make(...flags: string[]) {
  const printed = { stdout: '', stderr: '' };
  const io = {
    stdout: { write: (text: string) => (printed.stdout += text) },
    stderr: { write: (text: string) => (printed.stderr += text) },
  };
  const exitCode = await runMaker([folder, '--scratch', scratch, ...flags], io);
  return { exitCode, ...printed };
}
const out = (name: string) => readFile(join(folder, 'out', name), 'utf8');

describe('ktx-setup-assets', () => {
  it('makes wheel, requirements, lock and a manifest that vouches for them', async () => {
    await declare();
    const { exitCode, stdout, stderr } = await make();
    expect([exitCode, stderr.trimEnd().split('\n')]).toEqual([
      0,
      [
        'Resolving core for every platform',
        'Resolving local-embeddings for every platform',
        'Choosing and measuring wheels',
        'Proving 2 targets with uv',
      ],
    ]);
    expect(stdout).toBe(
      [
        'linux-x64-gnu-cp312  core: 1 wheels, 1.0 MB, unpacked 2.0 MB, {"glibc":"2.28"}; local-embeddings: 2 wheels, 4.0 MB, unpacked 6.0 MB, {"glibc":"2.28"}',
        'darwin-arm64-cp313  core: 1 wheels, 1.0 MB, unpacked 2.0 MB, {"macos":"14.0"}; local-embeddings: 2 wheels, 4.0 MB, unpacked 6.0 MB, {"macos":"14.0"}',
        `Made ${join(folder, 'out')}`,
        '',
      ].join('\n'),
    );
    expect((await readdir(join(folder, 'out'))).sort()).toEqual([
      FILE,
      'lock.json',
      'manifest.json',
      'requirements.core.txt',
      'requirements.local-embeddings.txt',
    ]);
    // Without uv's note about what it left out.
    expect(await out('requirements.core.txt')).toBe(PINS);
    const lockText = await out('lock.json');
    expect(JSON.parse(await out('manifest.json'))).toEqual({
      schemaVersion: 1,
      distributionName: 'Acme.Tool',
      normalizedName: 'acme_tool',
      version: '1.2.3',
      proof: { imports: ['acme'], serves: true },
      wheel: { file: FILE, sha256: sha256(WHEEL), bytes: WHEEL.length },
      lock: { file: 'lock.json', sha256: sha256(lockText) },
      requirements: {
        core: { file: 'requirements.core.txt', sha256: sha256(PINS) },
        'local-embeddings': { file: 'requirements.local-embeddings.txt', sha256: sha256(PINS) },
      },
    });
    const lock = JSON.parse(lockText);
    expect(Object.keys(lock.targets)).toEqual(Object.keys(targets));
    expect(lock.models).toBeUndefined();
    for (const digest of Object.values(lock.python.archives))
      expect(lock.artefacts[digest as string]).toBeDefined();
    // Nothing is left of the run.
    expect((await readdir(scratch)).sort()).toEqual(['wheels']);
  });

  it('resolves for the oldest Python of the wheel, core before what builds on it, without builds or URLs', async () => {
    await declare();
    await make();
    const compiles = calls.filter(({ args }) => args[1] === 'compile').map(({ args }) => args);
    expect(compiles).toHaveLength(4);
    const wheel = expect.stringMatching(/^Acme\.Tool @ file:\/\/.*\/acme_tool-1\.2\.3-py3-none-any\.whl\n$/);
    expect(calls.flatMap(({ input }) => input ?? []).filter((text) => text.includes('@'))).toEqual([
      wheel,
      expect.stringMatching(/^Acme\.Tool\[vectors-x\] @ file:\/\/.*\.whl\n$/),
    ]);
    for (const args of compiles) {
      expect(args.join(' ')).toContain(
        '--universal --python-version 3.12 --no-build --no-header --no-annotate --quiet',
      );
    }
    expect(compiles[0]!.join(' ')).toMatch(
      /core\.in .*--no-emit-package Acme\.Tool --generate-hashes --no-emit-index-url --output-file \S+requirements\.core\.txt$/,
    );
    expect(compiles[0]).not.toContain('--constraint');
    expect(compiles[1]!.join(' ')).toMatch(
      /requirements\.core\.txt .*--format pylock\.toml --output-file \S+pylock\.core\.toml$/,
    );
    expect(compiles[2]!.join(' ')).toMatch(/local-embeddings\.in --constraint \S+requirements\.core\.txt /);
    const choose = calls.find(({ command }) => command === 'python')!;
    expect(choose.args[0]).toBe(join(PACKAGE_ROOT, 'assets/maker/make_lock.py'));
    expect(choose.args[1]).toBe(join(scratch, 'wheels'));
    expect(choose.args.slice(3, 4)).toEqual(['>=3.12']);
    expect(choose.args[5]).toBe('');
    expect(choose.args.slice(6).map((text) => text.replaceAll(/[^=,]*\//g, ''))).toEqual([
      'core=requirements.core.txt,pylock.core.toml',
      'local-embeddings=requirements.local-embeddings.txt,pylock.local-embeddings.toml',
    ]);
    expect(choose.what).toBe('The wheels of the lock cannot be chosen');
  });

  it('has uv prove each list offline, for its platform and Python', async () => {
    await declare();
    await make();
    // Several at once, in the order in which they get on.
    const proofs = calls
      .filter(({ args }) => args[1] === 'install')
      .sort((a, b) => (`${a.what} ${a.args.at(-1)}` < `${b.what} ${b.args.at(-1)}` ? -1 : 1));
    expect(proofs).toHaveLength(4);
    const first = proofs.find(
      ({ args, what }) => /requirements\.core/.test(args.at(-1)!) && /linux/.test(what!),
    );
    expect(first!.args.join(' ')).toMatch(
      /^pip install --dry-run --quiet --offline --no-index --no-build --require-hashes --find-links (\S+) --target \1\/target --python-platform x86_64-manylinux_2_28 --python-version 3\.12 -r \S+requirements\.core\.txt$/,
    );
    expect(first).toMatchObject({
      env: { MACOSX_DEPLOYMENT_TARGET: '14.0' },
      what: 'uv cannot install the locked wheels of linux-x64-gnu-cp312',
    });
    expect(proofs.map(({ args }) => args[args.indexOf('--python-platform') + 1])).toEqual([
      'aarch64-apple-darwin',
      'aarch64-apple-darwin',
      'x86_64-manylinux_2_28',
      'x86_64-manylinux_2_28',
    ]);
  });

  it('keeps the pins of the last making, and takes newer ones with --upgrade', async () => {
    await declare();
    await mkdir(join(folder, 'out'));
    await writeFile(join(folder, 'out', 'requirements.core.txt'), 'kept==1');
    await make();
    expect(await out('requirements.core.txt')).toBe('kept==1');
    await make('--upgrade');
    expect(await out('requirements.core.txt')).toBe(PINS);
  });

  it('removes what an earlier making left, and nothing else', async () => {
    await declare({ extras: {} });
    await mkdir(join(folder, 'out', 'folder.whl'), { recursive: true });
    for (const name of [
      'old-1-py3-none-any.whl',
      'requirements.local-embeddings.txt',
      'notes.txt',
      'lock.json.bak',
      'my.whl.txt',
    ])
      await writeFile(join(folder, 'out', name), '');
    expect((await make()).exitCode).toBe(0);
    expect((await readdir(join(folder, 'out'))).sort()).toEqual(
      [
        FILE,
        'folder.whl',
        'lock.json',
        'lock.json.bak',
        'manifest.json',
        'my.whl.txt',
        'notes.txt',
        'requirements.core.txt',
      ].sort(),
    );
  });

  it('takes the model along where it is asked for', async () => {
    await declare({ model: true });
    await make();
    const lock = JSON.parse(await out('lock.json'));
    const model = lock.models['local-embeddings'];
    for (const digest of [...model.files, model.container.artefact])
      expect(lock.artefacts[digest]).toBeDefined();
  });

  it('--check changes nothing, and names what differs', async () => {
    await declare();
    await make();
    expect(await make('--check')).toMatchObject({
      exitCode: 0,
      stdout: `${join(folder, 'out')} is up to date\n`,
    });
    // The same files agree with each other, and are not what is made now.
    targets = { 'linux-x64-gnu-cp312': targets['linux-x64-gnu-cp312']! };
    const { exitCode, stdout, stderr } = await make('--check');
    expect([exitCode, stdout]).toEqual([1, '']);
    expect(stderr).toContain('lock.json is not what is made from the sources now\n');
    expect(stderr).toContain('manifest.json is not what is made from the sources now\n');
    expect(stderr).not.toContain('requirements.core.txt is not');
    expect(stderr.endsWith('  next     Make the assets again: ktx-setup-assets\n')).toBe(true);
    await writeFile(join(folder, 'out', 'lock.json'), '{}');
    calls = [];
    expect((await make('--check')).exitCode).toBe(1);
    // What contradicts itself needs no index.
    expect(calls).toEqual([]);
  });

  test.each<[string, object, () => void, RegExp]>([
    [
      'an extra that the wheel has not',
      { extras: { 'local-embeddings': ['gpu'] } },
      () => {},
      /has no extra "gpu"\.\n {2}its extras: Vectors_X\n {2}next {5}Correct "extras"/,
    ],
    [
      'a target without wheels',
      { targets: ['win32-x64'] },
      () => {},
      /The lock is not complete\.\n {2}win32-x64: core has no wheels there\n/,
    ],
    [
      'no target at all',
      {},
      () => {
        targets = {};
      },
      /The lock is not complete\.\n {2}core has wheels for no target\n/,
    ],
    [
      'a wanted target without a feature',
      { targets: ['linux-x64-gnu'] },
      () => {
        targets = {
          'linux-x64-gnu-cp312': {
            minimum: {},
            features: { core: [six], 'local-embeddings': { unavailable: 'no onnx' } },
          },
        };
      },
      /linux-x64-gnu-cp312: local-embeddings: no onnx/,
    ],
  ])('%s is refused', async (_, build, change, message) => {
    await declare(build);
    change();
    const { exitCode, stderr } = await make();
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(message);
    await expect(readdir(join(folder, 'out'))).rejects.toThrow('ENOENT');
  });

  it('a gap is allowed where no target was asked for', async () => {
    await declare();
    targets['linux-x64-gnu-cp312'] = {
      minimum: {},
      features: { core: [six], 'local-embeddings': { unavailable: 'no onnx' } },
    };
    const { exitCode, stdout } = await make();
    expect(exitCode).toBe(0);
    expect(stdout).toContain('; local-embeddings: no onnx\n');
    expect(calls.filter(({ args }) => args[1] === 'install')).toHaveLength(3);
  });
});

describe('the command line', () => {
  test.each([
    [['a', 'b'], 'Name one folder.'],
    [['--check', '--upgrade'], '--check and --upgrade cannot be combined.'],
    [['--nope'], "Unknown option '--nope'"],
  ])('%j: 2, with the usage', async (argv, message) => {
    let stderr = '';
    const io = { stdout: { write: () => {} }, stderr: { write: (text: string) => (stderr += text) } };
    expect(await runMaker(argv, io)).toBe(2);
    expect(stderr).toContain(message);
    expect(stderr).toContain('\n\nUsage: ktx-setup-assets [folder] [options]\n');
  });

  test.each(['-h', '--help'])('%s', async (flag) => {
    let stdout = '';
    const io = { stdout: { write: (text: string) => (stdout += text) }, stderr: { write: () => {} } };
    expect(await runMaker([flag], io)).toBe(0);
    expect(stdout).toMatch(/^Usage: /);
  });

  it('works in a cache of the folder by default, with the Python that is named', async () => {
    await declare();
    const io = { stdout: { write: () => {} }, stderr: { write: () => {} } };
    await mkdir(join(folder, 'node_modules/.cache/ktx-setup-assets'), { recursive: true });
    // The wheels are not there, which is what fails.
    expect(await runMaker([folder, '--python', '/opt/python'], io)).toBe(1);
    expect(fake.toolbox.mock.lastCall![0]).toMatchObject({
      scratchDir: join(folder, 'node_modules/.cache/ktx-setup-assets'),
      python: '/opt/python',
      signal: expect.any(AbortSignal),
    });
  });

  it('without a configuration says what to write', async () => {
    expect((await make()).stderr).toMatch(
      /does not say what to make: there is no such file\.\n {2}for example: "ktx-setup"/,
    );
    await writeFile(join(folder, 'package.json'), '{}');
    expect((await make()).stderr).toContain('it has no key "ktx-setup"');
  });
});
