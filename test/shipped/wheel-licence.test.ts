import { expect, it, test } from 'vitest';
import { readWheelIdentity } from '../../src/shipped/wheel-licence.ts';
import { wheelBytes } from '../fixtures/asset.ts';

const HEAD = 'Metadata-Version: 2.4\nName: My_Package\nVersion: 1.2\n';

test.each([
  [
    'an SPDX expression before all else',
    'License-Expression: MIT\nLicense: BSD\nClassifier: License :: OSI Approved :: Apache Software License\n',
    'MIT',
  ],
  [
    'its own words',
    'License: BSD 3-Clause\nClassifier: License :: OSI Approved :: Apache Software License\n',
    'BSD 3-Clause',
  ],
  ['words of eighty characters', `License: ${'x'.repeat(80)}\n`, 'x'.repeat(80)],
  [
    'a classifier instead of a whole text',
    `License: ${'x'.repeat(81)}\nClassifier: License :: OSI Approved :: MIT License \n`,
    'MIT License',
  ],
  [
    'a classifier instead of UNKNOWN',
    'License: unknown\nClassifier: License :: Public Domain\n',
    'Public Domain',
  ],
  ['any case and blanks', 'LICENSE-EXPRESSION: \t MIT \r\n', 'MIT'],
  ['nothing', '', 'unknown'],
  ['an empty field', 'License:\nKeywords: License: GPL\n', 'unknown'],
  ['not the description', '\nLicense: GPL\n', 'unknown'],
])('the licence of a wheel: %s', async (_, fields, licence) => {
  expect(await readWheelIdentity(wheelBytes(HEAD + fields))).toEqual({
    name: 'My_Package',
    version: '1.2',
    licence,
  });
});

it('a wheel without names or metadata', async () => {
  expect(await readWheelIdentity(wheelBytes('Metadata-Version: 2.4\n'))).toEqual({
    name: '',
    version: '',
    licence: 'unknown',
  });
  await expect(readWheelIdentity(wheelBytes(null))).rejects.toThrow('the wheel has no METADATA');
});
