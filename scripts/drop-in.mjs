// `npm run drop-in -- <checkout>`: tries this library in a checkout of the ktx CLI (with dependencies
// installed). The checkout is not changed: in a copy of its CLI in the scratch folder, ten modules are
// replaced by re-exports, and its class of expected errors by ours. Then its own wheel is made with
// ktx-setup-assets, declared as an embedder's, and used.
// - <checkout>  folder with packages/cli
// - --keep      keeps the copy
//
// Prints one line per step; exits with code 1 when one of them fails.
import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..');
/** CLI modules that this library replaces. */
export const MODULES = [
  'managed-local-embeddings',
  'managed-python-command',
  'managed-python-daemon',
  'managed-python-http',
  'managed-python-runtime',
  'managed-uv-release',
  'proxy-env',
  'runtime',
  'runtime-requirements',
  'setup-runtime',
];
/** CLI tests that cover them. */
const TESTS = [
  ...MODULES.filter((name) => name !== 'managed-uv-release'),
  'embedding-resolution',
  'setup-embeddings',
];
/** CLI tests that expect a text which differs here on purpose. */
const OTHER_ON_PURPOSE = new Map([
  [
    'verifyRuntimeAsset reports the source-checkout artifact command when the bundled manifest is missing',
    'the command that builds assets is that of this repository',
  ],
]);
const REEXPORT = `export * from 'ktx-setup';\nexport * from 'ktx-setup/internal';\n`;

function run(command, args, options) {
  const result = spawnSync(command, args, { encoding: 'utf8', maxBuffer: 2 ** 28, ...options });
  if (result.error) throw result.error;
  return result;
}

/** A copy of the CLI with the checkout's dependencies and this package beside them. */
function copyOf(checkout, library) {
  const copy = mkdtempSync(join(tmpdir(), 'ktx-drop-in-'));
  const cli = join(copy, 'packages', 'cli');
  mkdirSync(cli, { recursive: true });
  const link = (from, to, skipped) => {
    for (const name of readdirSync(from))
      if (!skipped.includes(name)) symlinkSync(join(from, name), join(to, name));
  };
  link(checkout, copy, ['packages', '.git']);
  const original = join(checkout, 'packages', 'cli');
  link(original, cli, [
    'src',
    'test',
    'node_modules',
    'dist',
    'package.json',
    'tsconfig.json',
    'tsconfig.test.json',
  ]);
  for (const name of ['src', 'test', 'package.json', 'tsconfig.json', 'tsconfig.test.json']) {
    if (existsSync(join(original, name))) cpSync(join(original, name), join(cli, name), { recursive: true });
  }
  const modules = join(cli, 'node_modules');
  mkdirSync(modules);
  link(join(original, 'node_modules'), modules, ['ktx-setup']);
  symlinkSync(library, join(modules, 'ktx-setup'));
  return { copy, cli };
}

/** This package as npm would install it, packed from a copy, since the bundle here may be in use. */
function packed() {
  const folder = mkdtempSync(join(tmpdir(), 'ktx-packed-'));
  const source = join(folder, 'checkout');
  const files = run('git', ['ls-files', '-co', '--exclude-standard', '-z'], { cwd: ROOT }).stdout;
  for (const file of files.split('\0').filter((name) => name && existsSync(join(ROOT, name))))
    cpSync(join(ROOT, file), join(source, file));
  symlinkSync(join(ROOT, 'node_modules'), join(source, 'node_modules'));
  const { status, stdout, stderr } = run('npm', ['pack', '--silent', '--pack-destination', folder], {
    cwd: source,
  });
  if (status !== 0) throw new Error(`npm pack failed: ${stderr}`);
  const tar = run('tar', ['-xzf', join(folder, stdout.trim().split('\n').at(-1)), '-C', folder]);
  if (tar.status !== 0) throw new Error(tar.stderr);
  return { folder, library: join(folder, 'package') };
}

/** Replaces the CLI's class of expected errors with ours, since its tests use `instanceof`. */
function shareExpectedError(cli) {
  const path = join(cli, 'src', 'errors.ts');
  const shared = "import { KtxExpectedError } from 'ktx-setup';\nexport { KtxExpectedError };\n";
  const text = readFileSync(path, 'utf8');
  writeFileSync(path, text.replace(/export class KtxExpectedError extends Error \{[\s\S]*?\n\}\n/, shared));
}

