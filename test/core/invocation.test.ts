import { describe, expect, it } from 'vitest';
import { remedyFor } from '../../src/core/invocation.ts';
import {
  CHOOSE_CA_FILE,
  COPY_STORE,
  GO_ONLINE,
  OTHER_ROOT,
  RETRY,
  SAVE_REPORT,
  USE_INDEX,
} from '../../src/support/remedies.ts';

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

  it('leaves out what stood in the way', () => {
    expect(here(GO_ONLINE, 'setup', '--offline', '--yes').argv).toEqual([...program, 'setup', '--yes']);
    expect(here(COPY_STORE, 'setup', '--offline').afterwards).toEqual([...program, 'setup', '--offline']);
  });

  it('never repeats a secret: it is a value to fill in', () => {
    const found = here(RETRY, 'setup', '--index-url', 'https://me:s3cret-word@index.example/simple');
    expect(JSON.stringify(found)).not.toContain('s3cret-word');
    expect(found.argv).toContain('<secret>');
    expect(found.placeholders.map(({ name }) => name)).toEqual(['secret']);
  });
});

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
