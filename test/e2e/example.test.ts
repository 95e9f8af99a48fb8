import { execFile } from 'node:child_process';
import { cp, mkdir, readdir, readFile, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import { PACKAGE_ROOT } from '../../src/support/package-root.ts';
import { type ProgramResult, plainEnvironment, runProgram } from '../fixtures/program.ts';
import { temporaryFolder, temporaryFolderForFile } from '../fixtures/temporary-folder.ts';
import { openTerminal } from '../pty/terminal.ts';

const run = promisify(execFile);
/** The name where a person would read it: not in a path, a file name or an identifier. */
const OUR_NAME = /(?<![\w./@:~+\\-])ktx(?![\w/\\-]|\.\w)/;

let home: string;
let project: string;
let assetDir: string;

/** What the tests of other asset makings share: tools and downloads. */
const SCRATCH = join(PACKAGE_ROOT, '.tmp/assets');
const make = (...flags: string[]) =>
  run(process.execPath, [
    join(PACKAGE_ROOT, 'bin/ktx-setup-assets.mjs'),
    project,
    '--scratch',
    SCRATCH,
    ...flags,
  ]);

const acme = (...args: string[]): Promise<ProgramResult> =>
  runProgram(args, {
    launcher: join(project, 'bin/acme.mjs'),
    env: plainEnvironment(home),
    cwd: project,
  });

async function filesOf(folder: string): Promise<Map<string, string>> {
  const names = await readdir(folder);
  return new Map(
    await Promise.all(
      names.map(async (name) => [name, await readFile(join(folder, name), 'base64')] as const),
    ),
  );
}

beforeAll(async () => {
  const folder = await temporaryFolderForFile();
  home = join(folder, 'home');
  project = join(folder, 'acme');
  assetDir = join(project, 'assets/python');
  await mkdir(home);
  await cp(join(PACKAGE_ROOT, 'examples/acme'), project, {
    recursive: true,
    filter: (path) => !/node_modules|assets\/python/.test(path),
  });
  await mkdir(join(project, 'node_modules'));
  await symlink(PACKAGE_ROOT, join(project, 'node_modules/ktx-setup'));
  await make();
});

describe('the assets of the example', () => {
  it('are the same bytes when they are made again, with and without the earlier ones', async () => {
    const first = await filesOf(assetDir);
    expect([...first.keys()].sort()).toEqual([
      'acme_agent-2.1.0-py3-none-any.whl',
      'lock.json',
      'manifest.json',
      'requirements.core.txt',
      'requirements.local-embeddings.txt',
    ]);
    const { stdout } = await make('--check');
    expect(stdout).toContain('is up to date');
    await rm(assetDir, { recursive: true });
    await make();
    expect(await filesOf(assetDir)).toEqual(first);
  });
});

describe('acme', () => {
  it('is set up in the wizard, which calls it by its name', async () => {
    const terminal = openTerminal({
      command: process.execPath,
      args: [join(project, 'bin/acme.mjs'), 'setup'],
      cwd: project,
      env: { ...plainEnvironment(home), TERM: 'xterm-256color', CI: undefined },
      columns: 100,
      rows: 30,
    });
    const screens: string[] = [];
    const see = async (wanted: string | RegExp) => {
      await terminal.until(wanted, 120_000);
      screens.push(terminal.text());
    };
    try {
      await see('What should acme be able to do on this machine?');
      expect(screens[0]).toMatch(/Acme agent +answers questions about your warehouse/);
      expect(screens[0]).toContain('Acme agent + tables');
      terminal.press('enter');
      await see(/› Install/);
      terminal.press('enter');
      await see('acme is ready');
      terminal.press('enter');
      expect(await terminal.exited).toMatchObject({ exitCode: 0 });
      for (const screen of screens) expect(screen).not.toMatch(OUR_NAME);
    } finally {
      terminal.close();
    }
  });

  it('passes its own doctor', async () => {
    const { stdout, exitCode } = await acme('doctor', '--deep');
    expect(stdout).not.toContain('✗');
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/Python \S+ imports acme_agent/);
    expect(stdout).toMatch(/acme 2\.1\.0 \(core\)/);
  });

  it('installs the larger feature headlessly, and its command uses the extra', async () => {
    expect(await acme('ask', '1.9 1.10')).toMatchObject({ stdout: '1.10\n', exitCode: 0 });
    const { stdout, exitCode } = await acme('setup', '--yes', '--feature', 'local-embeddings');
    expect(stdout).toContain('acme 2.1.0 is ready');
    expect(stdout).not.toContain('warning');
    expect(exitCode).toBe(0);
    expect((await acme('ask', '1.9 1.10')).stdout).toMatch(/question +newest\n-+ +-+\n1\.9 1\.10 +1\.10\n/);
  });

  it('starts and stops its daemon', async () => {
    const started = await acme('admin', 'runtime', 'start');
    expect(started.stdout).toMatch(/Started acme daemon\n/);
    expect((await acme('admin', 'runtime', 'start')).stdout).toMatch(/Using existing acme daemon\n/);
    expect((await acme('admin', 'runtime', 'stop')).stdout).toMatch(/Stopped acme daemon\n/);
  });

  it('has its own name in help, errors, remedies, doctor and report', async () => {
    const elsewhere = await temporaryFolder();
    const report = join(elsewhere, 'report.txt');
    const lines: string[][] = [
      ['--help'],
      ['setup', '--help'],
      ['doctor', '--help'],
      ['doctor', '--list'],
      ['doctor'],
      ['admin', '--help'],
      ['admin', 'runtime', '--help'],
      ['admin', 'runtime', 'status'],
      ['admin', 'runtime', 'prune'],
      ['admin', 'network', 'show'],
      ['admin', 'report', '--output', report],
      ['setpu'],
      ['setup'],
      ['setup', '--yes', '--force', '--python', '/nowhere/python3'],
      ['setup', '--yes', '--force', '--offline', '--runtime-root', elsewhere],
      ['bundle', 'verify', join(elsewhere, 'none')],
    ];
    const texts = await Promise.all(
      lines.map(async (args) => {
        const { stdout, stderr } = await acme(...args);
        return `acme ${args.join(' ')}\n${stdout}${stderr}`;
      }),
    );
    texts.push(await readFile(report, 'utf8'));
    for (const text of texts) expect(text).not.toMatch(OUR_NAME);
    expect(texts.join('')).toContain('Did you mean: acme setup');
    expect(texts.join('')).toMatch(/acme(?:\.mjs)? setup .*--python auto/);
  });

  it('says its name, and keeps the protocol, in JSON', async () => {
    const { stdout } = await acme('setup', '--yes', '--json', '--force', '--python', '/nowhere/python3');
    const events = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(events[0]).toMatchObject({ name: 'ktx setup', cliVersion: '2.1.0' });
    const { nextSteps } = events.at(-1).failure;
    expect(nextSteps.join('\n')).toContain('acme.mjs setup');
  });
});
