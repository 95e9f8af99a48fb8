import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { chmod, mkdir, readdir, readFile, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it, vi } from 'vitest';
import { packageVersion } from '../../src/core/program-version.ts';
import { PATIENT } from '../fixtures/patient.ts';
import { LAUNCHER, plainEnvironment, runProgram } from '../fixtures/program.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';
import { openTerminal, type TestTerminal } from '../pty/terminal.ts';

function openWizard(
  home: string,
  args: string[] = [],
  size: { columns?: number; rows?: number } = {},
): TestTerminal {
  return openTerminal({
    command: process.execPath,
    args: [LAUNCHER, 'setup', ...args],
    env: { ...withoutOurSettings(), ...plainEnvironment(home), TERM: 'xterm-256color' },
    ...size,
  });
}

/** Nothing of the surrounding machine's settings but its trust in certificates. */
function withoutOurSettings(): Record<string, undefined> {
  const names = Object.keys(process.env).filter((name) => /^(PIP_|UV_|KTX_|XDG_)/.test(name));
  return Object.fromEntries(names.map((name) => [name, undefined]));
}

describe('the wizard, key by key, with the real uv and the real package index', () => {
  it('from Features to Done', async () => {
    const home = await temporaryFolder();
    const terminal = openWizard(home);
    await terminal.until('What should ktx be able to do on this machine?');
    expect(terminal.text()).toMatch(/Core .*SQL analysis/);
    terminal.press('enter');
    await terminal.until('Only these', 60_000);
    expect(terminal.text()).toContain('What will happen');
    terminal.press('escape');
    await terminal.until('What should ktx be able to do');
    terminal.press('enter');
    await terminal.until('Only these', 60_000);
    terminal.press('enter');
    await terminal.until('Prove it works');
    await terminal.resize(60, 20);
    await terminal.resize(100, 30);
    await terminal.until('ktx is ready', 120_000);
    expect(terminal.isAlternateScreen()).toBe(true);
    terminal.press('enter');
    expect((await terminal.exited).exitCode).toBe(0);
    expect(terminal.isAlternateScreen()).toBe(false);
    expect(terminal.isCursorVisible()).toBe(true);
    expect(terminal.text()).toMatch(/✓ ktx \d+\.\d+\.\d+ is ready: core/);
    expect(terminal.text()).toContain('~/.ktx/runtime/');
    // What it says to do next runs as it stands.
    const next = / {2}next {5}(.+)/.exec(terminal.text())?.[1] ?? 'exit 99';
    const run = (line: string) =>
      promisify(execFile)('/bin/sh', ['-c', line], { env: plainEnvironment(home) });
    expect((await run(next)).stdout).toContain('http://127.0.0.1:');
    await run(next.replace('runtime start', 'runtime stop'));
    const status = await runProgram(['admin', 'runtime', 'status', '--json'], {
      env: plainEnvironment(home),
    });
    expect(JSON.parse(status.stdout).kind).toBe('ready');

    // The next time it is ready, and says so before anything else.
    const again = openWizard(home);
    await again.until(/is installed: core/);
    expect(again.text()).toContain('Check that it works');
    await again.type('q');
    expect((await again.exited).exitCode).toBe(0);
  });
});

