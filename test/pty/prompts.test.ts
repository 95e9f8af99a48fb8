import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bundleDemo, type Demo } from './demo-terminal.ts';

let demo: Demo;
beforeAll(async () => {
  demo = await bundleDemo();
});
afterAll(() => demo.dispose());

// Ctrl+C reaches the whole group when no program is in raw mode: the shell must survive it.
const WRAPPER = 'trap : INT; $DEMO; echo "exit code $?"; stty -a; echo the end; read _';

function start(options: Parameters<Demo['start']>[0] = {}) {
  return demo.start({
    rows: 60,
    columns: 100,
    wrapper: WRAPPER,
    ...options,
    env: { DEMO_PLAIN: '1', ...options.env },
  });
}

describe('the questions without a screen', () => {
  it('ask for the feature and the plan, and tell the rest in lines', async () => {
    const terminal = await start();
    // The terminal echoes what comes before the question, in front of it.
    await terminal.until('Number, then Enter [1]:');
    await terminal.type('7\r');
    await terminal.until(
      /\[1\]: 7\s+"7" is not one of the numbers. Type a number from 1 to 2.\s+Number, then/,
    );
    await terminal.type('2\r');
    terminal.open('plan');
    await terminal.until(/Install this\?[\s\S]*yes, no, details or back, then Enter:/);
    expect(terminal.text()).toContain('Plan: core, local-embeddings for linux-x64-gnu-cp313');
    // An empty line agrees to nothing.
    terminal.press('enter');
    await terminal.until(/back, then Enter:\s+Nothing was typed.\s+Install this\?/);
    // A dumb terminal passes Escape on as a character.
    await terminal.type('\u001b[Amaybe\u001b\r');
    await terminal.until(/"maybe" is not one of the answers.\s+Install this\?/);
    await terminal.type('yes\r');
    for (const gate of ['half', 'packages', 'check']) terminal.open(gate);
    await terminal.until('the end');
    // What a person hears last is how it ended.
    expect(terminal.output()).toMatch(
      /\d+ of \d+ checks passed[\s\S]*✓ ktx 0\.3\.0 is ready: core, local embeddings/,
    );
    expect(terminal.output()).toContain('exit code 0');
    expect(terminal.output()).not.toContain('\u001b[?1049h');
    expect(terminal.text()).toMatch(/(?<!-)\bicanon\b/);
  });

  it('go back to the features, and tell the details of the network', async () => {
    const terminal = await start();
    await terminal.until('Number, then Enter [1]:');
    await terminal.type('2\r');
    terminal.open('plan');
    await terminal.until('Install this?');
    await terminal.type('details\r');
    await terminal.until(/details\s[\s\S]*package index[\s\S]*Install this\?/);
    await terminal.type('back\r');
    await terminal.until(/back\s+What should ktx be able to do[\s\S]*Number, then Enter/);
    await terminal.type('1\r');
    await terminal.until(/Enter \[1\]: 1\s[\s\S]*Install this\?/);
    await terminal.type('no\r');
    await terminal.until(/exit code 0[\s\S]*the end/);
    expect(terminal.text()).toContain('Nothing was changed.');
  });

  it('ask nothing that was answered by a flag, nor where there is no choice', async () => {
    for (const options of [{ env: { DEMO_FEATURE: 'local-embeddings' } }, { scenario: 'no-embeddings' }]) {
      const terminal = await start(options);
      terminal.open('plan');
      await terminal.until('Install this?');
      expect(terminal.text()).not.toContain('What should ktx');
    }
  });

  it.each([
    ['0 x 0', 0, 0],
    ['1 x 1', 1, 1],
  ])('write whole lines on a terminal that says it is %s', async (_size, columns, rows) => {
    const terminal = await start({
      wrapper: 'stty cols $C rows $R; $DEMO; echo "exit code $?"; echo the end; read _',
      env: { C: String(columns), R: String(rows) },
    });
    await terminal.until('Number, then Enter');
    expect(terminal.output()).toContain('  2  Core + local embeddings: ');
    // No cursor movement, whatever the size is.
    expect(terminal.output()).not.toContain('\u001b');
    terminal.send('\u0004');
    await terminal.until(/exit code 0[\s\S]*the end/);
  });

  it('keep to ASCII in a locale without UTF-8', async () => {
    const terminal = await start({ env: { LC_ALL: 'C' } });
    await terminal.until('Number, then Enter');
    await terminal.type('2\r');
    terminal.open('plan');
    await terminal.until('Install this?');
    await terminal.type('no\r');
    await terminal.until('the end');
    expect([...terminal.output()].filter((character) => character > '\u007f')).toEqual([]);
  });

  it('left with Ctrl+C give 0', async () => {
    const terminal = await start();
    await terminal.until('What should ktx be able to do');
    terminal.press('ctrl+c');
    await terminal.until(/exit code 0[\s\S]*the end/);
    expect(terminal.text()).toContain('Setup cancelled.');
  });

  it('an installation stopped with Ctrl+C gives 130', async () => {
    const terminal = await start({ scenario: 'child', env: { DEMO_FEATURE: 'local-embeddings' } });
    terminal.open('plan');
    await terminal.until('Install this?');
    await terminal.type('y\r');
    await terminal.until(/child \d+ runs/);
    terminal.press('ctrl+c');
    await terminal.until(/exit code 130[\s\S]*the end/);
    const child = Number(/child (\d+) runs/.exec(terminal.text())?.[1]);
    expect(() => process.kill(child, 0)).toThrow();
  });

  it('a failure offers its remedies, and gives 1 to a person who leaves', async () => {
    const terminal = await start({ scenario: 'plan-failure', env: { DEMO_FEATURE: 'local-embeddings' } });
    terminal.open('plan');
    await terminal.until('What next?');
    expect(terminal.text()).toContain('✗ numpy could not be fetched');
    expect(terminal.text()).toContain('next     Put the certificate');
    await terminal.until(/1 {2}Try again\s+2 {2}Quit\s+Number, then Enter/);
    terminal.send('\u0004');
    await terminal.until(/exit code 1[\s\S]*the end/);
  });

  it('Ctrl+C at the remedies leaves a failure, which stays one', async () => {
    const terminal = await start({ scenario: 'plan-failure', env: { DEMO_FEATURE: 'local-embeddings' } });
    terminal.open('plan');
    await terminal.until(/2 {2}Quit\s+Number, then Enter/);
    terminal.press('ctrl+c');
    await terminal.until(/exit code 1[\s\S]*the end/);
    expect(terminal.text()).not.toContain('exit code 130');
  });

  it('a remedy asks for its value, and the plan is tried again with it', async () => {
    const terminal = await start({ scenario: 'mendable', env: { DEMO_FEATURE: 'local-embeddings' } });
    for (const gate of ['plan', 'half', 'packages', 'check']) terminal.open(gate);
    await terminal.until('Install this?');
    await terminal.type('yes\r');
    await terminal.until(/What next\?[\s\S]*Number, then Enter/);
    const [, number] = /(\d+) {2}Use another package index/.exec(terminal.text()) ?? [];
    await terminal.type(`${number}\r`);
    await terminal.until('type or paste an address:');
    await terminal.type('nowhere\r');
    await terminal.until(/not an address yet[\s\S]*type or paste an address:/);
    await terminal.type('https://pypi.acme.internal/simple\r');
    await terminal.until('Install this?');
    await terminal.type('no\r');
    await terminal.until(/exit code 0[\s\S]*the end/);
  });

  it('a password is not echoed, and Ctrl+C while it is typed leaves the terminal as it was', async () => {
    const terminal = await start({ scenario: 'login', env: { DEMO_FEATURE: 'local-embeddings' } });
    for (const gate of ['plan', 'half', 'packages', 'check']) terminal.open(gate);
    await terminal.until('Install this?');
    await terminal.type('yes\r');
    await terminal.until(/What next\?[\s\S]*Number, then Enter/);
    await terminal.type('1\r');
    await terminal.until(/User name for the proxy: .*:/);
    await terminal.type('anna\r');
    await terminal.until(/Password for the proxy: .*:/);
    await terminal.type('correct-horse\r');
    await terminal.until(/Proxy: [^:]*:/);
    await terminal.type('proxy.acme.internal:3128\r');
    await terminal.until(/3128\s[\s\S]*Install this\?/);
    expect(terminal.output()).not.toContain('horse');
    await terminal.type('no\r');
    await terminal.until(/exit code 0[\s\S]*the end/);

    const other = await start({ scenario: 'login', env: { DEMO_FEATURE: 'local-embeddings' } });
    for (const gate of ['plan', 'half', 'packages', 'check']) other.open(gate);
    await other.until('Install this?');
    await other.type('yes\r');
    await other.until(/What next\?[\s\S]*Number, then Enter/);
    await other.type('1\r');
    await other.until(/User name for the proxy: .*:/);
    await other.type('anna\r');
    await other.until(/Password for the proxy: .*:/);
    other.press('ctrl+c');
    // Back at the choice of remedies.
    await other.until(/Password[\s\S]*What next\?[\s\S]*Number, then Enter/);
    other.send('\u0004');
    await other.until('the end');
    expect(other.text()).toContain('exit code 1');
    expect(other.text()).toMatch(/(?<!-)\bicanon\b/);
    expect(other.text()).toMatch(/(?<!-)\becho\b/);
  });
});
