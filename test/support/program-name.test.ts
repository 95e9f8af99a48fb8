import { afterEach, describe, expect, it } from 'vitest';
import { harmlessText } from '../../src/support/harmless.ts';
import { programName, setProgramName, withProgramName } from '../../src/support/program-name.ts';

afterEach(() => setProgramName('ktx'));

describe('the name of the program in a text', () => {
  it.each([
    ['ktx is ready', 'acme is ready'],
    ['Run: ktx setup --yes', 'Run: acme setup --yes'],
    ['"message":"Update ktx, then run"', '"message":"Update acme, then run"'],
    ['Made for this ktx', 'Made for this acme'],
    ['written by a newer ktx.', 'written by a newer acme.'],
    ['the `ktx` command', 'the `acme` command'],
  ])('%s', (text, expected) => {
    setProgramName('acme');
    expect(withProgramName(text)).toBe(expected);
    expect(harmlessText(text)).toBe(expected);
  });

  it.each([
    'ktx',
    '"stream":"ktx"',
    'llm.models.default is missing in ktx.yaml',
    'a ktx-daemon of 2.1.0',
    'ktx_daemon/app.py',
    'in ~/.ktx/runtime',
    'npx ktx-setup',
    'kaelio-ktx',
    'KTX_RUNTIME_ROOT',
    '/srv/my ktx root/2.1.0',
    'C:\\Program Files\\ktx tools',
    'https://ktx.example/a',
    'support@ktx.example',
  ])('%s stays as it is', (text) => {
    setProgramName('acme');
    expect(withProgramName(text)).toBe(text);
  });

  it('changes nothing when none was declared', () => {
    expect(programName()).toBe('ktx');
    expect(withProgramName('ktx is ready')).toBe('ktx is ready');
  });
});