/** Compiler errors without their positions, which change with the replaced modules. */
function typeErrors(cli) {
  const errors = [];
  for (const project of ['tsconfig.json', 'tsconfig.test.json']) {
    if (!existsSync(join(cli, project))) continue;
    const tsc = run(
      process.execPath,
      [join(cli, 'node_modules/typescript/bin/tsc'), '-p', project, '--noEmit'],
      {
        cwd: cli,
      },
    );
    errors.push(...tsc.stdout.split('\n').filter((line) => / error TS\d+: /.test(line)));
  }
  return errors;
}

const withoutPosition = (line) => line.replace(/\(\d+,\d+\)/, '');

async function main() {
  const args = process.argv.slice(2);
  const [checkout] = args.filter((arg) => !arg.startsWith('--'));
  if (!checkout || !existsSync(join(checkout, 'packages/cli/src'))) {
    process.stderr.write(
      'usage: npm run drop-in -- <checkout of the ktx CLI, dependencies installed> [--keep]\n',
    );
    process.exit(2);
  }
  let failures = 0;
  const report = (what, isGood, detail) => {
    if (!isGood) failures++;
    process.stdout.write(`${isGood ? 'ok  ' : 'FAIL'}  ${what}${detail ? `: ${detail}` : ''}\n`);
  };
  const { folder, library } = packed();
  const { copy, cli } = copyOf(checkout, library);
  try {
    const before = new Set(typeErrors(cli).map(withoutPosition));
    for (const name of MODULES) writeFileSync(join(cli, 'src', `${name}.ts`), REEXPORT);
    shareExpectedError(cli);
    const added = typeErrors(cli).filter((line) => !before.has(withoutPosition(line)));
    report(
      'type check',
      added.length === 0,
      `${added.length} errors added, ${before.size} were there before`,
    );
    for (const line of added.slice(0, 40)) process.stdout.write(`      ${line}\n`);

    const tests = TESTS.map((name) => `test/${name}.test.ts`).filter((path) => existsSync(join(cli, path)));
    const vitest = run(
      process.execPath,
      ['node_modules/vitest/vitest.mjs', 'run', ...tests, '--reporter=json'],
      {
        cwd: cli,
        env: { ...process.env, CI: '1' },
      },
    );
    const outcome = JSON.parse(vitest.stdout.slice(vitest.stdout.indexOf('{')));
    const failed = outcome.testResults.flatMap(({ assertionResults }) =>
      assertionResults.filter(({ status }) => status === 'failed'),
    );
    const unknown = failed.filter(({ fullName }) => !OTHER_ON_PURPOSE.has(fullName));
    report(
      "the CLI's own runtime tests",
      unknown.length === 0 && outcome.numPassedTests > 0,
      `${outcome.numPassedTests} passed, ${unknown.length} failed, ${failed.length - unknown.length} differ on purpose, in ${tests.length} files`,
    );
    for (const { fullName, failureMessages } of failed) {
      const why = OTHER_ON_PURPOSE.get(fullName) ?? failureMessages[0].split('\n')[0];
      process.stdout.write(`      ${fullName}: ${why}\n`);
    }
    buildCli(cli);
    runCommands(cli, report);
    await runWithOwnWheel(checkout, cli, library, report);
  } finally {
    if (args.includes('--keep')) process.stdout.write(`kept: ${copy}\n`);
    else for (const path of [copy, folder]) rmSync(path, { recursive: true, force: true });
  }
  process.exitCode = failures === 0 ? 0 : 1;
}

function buildCli(cli) {
  const tsc = join(cli, 'node_modules/typescript/bin/tsc');
  run(process.execPath, [tsc, '-p', 'tsconfig.json', '--noCheck'], { cwd: cli });
}

/** Runs the CLI with its own home; each call is one line of the report. */
function programOn(home, cli, report) {
  const env = {
    PATH: process.env.PATH,
    HOME: home,
    NO_COLOR: '1',
    KTX_TELEMETRY_DISABLED: '1',
    DO_NOT_TRACK: '1',
  };
  for (const name of [
    'PIP_INDEX_URL',
    'UV_DEFAULT_INDEX',
    'SSL_CERT_FILE',
    'HTTPS_PROXY',
    'https_proxy',
    'NO_PROXY',
  ]) {
    if (process.env[name]) env[name] = process.env[name];
  }
  return (args, expected) => {
    const { status, stdout, stderr } = run(process.execPath, [join(cli, 'dist/bin.js'), ...args], {
      env,
      cwd: home,
    });
    const isGood = status === 0 && expected.test(stdout);
    report(
      `ktx ${args.join(' ').replaceAll(home, '~')}`,
      isGood,
      isGood ? '' : `exit ${status}: ${(stderr || stdout).slice(0, 400)}`,
    );
  };
}