describe('core and local embeddings', () => {
  it('key by key to Done: the sizes of the first screen are those of the plan, and those that came', async () => {
    const home = await temporaryFolder();
    const terminal = openWizard(home);
    await terminal.until('What should ktx be able to do');
    expect(terminal.text()).toMatch(/› ◉ Core {2,}SQL/);
    terminal.press('down');
    await terminal.until(/› ◉ Core \+ local embeddings.*\n +.* MB on disk/);
    const offered = sizesIn(/Core \+ local embeddings.*\n +(.*)/.exec(terminal.text())![1]!);
    terminal.press('enter');
    await terminal.until('Only these', 60_000);
    expect(terminal.text()).toMatch(/^ ↓ embedding model {3}\S.* {2,}\d+ MB$/m);
    // Between where it comes from and the place there is always a gap.
    for (const line of terminal.lines().filter((row) => /^ [↓✓] /.test(row)))
      expect(line.slice(41, 43)).toBe('  ');
    const planned = sizesIn(terminal.text());
    // The first screen asks no host: it does not know yet which Python, and in which form the model comes.
    expect(offered.downloadMegabytes / planned.downloadMegabytes).toBeGreaterThan(0.8);
    expect(offered.downloadMegabytes / planned.downloadMegabytes).toBeLessThan(1.2);
    expect(offered.diskMegabytes / planned.diskMegabytes).toBeGreaterThan(0.8);
    expect(offered.diskMegabytes / planned.diskMegabytes).toBeLessThan(1.2);
    terminal.press('enter');
    await terminal.until('ktx is ready', 180_000);
    terminal.press('enter');
    expect((await terminal.exited).exitCode).toBe(0);
    expect(terminal.text()).toMatch(
      new RegExp(
        `is ready: core, local embeddings .* ${planned.downloadMegabytes} MB from (?:\\d+ hosts|\\S+)`,
      ),
    );
    expect(terminal.text()).toMatch(/ktx(?:\.cjs)? admin runtime start --feature local-embeddings/);

    const again = openWizard(home);
    await again.until(/is installed: core, local embeddings/);
    await again.type('q');
    expect((await again.exited).exitCode).toBe(0);
  });
});

/** `164 MB to download · 378 MB on disk`, in whole megabytes. */
function sizesIn(text: string): { downloadMegabytes: number; diskMegabytes: number } {
  const [, download, disk] = /(\d+) MB(?: and Python)? to download · (\d+) MB on disk/.exec(text) ?? [];
  if (!download || !disk) throw new Error(`No sizes in ${text}`);
  return { downloadMegabytes: Number(download), diskMegabytes: Number(disk) };
}

/** A uv that works until packages are to be installed, and then hangs with a child of its own, as a stuck build does. */
async function stuckUv(home: string): Promise<string> {
  const path = join(home, 'stuck-uv');
  const script = `#!/bin/sh
case "$1 $2" in
"--version ") echo "uv 0.11.21" ;;
"pip install") echo "Resolved 15 packages in 1ms" >&2; trap '' TERM; sleep 1000 & echo "$$ $!" > "${home}/pids"; wait; sleep 1000 ;;
*) for last; do :; done; mkdir -p "$last/bin" ;;
esac
`;
  await writeFile(path, script);
  await chmod(path, 0o755);
  return path;
}

async function openStuckInstall(home: string): Promise<TestTerminal> {
  await mkdir(join(home, '.ktx'), { recursive: true });
  const terminal = openWizard(home, ['--uv', await stuckUv(home)]);
  await terminal.until('What should ktx be able to do');
  terminal.press('enter');
  await terminal.until('Only these', 60_000);
  terminal.press('enter');
  await terminal.until('Resolved 15 packages', 60_000);
  return terminal;
}

/** Processes whose command line names this home: uv, its children, and the program itself. */
function processesOf(home: string): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
        return command.includes(home) ? [`${pid} ${command}`] : [];
      } catch {
        return [];
      }
    });
}

