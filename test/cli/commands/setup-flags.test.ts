import { describe, expect, it } from 'vitest';
import {
  chooseSetupMode,
  parseSetupFlags,
  type RawSetupFlags,
  type SetupMode,
  type TerminalTraits,
} from '../../../src/cli/commands/setup-flags.ts';

const context = { cwd: '/project', projectDir: '/project' };
const parse = (raw: RawSetupFlags) => parseSetupFlags(raw, context);

describe('parseSetupFlags', () => {
  it('says nothing that was not said', () => {
    expect(parse({})).toEqual({
      feature: null,
      isYes: false,
      isInputAllowed: true,
      isPlain: false,
      language: null,
      isJson: false,
      python: null,
      uvPath: null,
      indexUrl: null,
      isOffline: false,
      allowedHosts: [],
      shouldIgnoreDisk: false,
      runtimeRoot: null,
      shouldForce: false,
      isDryRun: false,
      bundlePath: null,
      trustFile: null,
      isSignatureRequired: false,
      projectDir: '/project',
    });
  });

  it.each<[string, RawSetupFlags, object]>([
    ['auto', { python: 'auto' }, { python: 'auto' }],
    ['managed', { python: 'managed' }, { python: 'managed' }],
    ['system', { python: 'system' }, { python: 'system' }],
    ['an absolute path', { python: '/usr/bin/python3.12' }, { python: { path: '/usr/bin/python3.12' } }],
    ['a version', { python: '3.12' }, { python: { version: '3.12' } }],
    ['a relative path', { python: './python3' }, { python: { path: '/project/python3' } }],
    ['a relative uv', { uv: 'uv' }, { uvPath: '/project/uv' }],
    ['a root', { runtimeRoot: '../rt' }, { runtimeRoot: '/rt' }],
    ['an index', { indexUrl: 'http://127.0.0.1:8080/simple' }, { indexUrl: 'http://127.0.0.1:8080/simple' }],
    ['an index in a folder', { indexUrl: 'file:///srv/simple' }, { indexUrl: 'file:///srv/simple' }],
    ['hosts', { allowHost: ['Files.Example', '10.0.0.7'] }, { allowedHosts: ['files.example', '10.0.0.7'] }],
    [
      'offline with an index',
      { offline: true, indexUrl: 'https://a.example' },
      { isOffline: true, indexUrl: 'https://a.example' },
    ],
    ['--json with --plain', { json: true, plain: true }, { isJson: true, isPlain: true }],
    ['--no-input', { input: false }, { isInputAllowed: false }],
  ])('takes %s', (_name, raw, expected) => {
    expect(parse(raw)).toMatchObject(expected);
  });

  it.each<[RawSetupFlags, string]>([
    [{ python: '' }, '--python requires a value'],
    [{ uv: ' ' }, '--uv requires a value'],
    [{ uv: '--yes' }, '--uv requires a value'],
    [{ runtimeRoot: '' }, '--runtime-root requires a value'],
    [{ indexUrl: '' }, '--index-url requires a value'],
    [{ indexUrl: 'pkgs.example/simple' }, '--index-url takes an http, https or file address'],
    [{ indexUrl: 'ftp://pkgs.example/simple' }, '--index-url takes an http, https or file address'],
    [{ allowHost: [''] }, '--allow-host requires a value'],
    ...['https://a.example', 'a.example:8443', 'a.example/x', 'a b', 'user@a.example'].map(
      (host): [RawSetupFlags, string] => [
        { allowHost: [host] },
        '--allow-host takes a host name such as files.example.com, without scheme, port or path',
      ],
    ),
  ])('%j: %s', (raw, message) => {
    expect(() => parse(raw)).toThrow(new Error(message));
  });

  it('repeats no address that may hold a password', () => {
    expect(() => parse({ indexUrl: 'ftp://me:hunter2@pkgs.example' })).toThrow(/^(?!.*hunter2)/);
  });
});

describe('chooseSetupMode', () => {
  const terminal: TerminalTraits = { isStdinTty: true, isStdoutTty: true, env: { TERM: 'xterm-256color' } };

  it.each<[string, RawSetupFlags, Partial<TerminalTraits>, SetupMode]>([
    ['a terminal', {}, {}, 'wizard'],
    ['a terminal, --plain', { plain: true }, {}, 'prompts'],
    ['a dumb terminal', {}, { env: { TERM: 'dumb' } }, 'prompts'],
    ['a screen reader', {}, { env: { INK_SCREEN_READER: 'true' } }, 'prompts'],
    ['a terminal, --yes', { yes: true }, {}, 'lines'],
    ['a terminal, --yes --plain', { yes: true, plain: true }, {}, 'lines'],
    ['a terminal, --yes --json', { yes: true, json: true, plain: true }, {}, 'json'],
    ['no terminal, --yes', { yes: true }, { isStdinTty: false, isStdoutTty: false }, 'lines'],
    ['no terminal, --yes --no-input', { yes: true, input: false }, { isStdoutTty: false }, 'lines'],
    ['CI=false', {}, { env: { CI: 'false' } }, 'wizard'],
  ])('%s', (_name, raw, traits, mode) => {
    expect(chooseSetupMode(parse(raw), { ...terminal, ...traits })).toBe(mode);
  });

  it.each<[string, RawSetupFlags, Partial<TerminalTraits>, RegExp]>([
    ['no terminal to read from', {}, { isStdinTty: false }, /the input is not a terminal\.$/],
    ['no terminal to write to', {}, { isStdoutTty: false }, /the output is not a terminal\.$/],
    ['CI', {}, { env: { CI: 'true' } }, /CI=true is set; unset it to be asked\.$/],
    ['--no-input', { input: false }, {}, /questions\.$/],
    ['--json', { json: true }, {}, /questions\.$/],
    ['--plain without a terminal', { plain: true }, { isStdoutTty: false }, /the output is not a terminal/],
  ])('%s and no --yes: an error that names the flag and the reason', (_name, raw, traits, reason) => {
    const choose = () => chooseSetupMode(parse(raw), { ...terminal, ...traits });
    expect(choose).toThrow('pass --yes');
    expect(choose).toThrow(reason);
  });
});
