import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type Key, openTerminal } from './terminal.ts';

async function ask() {
  const terminal = openTerminal({
    command: process.execPath,
    args: [join(import.meta.dirname, '..', 'fixtures', 'ask-consent.ts')],
    columns: 120,
  });
  onTestFinished(() => terminal.close());
  await terminal.until('Continue?');
  return terminal;
}

describe('the question before an install, on a terminal', () => {
  it('shows what will be downloaded, Yes chosen', async () => {
    const terminal = await ask();
    const text = terminal.text().replaceAll(/\s*\n[│\s]*/g, ' ');
    expect(text).toContain(
      'ktx needs to install the core Python runtime. This downloads a pinned, checksum-verified uv build, Python, and dependencies. Continue?',
    );
    expect(terminal.text()).toMatch(/● Yes.*○ No/);
    terminal.press('enter');
    await terminal.until('OUTCOME: installed');
    expect(terminal.text()).toContain('ktx Python runtime ready: /r/0.3.0');
    await terminal.exited;
  });

  it('No names the command for later', async () => {
    const terminal = await ask();
    await terminal.type('n');
    await terminal.until('OUTCOME:');
    expect(terminal.text().replaceAll('\n', '')).toContain(
      'OUTCOME: KtxExpectedError: ktx Python runtime installation was cancelled. Run: ktx admin runtime install --yes',
    );
  });

  it('a signal ends it, and the terminal is as it was', async () => {
    const terminal = await ask();
    process.kill(terminal.pid, 'SIGTERM');
    await terminal.until('OUTCOME: CancelledError: Operation cancelled.');
    await terminal.exited;
    expect(terminal.isCursorVisible()).toBe(true);
  });

  it.each<Key>(['escape', 'ctrl+c'])('commands 7. %s cancels', async (key) => {
    const terminal = await ask();
    terminal.press(key);
    await terminal.until('OUTCOME: CancelledError: Operation cancelled.');
    await terminal.exited;
    expect(terminal.isCursorVisible()).toBe(true);
  });
});
