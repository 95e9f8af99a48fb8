import { expect, it } from 'vitest';
import { similarNames } from '../../../src/support/text/similar-names.ts';

const names = ['index', 'extra-index', 'proxy', 'no-proxy', 'ca-file', 'python-mirror', 'official-mirror'];

it.each<[string, string[]]>([
  ['idnex', ['index']],
  ['cafile', ['ca-file']],
  ['index-url', ['index']],
  ['extra-index-url', ['extra-index']],
  ['HTTPS_PROXY', ['proxy']],
  ['mirror', ['python-mirror', 'official-mirror']],
  ['inx', []],
  ['password', []],
  ['url', []],
  ['-', []],
  ['', []],
])('%j may have meant %j', (typed, expected) => {
  expect(similarNames(typed, names)).toEqual(expected);
});