async function expectNothingLeft(home: string): Promise<void> {
  const pids = (await readFile(join(home, 'pids'), 'utf8')).trim().split(' ').map(Number);
  expect(pids).toHaveLength(2);
  const deadline = Date.now() + 5000;
  const isAlive = (pid: number): boolean => {
    try {
      process.kill(pid, 0);
      return !readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ');
    } catch {
      return false;
    }
  };
  while (pids.some(isAlive) || processesOf(home).length > 0) {
    if (Date.now() > deadline)
      throw new Error(`left: ${pids.filter(isAlive)} ${processesOf(home).join('\n')}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const root = join(home, '.ktx', 'runtime');
  const version = (await readdir(root)).find((name) => name !== 'uv');
  expect(await readdir(join(root, version!, 'envs'))).toEqual([]);
  expect(await readdir(join(root, 'uv', 'runs'))).toEqual([]);
}

describe('stopping while uv runs', () => {
  it('Ctrl+C asks, a second one stops: no process left, exit code 130, terminal usable', async () => {
    const home = await temporaryFolder();
    const terminal = await openStuckInstall(home);
    terminal.press('ctrl+c');
    await terminal.until('Stop the installation?');
    expect(processesOf(home).length).toBeGreaterThan(0);
    terminal.press('ctrl+c');
    expect((await terminal.exited).exitCode).toBe(130);
    expect(terminal.isAlternateScreen()).toBe(false);
    expect(terminal.isCursorVisible()).toBe(true);
    expect(terminal.text()).toMatch(/log +~\/\.ktx\/runtime\/[\d.]+\/install\.log/);
    await expectNothingLeft(home);
  });

  it('stopped before there is a log, it names none, not even that of an earlier run', async () => {
    const home = await temporaryFolder();
    const version = join(home, '.ktx', 'runtime', packageVersion());
    await mkdir(version, { recursive: true });
    await writeFile(join(version, 'install.log'), 'of an earlier run');
    await utimes(join(version, 'install.log'), 1e9, 1e9);
    const uv = join(home, 'slow-uv');
    await writeFile(uv, `#!/bin/sh\necho $$ > "${home}/pids"\nexec sleep 1000\n`, { mode: 0o755 });
    const terminal = openWizard(home, ['--uv', uv]);
    await terminal.until('What should ktx be able to do');
    terminal.press('enter');
    await terminal.until('Only these', 60_000);
    terminal.press('enter');
    await vi.waitFor(() => readFile(join(home, 'pids')), PATIENT);
    terminal.press('ctrl+c');
    await terminal.until('Stop the installation?');
    terminal.press('ctrl+c');
    expect((await terminal.exited).exitCode).toBe(130);
    expect(terminal.text()).toContain('Setup cancelled.');
    expect(terminal.text()).not.toContain('install.log');
  });

  it('SIGTERM stops it the same way', async () => {
    const home = await temporaryFolder();
    const terminal = await openStuckInstall(home);
    terminal.kill('SIGTERM');
    expect((await terminal.exited).exitCode).toBe(130);
    expect(terminal.isAlternateScreen()).toBe(false);
    await expectNothingLeft(home);
  });

  it('a closed terminal (SIGHUP) leaves nothing behind', async () => {
    const home = await temporaryFolder();
    const terminal = await openStuckInstall(home);
    terminal.kill('SIGHUP');
    await terminal.exited;
    await expectNothingLeft(home);
  });

  it('without a terminal: SIGTERM ends uv too, exit code 130', async () => {
    const home = await temporaryFolder();
    const uvPath = await stuckUv(home);
    const outcome = await runProgram(['setup', '--yes', '--uv', uvPath], {
      env: plainEnvironment(home),
      onStart: async (kill) => {
        for (let attempt = 0; attempt < 600; attempt++) {
          const isStuck = await readFile(join(home, 'pids')).catch(() => null);
          if (isStuck) break;
          await new Promise((resolve) => setTimeout(resolve, 100));
        }
        kill('SIGTERM');
      },
    });
    expect(outcome.exitCode).toBe(130);
    await expectNothingLeft(home);
  });
});

it('a terminal of 20 x 5 gets one line, and it works', async () => {
  const home = await temporaryFolder();
  const terminal = openWizard(home, [], { columns: 20, rows: 5 });
  await terminal.until(/\S/);
  await terminal.resize(80, 24);
  await terminal.until('What should ktx be able to do');
  await terminal.type('q');
  expect((await terminal.exited).exitCode).toBe(0);
});

it('the terminal is in its usual mode afterwards', async () => {
  const home = await temporaryFolder();
  const script = `"$0" "$1" setup; stty -a | grep -o -e '-\\?icanon' -e '-\\?echo ' | tr '\\n' ' '; echo; echo after; read _`;
  const terminal = openTerminal({
    command: 'sh',
    args: ['-c', script, process.execPath, LAUNCHER],
    env: { ...withoutOurSettings(), ...plainEnvironment(home), TERM: 'xterm-256color' },
  });
  await terminal.until('What should ktx be able to do');
  terminal.press('ctrl+c');
  await terminal.until('after');
  expect(terminal.text()).toMatch(/^icanon echo/m);
  terminal.press('enter');
});
