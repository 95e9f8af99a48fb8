import { expect, it } from 'vitest';
import { isAmongHosts, withPatterns } from '../../../src/network/address/host-patterns.ts';

const shards = (count: number) => Array.from({ length: count }, (_, at) => `s${at}.files.example`);

it('shows four hosts of one domain as one, and three as they are', () => {
  expect(withPatterns([...shards(4), 'a.example'])).toEqual(['*.files.example', 'a.example']);
  expect(withPatterns([...shards(3), ...shards(3)])).toEqual(shards(3));
});

it('makes no pattern of a top-level domain or of addresses', () => {
  const hosts = [
    'a.example',
    'b.example',
    'c.example',
    'd.example',
    '10.0.0.1',
    '10.0.0.2',
    '10.0.0.3',
    '10.0.0.4',
  ];
  expect(withPatterns(hosts)).toEqual(hosts);
});

it.each([
  ['files.example', 'files.example', true],
  ['*.files.example', 's9.files.example', true],
  ['*.files.example:8443', 's9.files.example:8443', true],
  ['*.files.example', 's9.files.example:8443', false],
  ['*.files.example', 'files.example', false],
  ['*.files.example', 'evilfiles.example', false],
  ['files.example', 's9.files.example', false],
])('%s stands for %s: %s', (named, host, expected) => {
  expect(isAmongHosts([named], host)).toBe(expected);
});
