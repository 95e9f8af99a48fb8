import { describe, expect, it } from 'vitest';
import { remedyFor } from '../../src/core/invocation.ts';
import { ownWordsOf } from '../../src/core/own-words.ts';
import {
  CHOOSE_CA_FILE,
  COPY_STORE,
  GO_ONLINE,
  OTHER_ROOT,
  RETRY,
  SAVE_REPORT,
  SET_PROXY,
  SIGN_IN,
  USE_INDEX,
  USE_PINNED_UV,
  USE_SYSTEM_PYTHON,
} from '../../src/support/remedies.ts';
import { commandLine } from '../../src/support/remedy.ts';

const program = ['npx', 'ktx-setup'];
const here = (remedy: typeof RETRY, ...args: string[]) => remedyFor(remedy, { program, args });

describe('a next attempt', () => {
  it('starts the program as it was started', () => {
    expect(here(RETRY, 'setup').argv).toEqual(['npx', 'ktx-setup', 'setup']);
    expect(here(RETRY).command).toBe('npx ktx-setup setup');
  });

  it('has the flags of the failed one', () => {
    const found = here(USE_INDEX, 'setup', '--yes', '--json', '--runtime-root=/opt/ktx');
    expect(found.argv).toEqual([
      ...program,
      'setup',
      '--yes',
      '--json',
      '--runtime-root',
      '/opt/ktx',
      '--index-url',
      '<url>',
    ]);
    expect(found.command).toBe('npx ktx-setup setup --yes --json --runtime-root /opt/ktx --index-url <url>');
  });

  it('gives a flag once: the value of the remedy counts', () => {
    const found = here(OTHER_ROOT, 'setup', '--runtime-root', '/full', '--yes');
    expect(found.argv).toEqual([...program, 'setup', '--yes', '--runtime-root', '<dir>']);
  });

  it('gives a flag once that a script and a person gave both, and each value of one that is repeated', () => {
    const args = ['setup', '--yes', '--bundle', '/carry', '--yes', '--allow-host', 'a', '--allow-host', 'b'];
    expect(here(RETRY, ...args).argv).toEqual([
      ...program,
      'setup',
      '--yes',
      '--bundle',
      '/carry',
      '--allow-host',
      'a',
      '--allow-host',
      'b',
    ]);
  });

  it('leaves out what stood in the way', () => {
    expect(here(GO_ONLINE, 'setup', '--offline', '--yes').argv).toEqual([...program, 'setup', '--yes']);
    expect(here(COPY_STORE, 'setup', '--offline').afterwards).toEqual([...program, 'setup', '--offline']);
  });

  it('leaves out a flag with its value', () => {
    expect(here(USE_PINNED_UV, 'setup', '--uv', '/usr/bin/false', '--yes').argv).toEqual([
      ...program,
      'setup',
      '--yes',
    ]);
  });

  it('never repeats a secret: it is a value to fill in', () => {
    const found = here(RETRY, 'setup', '--index-url', 'https://me:s3cret-word@index.example/simple');
    expect(JSON.stringify(found)).not.toContain('s3cret-word');
    expect(found.argv).toContain('<secret>');
    expect(found.placeholders.map(({ name }) => name)).toEqual(['secret']);
  });
});

describe('a next attempt of another command than setup', () => {
  it.each([
    ['a retry', RETRY, ['bundle', 'create', '--output', 'x.ktx'], 'bundle create --output x.ktx'],
    ['a retry of doctor', RETRY, ['doctor', '--fix', '--yes'], 'doctor --fix --yes'],
    ['a retry of embed', RETRY, ['embed', '--input', 'a b'], "embed --input 'a b'"],
    ['what comes after a hand', SIGN_IN, ['admin', 'runtime', 'start'], 'admin runtime start'],
    [
      'a flag that it takes',
      USE_INDEX,
      ['bundle', 'create', '--index-url', 'https://old.example'],
      'bundle create --index-url <url>',
    ],
    ['another folder', OTHER_ROOT, ['admin', 'runtime', 'start'], 'admin runtime start --runtime-root <dir>'],
    ['a flag of setup alone', USE_SYSTEM_PYTHON, ['admin', 'runtime', 'install'], 'setup --python system'],
    ['what leaves a flag out', GO_ONLINE, ['bundle', 'create', '--offline'], 'bundle create'],
    ['no arguments', RETRY, [], 'setup'],
  ])('%s', (_name, remedy, args, expected) => {
    const { argv, afterwards } = here(remedy, ...args);
    expect(commandLine((argv ?? afterwards)!)).toBe(`npx ktx-setup ${expected}`);
  });

  it('keeps what is stored apart from what is run again', () => {
    const found = here(SET_PROXY, 'bundle', 'create', '--output', 'x.ktx');
    expect(found.argv).toEqual([...program, 'admin', 'network', 'set', 'proxy', '<host:port>']);
    expect(found.afterwards).toEqual([...program, 'bundle', 'create', '--output', 'x.ktx']);
  });

  it('repeats no secret that was a word of the command', () => {
    const args = ['admin', 'network', 'set', 'proxy', 'http://me:s3cret-word@proxy.example'];
    expect(JSON.stringify(here(RETRY, ...args))).not.toContain('s3cret-word');
  });
});

it.each([USE_INDEX, OTHER_ROOT, CHOOSE_CA_FILE, RETRY, USE_SYSTEM_PYTHON, GO_ONLINE, SAVE_REPORT])(
  'the words of a remedy are found again in the whole command: $id',
  (remedy) => {
    const invocation = { program, args: ['setup', '--yes', '--feature', 'core', '--runtime-root=/opt/ktx'] };
    expect(ownWordsOf(remedyFor(remedy, invocation).argv!, invocation)).toEqual(remedy.argv!.slice(1));
    expect(ownWordsOf(['mv', 'a', 'b'], invocation)).toBeNull();
  },
);

it('other commands look for the runtime in the same place, and setup follows with its flags', () => {
  const found = here(CHOOSE_CA_FILE, 'setup', '--yes', '--runtime-root', '/opt/ktx');
  expect(found.argv).toEqual([
    ...program,
    ...['admin', 'network', 'set', 'ca-file', '<file>', '--runtime-root', '/opt/ktx'],
  ]);
  expect(found.afterwards).toEqual([...program, 'setup', '--yes', '--runtime-root', '/opt/ktx']);
  expect(here(SAVE_REPORT, 'embed', '--input', 'x').argv).toEqual([
    ...program,
    ...['admin', 'report', '--output', '<file>'],
  ]);
});
