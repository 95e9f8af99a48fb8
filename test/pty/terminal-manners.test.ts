import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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

const pidFile = () => join(folder, 'pid');

/** The wizard as a job of an interactive shell, which is what stops and continues it. */
async function inShell(scenario = 'install'): Promise<DemoTerminal> {
  const terminal = await demo.start({
    scenario,
    wrapper: 'PS1="shell> " exec bash --norc --noprofile -i',
    env: { PID_FILE: pidFile() },
  });
  await terminal.until('shell>');
  terminal.send(`sh -c 'echo $$ > "$PID_FILE"; exec $DEMO'\r`);
  await terminal.until('enter continue');
  return terminal;
}

describe('the first frame', () => {
  it('stands at the top although the cursor was in the middle of a line', async () => {
    const terminal = await demo.start({ wrapper: "printf 'a word'; exec $DEMO" });
    await terminal.until('enter continue');
    expect(terminal.lines()[0]).toMatch(/^ ktx setup .*Features/);
    expect(terminal.text()).not.toContain('a word');
  });
});

describe('a paste', () => {
  const paste = (text: string) => `\u001b[200~${text}\u001b[201~`;

  it.each([
    ['consents to nothing', 'npm run build\rls -la\r'],
    ['does not quit', 'q'],
    ['does not interrupt', '\u0003'],
  ])('on the plan %s', async (_what, text) => {
    const terminal = await demo.start();
    await terminal.until('enter continue');
    terminal.press('enter');
    terminal.open('plan');
    await terminal.until('› Install');
    terminal.send(paste(text));
    // Read after the paste, so what the paste did has happened.
    await terminal.type('?');
    await terminal.until('Keys on this screen');
    await terminal.type('?');
    await terminal.until('› Install');
  });

  it('is asked for before the first frame, and the terminal gets its own way back', async () => {
    const terminal = await demo.start({ wrapper: '$DEMO; echo the end; read _' });
    await terminal.until('enter continue');
    const output = terminal.output();
    expect(output.indexOf('\u001b[?2004h')).toBeLessThan(output.indexOf('\u001b[?1049h'));
    await terminal.type('q');
    await terminal.until('the end');
    expect(terminal.output().lastIndexOf('\u001b[?2004l')).toBeGreaterThan(
      terminal.output().lastIndexOf('\u001b[?2004h'),
    );
  });
});

describe('keys before the first screen', () => {
  it('wait for it, and count in order', async () => {
    const terminal = await demo.start({ scenario: 'slow-overview' });
    await terminal.until('Checking what is already');
    terminal.press('down');
    terminal.press('enter');
    await terminal.type('?');
    // Ctrl+L draws anew, so that is where the keys before it have been read.
    const before = terminal.output().length;
    terminal.send('\u000c');
    await terminal.until(() => terminal.output().length > before);
    terminal.open('overview');
    await terminal.until('Keys on this screen');
    terminal.press('escape');
    terminal.open('plan');
    await terminal.until('embedding model');
  });

  it('q alone leaves at once', async () => {
    const terminal = await demo.start({ scenario: 'slow-overview' });
    await terminal.until('Checking what is already');
    await terminal.type('q');
    expect(await terminal.exited).toMatchObject({ exitCode: 0 });
  });
});

describe('stopped and continued', () => {
  it('with Ctrl+Z and fg', async () => {
    const terminal = await inShell();
    terminal.send('\u001a');
    await terminal.until('Stopped');
    expect(terminal.isAlternateScreen()).toBe(false);
    expect(terminal.isCursorVisible()).toBe(true);
    terminal.send('stty -a\r');
    await terminal.until(/ icanon .* echo /s);
    terminal.send('fg\r');
    await terminal.until('enter continue');
    expect(terminal.isAlternateScreen()).toBe(true);
    expect(terminal.lines()[0]).toMatch(/^ ktx setup .*Features/);
    terminal.press('down');
    await terminal.until('› ◉ Core + local embeddings');
    await terminal.type('q');
    await terminal.until((text) => text.trimEnd().endsWith('shell>'));
    terminal.send('stty -a\r');
    await terminal.until(/ icanon .* echo /s);
  });

  it('with a signal to it alone', async () => {
    const terminal = await inShell();
    const pid = Number(await readFile(pidFile(), 'utf8'));
    process.kill(pid, 'SIGTSTP');
    await terminal.until('Stopped');
    expect(terminal.isAlternateScreen()).toBe(false);
    terminal.send('fg\r');
    await terminal.until('enter continue');
    // This one gives it no time to leave the screen.
    process.kill(pid, 'SIGSTOP');
    await terminal.until('Stopped');
    terminal.send('fg\r');
    await terminal.until((text) => text.includes('enter continue') && !text.includes('Stopped'));
    terminal.press('down');
    await terminal.until('› ◉ Core + local embeddings');
  });

  it('again and again', async () => {
    const terminal = await inShell();
    for (let round = 0; round < 3; round++) {
      terminal.send('\u001a');
      await terminal.until((text) => text.trimEnd().endsWith('shell>'));
      terminal.send('fg\r');
      await terminal.until('enter continue');
    }
    expect(terminal.text().match(/ktx setup/g)).toHaveLength(1);
  });

  it('goes on when nobody stops it', async () => {
    // Under a shell without job control the kernel refuses to stop the job.
    const terminal = await demo.start();
    await terminal.until('enter continue');
    terminal.send('\u001a');
    await terminal.until(() => !terminal.isAlternateScreen());
    await terminal.until((text) => terminal.isAlternateScreen() && text.includes('enter continue'));
    terminal.press('down');
    await terminal.until('› ◉ Core + local embeddings');
  });
});

describe('what somebody else writes', () => {
  it('goes away with Ctrl+L', async () => {
    const fifo = join(folder, 'message');
    execFileSync('mkfifo', [fifo]);
    const terminal = await demo.start({ wrapper: 'cat "$FIFO" & exec $DEMO', env: { FIFO: fifo } });
    await terminal.until('enter continue');
    await writeFile(fifo, '\r\na message to all\r\nof you');
    await terminal.until('a message to all');
    terminal.send('\u000c');
    await terminal.until((text) => !text.includes('a message') && !text.includes('of you'));
    await terminal.until('enter continue');
    expect(terminal.lines()[0]).toMatch(/^ ktx setup/);
  });

  it('of Node itself waits until the screen is gone', async () => {
    const terminal = await demo.start({ scenario: 'warning', wrapper: '$DEMO; echo the end; read _' });
    await terminal.until('enter continue');
    expect(terminal.output()).not.toContain('a warning of Node itself');
    await terminal.type('q');
    await terminal.until('the end');
    expect(terminal.text()).toContain('a warning of Node itself');
  });
});
