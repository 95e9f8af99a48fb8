import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bundleDemo, type Demo, type DemoTerminal } from './demo-terminal.ts';

let demo: Demo;
beforeAll(async () => {
  demo = await bundleDemo();
});
afterAll(() => demo.dispose());

type StartOptions = NonNullable<Parameters<Demo['start']>[0]>;

/** The menu of a working runtime, with the pointer on a choice. */
async function atChoice(label: string, options: StartOptions = {}): Promise<DemoTerminal> {
  const terminal = await demo.start({ scenario: 'ready', ...options });
  await terminal.until('› Check that it works');
  while (!terminal.text().includes(`› ${label}`)) {
    const before = terminal.text();
    terminal.press('down');
    await terminal.until((text) => text !== before);
  }
  terminal.press('enter');
  return terminal;
}

async function leave(terminal: DemoTerminal, exitCode = 0): Promise<void> {
  await terminal.type('q');
  expect(await terminal.exited).toMatchObject({ exitCode });
}

describe('the menu of a working runtime', () => {
  it('chooses a language model: asked live, then written', async () => {
    const terminal = await atChoice('Language model of this project');
    await terminal.until('› Claude subscription');
    terminal.press('down');
    await terminal.until('› Codex subscription');
    terminal.press('enter');
    await terminal.until('enter takes gpt-5.5');
    await terminal.type('gpt-wrong');
    terminal.press('enter');
    await terminal.until('Asking codex (gpt-wrong)');
    terminal.open('probe');
    await terminal.until('cannot be used');
    expect(terminal.text()).toContain('Nothing was written.');
    terminal.press('down');
    await terminal.until('› Another model');
    terminal.press('enter');
    await terminal.until('› gpt-wrong█');
    terminal.send('\u0015');
    await terminal.until('enter takes gpt-5.5');
    terminal.press('enter');
    await terminal.until('› Write it to ktx.yaml');
    terminal.press('enter');
    await terminal.until('✓ The language model is chosen');
    terminal.press('enter');
    await terminal.until('› Language model of this project');
    await leave(terminal);
  });

  it('lends the terminal to an editor, and shows what it changed before anything is applied', async () => {
    const editor = `sh -c 'echo "the editor runs: $(stty -a | grep -o " -*icanon")"; read line; echo "got $line"'`;
    const terminal = await atChoice('Model host of this project (SSH)', { env: { EDITOR: editor } });
    await terminal.until('› Edit the whole text');
    terminal.press('enter');
    await terminal.until('the editor runs:  icanon');
    expect(terminal.isAlternateScreen()).toBe(false);
    expect(terminal.isCursorVisible()).toBe(true);
    await terminal.type('q');
    terminal.press('enter');
    await terminal.until('› Apply it to the host');
    expect(terminal.isAlternateScreen()).toBe(true);
    expect(terminal.isCursorVisible()).toBe(false);
    expect(terminal.text()).toMatch(/^ - {5}ttl: 300$/m);
    expect(terminal.text()).toMatch(/^ \+ {5}ttl: 600$/m);
    terminal.press('enter');
    await terminal.until('◐ Writing it');
    expect(terminal.text()).toContain('✓ Backing up the file on the host');
    terminal.open('apply');
    await terminal.until('✓ models.acme.internal uses the new configuration');
    await leave(terminal);
  });

  it('starts the daemon; Ctrl+C stops that and says what became of it', async () => {
    const terminal = await atChoice('Start the daemon');
    await terminal.until('Starting the ktx daemon');
    terminal.press('ctrl+c');
    await terminal.until('Stopped. No daemon was left running.');
    terminal.press('down');
    await terminal.until('› Try again');
    terminal.press('enter');
    terminal.open('action');
    await terminal.until('✓ The ktx daemon is running');
    terminal.press('enter');
    await terminal.until('› Start the daemon');
    await leave(terminal);
  });

  it('removes nothing by a bare Enter', async () => {
    const terminal = await atChoice('Remove ktx from this machine');
    await terminal.until('602 MB  in all');
    expect(terminal.text()).toContain('› Back');
    terminal.press('enter');
    await terminal.until('› Remove ktx from this machine');
    await leave(terminal);
  });
});

describe('a broken runtime', () => {
  it('opens the doctor: a repair is shown, stopped, done, and undone', async () => {
    const terminal = await demo.start({ scenario: 'broken' });
    await terminal.until('◐ Runtime');
    terminal.open('check');
    await terminal.until('✗ 1 check needs attention');
    expect(terminal.text()).toContain('› r rebuild environment');
    await terminal.type('r');
    await terminal.until('› Repair');
    expect(terminal.text()).toContain('52 MB to download from pypi.acme.internal · can be undone');
    terminal.press('enter');
    await terminal.until('$ uv pip install --offline');
    terminal.press('ctrl+c');
    await terminal.until('Everything was put back as it was.');
    await terminal.until('r repair');
    await terminal.type('r');
    await terminal.until('› Repair');
    terminal.press('enter');
    terminal.open('repair');
    await terminal.until('✓ Repaired: Rebuild environment');
    await terminal.until('✓ Everything works');
    await terminal.type('u');
    await terminal.until('The repair was undone');
    await terminal.until('✗ 1 check needs attention');
    await leave(terminal, 1);
  });
});

describe('the plan', () => {
  it('is made again with another index, and goes on by itself when a bundle arrives', async () => {
    const terminal = await demo.start();
    await terminal.until('enter continue');
    terminal.press('enter');
    terminal.open('plan');
    await terminal.until('› Install');
    terminal.press('right');
    await terminal.until('› Change a source');
    terminal.press('enter');
    await terminal.until('› Package index …');
    terminal.press('enter');
    await terminal.until('type or paste an address');
    terminal.send('\u001b[200~https://pypi.example/simple\r\u001b[201~');
    await terminal.until('› https://pypi.example/simple█');
    terminal.press('enter');
    await terminal.until('› Install');
    terminal.press('right');
    await terminal.until('› Change a source');
    terminal.press('right');
    await terminal.until('› Use a bundle');
    terminal.press('enter');
    await terminal.until('Waiting for the bundle');
    expect(terminal.text()).toMatch(/The bundle ends too\s+early/);
    terminal.open('bundle');
    await terminal.until('› Install');
    await terminal.type('n');
    await terminal.until('from HTTPS_PROXY');
    terminal.press('escape');
    await terminal.until('› Install');
    await leave(terminal);
  });
});
