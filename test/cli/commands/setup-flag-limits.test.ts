import { describe, expect, it } from 'vitest';
import {
  chooseSetupMode,
  NO_FLAGS,
  parseSetupFlags,
  type RawSetupFlags,
  requireValue,
  type TalkFlags,
} from '../../../src/cli/commands/setup-flags.ts';

const parse = (raw: RawSetupFlags) => parseSetupFlags(raw, { cwd: '/cwd', projectDir: '/project' });

it('every flag is taken as it was given', () => {
  expect(
    parse({
      feature: 'local-embeddings',
      yes: true,
      input: true,
      plain: true,
      language: 'de',
      json: true,
      python: 'system',
      uv: 'uv',
      offline: true,
      allowHost: ['A.example'],
      ignoreDisk: true,
      runtimeRoot: 'root',
      force: true,
      dryRun: false,
      bundle: 'b',
      trust: 't',
      requireSignature: true,
    }),
  ).toEqual({
    feature: 'local-embeddings',
    isYes: true,
    isInputAllowed: true,
    isPlain: true,
    language: 'de',
    isJson: true,
    python: 'system',
    uvPath: '/cwd/uv',
    indexUrl: null,
    isOffline: true,
    allowedHosts: ['a.example'],
    shouldIgnoreDisk: true,
    runtimeRoot: '/cwd/root',
    shouldForce: true,
    isDryRun: false,
    bundlePath: '/cwd/b',
    trustFile: '/cwd/t',
    isSignatureRequired: true,
    projectDir: '/project',
  });
  expect(parse({ dryRun: true }).isDryRun).toBe(true);
  expect(parse({ requireSignature: false }).isSignatureRequired).toBe(false);
});

const DRY = '--dry-run cannot be combined with --bundle. What a bundle holds: ktx bundle inspect <file>';
const TRUST = '--trust and --require-signature go with --bundle';
const INDEX = '--bundle and --index-url cannot be combined: an install from a bundle asks no index';
const HOST = '--allow-host takes a host name such as files.example.com, without scheme, port or path';
const URL = '--index-url takes an http, https or file address';
const python = (value: string) =>
  `--python takes auto, managed, system, a version such as 3.13, or a path such as ./python3; got ${value}`;

it.each<[RawSetupFlags, string]>([
  [{ bundle: 'b', dryRun: true }, DRY],
  [{ trust: 't' }, TRUST],
  [{ requireSignature: true }, TRUST],
  [{ trust: 't', requireSignature: true }, TRUST],
  [{ bundle: 'b', indexUrl: 'https://a.example' }, INDEX],
  [{ uv: ' ' }, '--uv requires a value'],
  [{ runtimeRoot: '-x' }, '--runtime-root requires a value'],
  [{ bundle: '' }, '--bundle requires a value'],
  [{ bundle: 'b', trust: '' }, '--trust requires a value'],
  [{ python: '' }, '--python requires a value'],
  [{ python: 'x3.12' }, python('x3.12')],
  [{ python: '3.12x' }, python('3.12x')],
  [{ python: '2.7' }, python('2.7')],
  [{ python: '3' }, python('3')],
  [{ indexUrl: '' }, '--index-url requires a value'],
  [{ indexUrl: 'a.example' }, URL],
  [{ indexUrl: 'xhttp://a.example' }, URL],
  [{ indexUrl: 'https2://a.example' }, URL],
  [{ indexUrl: 'http://[x' }, URL],
  [{ allowHost: ['a.example', ''] }, '--allow-host requires a value'],
  [{ allowHost: ['a.example:80'] }, HOST],
  [{ allowHost: ['https://a.example'] }, HOST],
  [{ allowHost: ['a.example/x'] }, HOST],
  [{ allowHost: ['*.example'] }, HOST],
  [{ allowHost: ['x*.files.example'] }, HOST],
  [{ allowHost: ['a.*.files.example'] }, HOST],
  [{ allowHost: ['a b'] }, HOST],
])('%j is refused', (raw, message) => {
  expect(() => parse(raw)).toThrow(new Error(message));
});

it.each<[RawSetupFlags, object]>([
  [{ python: 'python3.12' }, { python: { version: '3.12' } }],
  [{ python: 'cpython@3.12.4' }, { python: { version: '3.12.4' } }],
  [{ python: 'CPython-3.13' }, { python: { version: '3.13' } }],
  [{ python: 'a\\b' }, { python: { path: '/cwd/a\\b' } }],
  [{ allowHost: ['*.files.example'] }, { allowedHosts: ['*.files.example'] }],
  [{ allowHost: [] }, { allowedHosts: [] }],
  [{ bundle: 'b', dryRun: false }, { bundlePath: '/cwd/b' }],
])('%j is taken', (raw, expected) => expect(parse(raw)).toMatchObject(expected));

it.each(['x', ' x', 'a-b'])('%j is a value', (value) => expect(requireValue('--x', value)).toBe(value));

describe('the interface', () => {
  const missing = (why: string) =>
    `Missing setup choice: pass --yes to install the ktx Python runtime without questions.${why}`;
  const mode = (flags: Partial<TalkFlags>, env: NodeJS.ProcessEnv = {}, ttys = [true, true]) => {
    try {
      const [isStdinTty = false, isStdoutTty = false] = ttys;
      return chooseSetupMode({ ...NO_FLAGS, ...flags }, { isStdinTty, isStdoutTty, env });
    } catch (error) {
      return (error as Error).message;
    }
  };

  it.each<[Partial<TalkFlags>, NodeJS.ProcessEnv, boolean[], string]>([
    [{}, {}, [true, true], 'wizard'],
    [{ isPlain: true }, {}, [true, true], 'prompts'],
    [{}, { TERM: 'dumb' }, [true, true], 'prompts'],
    [{}, { TERM: 'xterm' }, [true, true], 'wizard'],
    [{}, { INK_SCREEN_READER: 'true' }, [true, true], 'prompts'],
    [{}, { INK_SCREEN_READER: '' }, [true, true], 'wizard'],
    [{}, { INK_SCREEN_READER: '0' }, [true, true], 'wizard'],
    [{}, { INK_SCREEN_READER: 'False' }, [true, true], 'wizard'],
    [{ isYes: true }, {}, [true, true], 'lines'],
    [{ isYes: true, isPlain: true }, {}, [false, false], 'lines'],
    [{ isYes: true, isJson: true }, {}, [true, true], 'json'],
    [{ isDryRun: true }, {}, [false, false], 'lines'],
    [{ isDryRun: true, isJson: true }, {}, [true, true], 'json'],
    [{ isJson: true }, {}, [true, true], missing('')],
    [{ isInputAllowed: false }, {}, [true, true], missing('')],
    [{}, {}, [false, true], missing(' ktx cannot ask: the input is not a terminal.')],
    [{}, {}, [true, false], missing(' ktx cannot ask: the output is not a terminal.')],
    [{}, { CI: '1' }, [true, true], missing(' ktx asks nothing because CI=1 is set; unset it to be asked.')],
    [{}, { CI: 'false' }, [true, true], 'wizard'],
    [{ isYes: true }, { CI: '1' }, [true, true], 'lines'],
  ])('for %j with %j on terminals %j is %s', (flags, env, ttys, expected) => {
    expect(mode(flags, env, ttys)).toBe(expected);
  });
});
