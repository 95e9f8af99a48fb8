import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bundleDemo, type Demo, type DemoTerminal } from './demo-terminal.ts';

let demo: Demo;
let folder: string;
beforeAll(async () => {
  demo = await bundleDemo();
  folder = await mkdtemp(join(tmpdir(), 'ktx-pty-'));
});
afterAll(async () => {
  await demo.dispose();
  await rm(folder, { recursive: true, force: true });
});

type StartOptions = NonNullable<Parameters<Demo['start']>[0]>;

async function atFeatures(options?: StartOptions): Promise<DemoTerminal> {
  const terminal = await demo.start(options);
  await terminal.until('enter continue');
  return terminal;
}

async function atPlan(options?: StartOptions): Promise<DemoTerminal> {
  const terminal = await atFeatures(options);
  terminal.press('enter');
  terminal.open('plan');
  await terminal.until('› Install');
  return terminal;
}

async function atInstall(options?: StartOptions): Promise<DemoTerminal> {
  const terminal = await atPlan(options);
  terminal.press('enter');
  await terminal.until('ctrl+c stop');
  return terminal;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

async function whenGone(pid: number): Promise<void> {
  while (isAlive(pid)) await delay(10);
}

/**
 * Says after the wizard how it left the terminal; the wizard's own pid goes to a file. The shell stays: what a program
 * writes last can be lost when the terminal ends with it.
 */
let wrapped = 0;
function wrapper(): { wrapper: string; env: Record<string, string>; pidFile: string } {
  const pidFile = join(folder, `pid-${++wrapped}`);
  return {
    wrapper: `sh -c 'echo $$ > "$PID_FILE"; exec $DEMO'; echo "exit code $?"; stty -a; echo the end; read _`,
    env: { PID_FILE: pidFile },
    pidFile,
  };
}

async function expectRestored(terminal: DemoTerminal, exitCode: number): Promise<void> {
  await terminal.until('the end');
  expect(terminal.isAlternateScreen()).toBe(false);
  expect(terminal.isCursorVisible()).toBe(true);
  expect(terminal.text()).toContain(`exit code ${exitCode}`);
  for (const setting of ['icanon', 'echo', 'isig', 'icrnl', 'opost']) {
    expect(terminal.text()).toMatch(new RegExp(`(?<!-)\\b${setting}\\b`));
  }
}

describe('from the first screen to the last', () => {
  it('installs, checks, and leaves its summary on the normal screen', async () => {
    const { wrapper: shell, env } = wrapper();
    const terminal = await atFeatures({ wrapper: shell, env, rows: 40, columns: 100 });
    expect(terminal.isAlternateScreen()).toBe(true);
    expect(terminal.isCursorVisible()).toBe(false);
    terminal.press('down');
    await terminal.until('› ◉ Core + local embeddings');
    terminal.press('enter');
    await terminal.until('asking pypi.acme.internal …');
    terminal.open('plan');
    await terminal.until(/Python 3\.13\.14 +official builds +releases\.acme\.internal +33 MB/);
    terminal.press('enter');
    await terminal.until('64 of 182 MB');
    terminal.open('half');
    await terminal.until('$ uv pip install');
    terminal.open('packages');
    await terminal.until('Checking that everything works');
    terminal.open('check');
    await terminal.until('✓ ktx is ready');
    terminal.press('enter');
    await expectRestored(terminal, 0);
    expect(terminal.text()).toMatch(
      /✓ ktx 0\.3\.0 is ready: core, local embeddings +21 s · 182 MB from 3 hosts/,
    );
    expect(terminal.text()).toContain('  python   ~/.ktx/runtime/0.3.0/envs/7f3c/bin/python');
    expect(terminal.text()).toContain('  next     ktx admin runtime start --feature local-embeddings');
  });

  it('goes back with Esc and stops the probes', async () => {
    const terminal = await atFeatures();
    terminal.press('enter');
    await terminal.until('asking pypi');
    terminal.press('escape');
    await terminal.until('enter continue');
    terminal.press('enter');
    terminal.open('plan');
    await terminal.until('› Install');
    terminal.press('escape');
    await terminal.until('enter continue');
    await terminal.type('q');
    expect(await terminal.exited).toMatchObject({ exitCode: 0 });
  });

  it('comes from a failure to a second try', async () => {
    const terminal = await atInstall({ scenario: 'failure' });
    terminal.open('half');
    await terminal.until('› Try again');
    expect(terminal.text()).toContain('✗ numpy could not be fetched');
    expect(terminal.text()).toContain('step 1 of 5');
    expect(terminal.text()).toContain('Log: ~/.ktx/runtime/0.3.0/install.log');
    terminal.press('enter');
    terminal.open('packages');
    terminal.open('check');
    await terminal.until('✓ ktx is ready');
    terminal.press('enter');
    expect(await terminal.exited).toMatchObject({ exitCode: 0 });
  });

  it('mends a failure where it happened, with a pasted value', async () => {
    const terminal = await atInstall({ scenario: 'mendable' });
    terminal.open('half');
    await terminal.until('› Choose a certificate file …');
    expect(terminal.text()).toContain("Check this machine's clock");
    terminal.press('enter');
    await terminal.until('type or paste a file');
    await terminal.type('/wrong q?.pem');
    await terminal.until('› /wrong q?.pem█');
    terminal.press('enter');
    await terminal.until('✗ ca-file cannot be /wrong q?.pem');
    terminal.send('\u0015\u001b[200~/etc/acme root.pem\r\u001b[201~');
    await terminal.until('› /etc/acme root.pem█');
    terminal.press('enter');
    terminal.open('packages');
    terminal.open('check');
    await terminal.until('✓ ktx is ready');
  });

  it('leaves a failure with 1, and says again what to do', async () => {
    const { wrapper: shell, env } = wrapper();
    const terminal = await atInstall({ scenario: 'failure', wrapper: shell, env, rows: 40 });
    terminal.open('half');
    await terminal.until('› Try again');
    await terminal.type('q');
    await expectRestored(terminal, 1);
    expect(terminal.text()).toContain('✗ numpy could not be fetched');
    expect(terminal.text()).toContain('log      ~/.ktx/runtime/0.3.0/install.log');
    expect(terminal.text()).toContain('next     Put the certificate');
  });

  it('prints on leaving a failure what a small window left out', async () => {
    const { wrapper: shell, env } = wrapper();
    const terminal = await atInstall({ scenario: 'failure', wrapper: shell, env, rows: 40 });
    terminal.open('half');
    await terminal.until('everything from releases.acme.internal arrived');
    await terminal.resize(40, 12);
    await terminal.until(/… \d more on quit/);
    expect(terminal.text()).toContain('· Put the certificate');
    expect(terminal.text()).not.toContain('everything from');
    await terminal.type('q');
    await terminal.until('the end');
    const farewell = terminal.output().split('\u001b[?1049l').at(-1);
    for (const words of ['Put the certificate', 'self-signed', 'everything from']) {
      expect(farewell).toContain(words);
    }
  });

  it('leaves a failed check with 1', async () => {
    const terminal = await atInstall({ scenario: 'failing-check' });
    for (const gate of ['half', 'packages', 'check']) terminal.open(gate);
    await terminal.until('1 check needs attention');
    terminal.press('enter');
    expect(await terminal.exited).toMatchObject({ exitCode: 1 });
  });

  it('goes back to the environment before an update, and forward again', async () => {
    const terminal = await atInstall({ scenario: 'update' });
    for (const gate of ['half', 'packages', 'check']) terminal.open(gate);
    await terminal.until('u goes back to');
    await terminal.type('u');
    await terminal.until('After switching: core,');
    terminal.press('enter');
    await terminal.until('Switched back to the environment of');
    await terminal.until('u goes forward to');
    await terminal.type('u');
    await terminal.until('Go forward to the environment of');
    terminal.press('enter');
    await terminal.until('Switched forward to the environment of');
    await terminal.until('u goes back to');
    await terminal.type('q');
    expect(await terminal.exited).toMatchObject({ exitCode: 0 });
  });

  it('offers the menu where a runtime works', async () => {
    const terminal = await demo.start({ scenario: 'ready' });
    await terminal.until('› Check that it works');
    terminal.press('enter');
    terminal.open('check');
    await terminal.until('Everything works');
    await terminal.type('q');
    expect(await terminal.exited).toMatchObject({ exitCode: 0 });
  });
});

describe('keys', () => {
  it('that come together are read one by one, each on the screen that the one before led to', async () => {
    const terminal = await atFeatures();
    terminal.send('\u001b[B\r');
    await terminal.until('asking pypi');
    terminal.open('plan');
    await terminal.until('embedding model');
    terminal.send('\u001b[C\rq');
    expect(await terminal.exited).toMatchObject({ exitCode: 0 });
  });

  it('that are typed before the first screen are not lost', async () => {
    const terminal = await demo.start();
    terminal.send('\r');
    terminal.open('plan');
    await terminal.until('› Install');
    terminal.press('ctrl+c');
    expect(await terminal.exited).toMatchObject({ exitCode: 0 });
  });

  it('are all explained behind ?', async () => {
    const terminal = await atInstall();
    await terminal.type('?');
    await terminal.until('Keys on this screen');
    for (const words of ['pgup pgdn', 'Gives the whole window to the log.', 'ctrl+c'])
      expect(terminal.text()).toContain(words);
    terminal.press('escape');
    await terminal.until('following');
  });
});

describe('stopping', () => {
  async function withChild(options: StartOptions = {}): Promise<{ terminal: DemoTerminal; child: number }> {
    const terminal = await atInstall({ scenario: 'child', ...options });
    await terminal.until(/child \d+ runs/);
    const child = Number(/child (\d+) runs/.exec(terminal.text())?.[1]);
    expect(isAlive(child)).toBe(true);
    return { terminal, child };
  }

  it('asks first; the second Ctrl+C ends what runs, restores the terminal and gives 130', async () => {
    const { wrapper: shell, env } = wrapper();
    const { terminal, child } = await withChild({ wrapper: shell, env, rows: 30 });
    terminal.press('ctrl+c');
    await terminal.until('Stop the installation? Your current runtime is untouched.');
    expect(isAlive(child)).toBe(true);
    terminal.press('ctrl+c');
    await expectRestored(terminal, 130);
    expect(isAlive(child)).toBe(false);
    expect(terminal.text()).toContain('Setup cancelled. Nothing was changed.');
  });

  it('takes n for an answer', async () => {
    const { terminal, child } = await withChild();
    terminal.press('ctrl+c');
    await terminal.until('Stop the installation?');
    await terminal.type('n');
    await terminal.until('ctrl+c stop');
    expect(isAlive(child)).toBe(true);
    terminal.press('ctrl+c');
    await terminal.until('Stop the installation?');
    await terminal.type('y');
    expect(await terminal.exited).toMatchObject({ exitCode: 130 });
    expect(isAlive(child)).toBe(false);
  });

  it.each(['SIGTERM', 'SIGHUP', 'SIGINT'] as const)('%s stops without a question', async (signal) => {
    const { wrapper: shell, env, pidFile } = wrapper();
    const { terminal, child } = await withChild({ wrapper: shell, env, rows: 30 });
    process.kill(Number(await readFile(pidFile, 'utf8')), signal);
    await expectRestored(terminal, 130);
    expect(isAlive(child)).toBe(false);
  });

  it('SIGTERM at a question restores the terminal as well', async () => {
    const { wrapper: shell, env, pidFile } = wrapper();
    const terminal = await atFeatures({ wrapper: shell, env, rows: 30 });
    process.kill(Number(await readFile(pidFile, 'utf8')), 'SIGTERM');
    await expectRestored(terminal, 130);
  });

  it('a terminal that is closed leaves nothing behind', async () => {
    const { terminal, child } = await withChild();
    terminal.hangUp();
    await whenGone(child);
    await whenGone(terminal.pid);
  });

  it('Ctrl+C where nothing runs just leaves', async () => {
    const { wrapper: shell, env } = wrapper();
    const terminal = await atFeatures({ wrapper: shell, env, rows: 30 });
    terminal.press('ctrl+c');
    await expectRestored(terminal, 0);
  });
});

describe('the window', () => {
  it('may shrink below all screens and grow again while it installs', async () => {
    const terminal = await atInstall();
    await terminal.until('64 of');
    await terminal.resize(30, 6);
    await terminal.until('Installing: fetch');
    expect(terminal.text()).toMatch(/log .*install\.log/);
    terminal.open('half');
    await terminal.until('Installing: packages');
    await terminal.resize(20, 5);
    await terminal.until('Installing: package');
    await terminal.resize(100, 30);
    await terminal.until('✓ Fetch');
    expect(terminal.text().match(/ktx setup/g)).toHaveLength(1);
    terminal.open('packages');
    await terminal.until('Checking that everything works');
  });

  it('too small to show a plan does not let anybody confirm it', async () => {
    const terminal = await atPlan();
    await terminal.resize(30, 6);
    await terminal.until('The plan is ready');
    terminal.send('\r');
    terminal.send('q');
    expect(await terminal.exited).toMatchObject({ exitCode: 0 });
  });

  it('shows what one agrees to in the smallest window that lets anybody agree', async () => {
    const terminal = await atPlan();
    await terminal.resize(40, 10);
    await terminal.until(/n …$/m);
    const words = ['182 MB to download', 'huggingface.acme.internal', 'esc back', 'q quit'];
    for (const each of words) expect(terminal.text()).toContain(each);
    terminal.press('enter');
    await terminal.until('ctrl+c stop');
  });

  it('scrolls in a flood and follows again', async () => {
    const terminal = await atInstall({ scenario: 'flood' });
    await terminal.until('line 19999');
    terminal.press('pageup');
    await terminal.until(/paused · \d+ more lines ↓/);
    await terminal.type('f');
    await terminal.until('f smaller log');
    terminal.press('end');
    await terminal.until('line 19999');
    expect(terminal.lines().filter((line) => line.includes('line 19'))).toHaveLength(18);
    terminal.press('home');
    await terminal.until('line 18000');
  });
});

describe('colours and characters', () => {
  const colour = /\u001b\[(?:\d+;)*(?:3[0-8]|4[0-8]|9\d|10\d)(?:;\d+)*m/;
  const beyondSixteen = /\u001b\[(?:\d+;)*[34]8[;:]/;

  it('uses the 16 named ones', async () => {
    const terminal = await atInstall();
    expect(terminal.output()).toMatch(colour);
    expect(terminal.output()).not.toMatch(beyondSixteen);
  });

  it('uses none with NO_COLOR', async () => {
    const terminal = await atInstall({ env: { NO_COLOR: '1' }, scenario: 'failure' });
    terminal.open('half');
    await terminal.until('› Try again');
    await terminal.type('q');
    await terminal.exited;
    expect(terminal.output()).not.toMatch(colour);
  });

  it.each([
    ['a locale without UTF-8', { LC_ALL: 'C' }],
    ['the Linux console', { TERM: 'linux' }],
  ])('keeps to ASCII on %s', async (_name, env) => {
    const terminal = await demo.start({ env });
    await terminal.until('enter continue');
    terminal.press('enter');
    terminal.open('plan');
    await terminal.until('> Install');
    terminal.press('enter');
    await terminal.until('ctrl+c stop');
    for (const gate of ['half', 'packages', 'check']) terminal.open(gate);
    await terminal.until('* ktx is ready');
    terminal.press('enter');
    await terminal.exited;
    expect([...terminal.output()].filter((character) => character > '\u007f')).toEqual([]);
  });
});