/** The CLI itself, built without types, with this package's wheel. */
function runCommands(cli, report) {
  const home = mkdtempSync(join(tmpdir(), 'ktx-drop-in-home-'));
  const projectDir = join(home, 'project');
  const ktx = programOn(home, cli, report);
  try {
    ktx(['--version'], /\d+\.\d+\.\d+/);
    ktx(['admin', 'runtime', 'install', '--yes'], /Installed ktx Python runtime/);
    ktx(['admin', 'runtime', 'status'], /status: ready/);
    const setup = ['setup', '--yes', '--no-input', '--skip-llm', '--skip-embeddings', '--skip-databases'];
    ktx([...setup, '--skip-sources', '--skip-agents', '--project-dir', projectDir], /./);
    ktx(['--project-dir', projectDir, 'admin', 'runtime', 'start'], /url: http:\/\/127\.0\.0\.1:\d+/);
    addDatabase(projectDir);
    ktx(['--project-dir', projectDir, 'sql', '-c', 'demo', 'select 1 as one'], /one/);
    ktx(['--project-dir', projectDir, 'admin', 'runtime', 'stop'], /Stopped ktx daemon/);
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

/**
 * The CLI with its own wheel: made from the checkout's Python sources, declared in its package.json, and used
 * for a query.
 */
async function runWithOwnWheel(checkout, cli, library, report) {
  const script = join(checkout, 'scripts/build-python-runtime-wheel.mjs');
  if (!existsSync(script)) {
    process.stdout.write(`skip  its own wheel: ${script} is not there\n`);
    return;
  }
  const home = mkdtempSync(join(tmpdir(), 'ktx-drop-in-home-'));
  try {
    const { createRuntimeWheelBuildTree, runtimeWheelLayout } = await import(pathToFileURL(script).href);
    const layout = { ...runtimeWheelLayout(checkout), buildRoot: join(home, 'wheel') };
    await createRuntimeWheelBuildTree(layout);
    const { version } = declareWheel(cli, layout.buildRoot, join(home, 'assets'));
    const maker = run(
      process.execPath,
      [join(library, 'bin/ktx-setup-assets.mjs'), cli, '--scratch', join(ROOT, '.tmp/assets')],
      { cwd: cli },
    );
    report(
      'ktx-setup-assets makes its wheel and a lock',
      maker.status === 0,
      maker.status === 0 ? '' : maker.stderr,
    );

    const projectDir = join(home, 'project');
    cpSync(join(checkout, 'examples/local-warehouse'), projectDir, { recursive: true });
    const inProject = ['--project-dir', projectDir];
    const ktx = programOn(home, cli, report);
    ktx(['admin', 'runtime', 'install', '--yes'], /Installed ktx Python runtime/);
    const versionDir = join(home, '.ktx/runtime', `${version}+wheel.kaelio-ktx`);
    const installed = () => readFileSync(join(versionDir, 'manifest.json'), 'utf8');
    const before = installed();
    const query = ['sl', '--connection-id', 'warehouse', 'query', '--measure', 'orders.total_revenue'];
    ktx([...inProject, ...query, '--dimension', 'orders.status', '--format', 'sql'], /sum\([^)]*amount/i);
    ktx([...inProject, 'admin', 'runtime', 'start'], /url: http:\/\/127\.0\.0\.1:\d+/);
    const isLeft = installed() === before && existsSync(join(versionDir, 'envs'));
    report('start leaves its environment as it was', isLeft, '');
    ktx([...inProject, 'admin', 'runtime', 'stop'], /Stopped ktx daemon/);
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

/** Declares the wheel as a program would, for this machine only. */
function declareWheel(cli, project, assets) {
  const path = join(cli, 'package.json');
  const manifest = JSON.parse(readFileSync(path, 'utf8'));
  const libc =
    process.platform !== 'linux'
      ? ''
      : process.report.getReport().header.glibcVersionRuntime
        ? '-gnu'
        : '-musl';
  manifest['ktx-setup'] = {
    name: 'kaelio-ktx',
    assets,
    build: {
      project,
      proof: { imports: ['ktx_daemon', 'semantic_layer'], serves: true },
      targets: [`${process.platform}-${process.arch}${libc}`],
    },
  };
  writeFileSync(path, JSON.stringify(manifest, null, 2));
  return manifest;
}

/** Adds an empty SQLite database. */
function addDatabase(projectDir) {
  const path = join(projectDir, 'ktx.yaml');
  writeFileSync(join(projectDir, 'demo.db'), '');
  const text = existsSync(path) ? readFileSync(path, 'utf8').replace(/^connections:\s*\{\}\s*$/m, '') : '';
  writeFileSync(path, `${text}\nconnections:\n  demo:\n    driver: sqlite\n    path: ./demo.db\n`);
}

await main();
