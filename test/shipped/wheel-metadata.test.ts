import { strToU8, zipSync } from 'fflate';
import { describe, expect, it } from 'vitest';
import { readWheelMetadata, readWheelPythonRequirement } from '../../src/shipped/wheel-metadata.ts';

const wheel = (files: Record<string, string>) =>
  zipSync(Object.fromEntries(Object.entries(files).map(([name, text]) => [name, strToU8(text)])));
const withMetadata = (text: string) => wheel({ 'a-1.0.dist-info/METADATA': text });
const HEADERS = ['Metadata-Version: 2.4', 'Name: My.Wheel', 'Version: 1.0.2', 'Requires-Python: >=3.11'];
const without = (field: string) => HEADERS.filter((line) => !line.startsWith(`${field}:`)).join('\n');

describe('the metadata of a wheel', () => {
  it('has name, version and Python, and the extras that it names', async () => {
    const extras = ['Provides-Extra: one', 'provides-extra:\ttwo  ', 'Provides-Extra:'];
    const text = [...HEADERS, ...extras, '', 'Provides-Extra: of-the-readme'].join('\r\n');
    expect(await readWheelMetadata(withMetadata(text), 'x.whl')).toEqual({
      name: 'My.Wheel',
      version: '1.0.2',
      extras: ['one', 'two'],
      python: { specifier: '>=3.11', minimumVersion: '3.11' },
    });
    expect((await readWheelMetadata(withMetadata(HEADERS.join('\n')), 'x.whl')).extras).toEqual([]);
  });

  it.each(['Name', 'Version'])('that has no %s is refused by name', async (field) => {
    await expect(readWheelMetadata(withMetadata(without(field)), 'x.whl')).rejects.toThrow(
      `The METADATA of x.whl has no ${field}`,
    );
  });

  it('is its own, not that of a package that is vendored in it', async () => {
    const files = {
      'a/_vendor/b-1.0.dist-info/METADATA': 'Name: b\nVersion: 9\nRequires-Python: >=3.8\n',
      'a-1.0.dist-info/METADATA': HEADERS.join('\n'),
    };
    expect((await readWheelMetadata(wheel(files), 'x.whl')).name).toBe('My.Wheel');
  });

  it('that is absent or no archive is refused', async () => {
    await expect(readWheelPythonRequirement(wheel({ 'a.py': '' }), 'x.whl')).rejects.toThrow(
      'Bundled Python runtime wheel metadata is missing: x.whl',
    );
    await expect(readWheelPythonRequirement(new Uint8Array(99), 'x.whl')).rejects.toThrow(
      'Unable to read bundled Python runtime wheel metadata: ',
    );
  });
});

describe('the Python that a wheel requires', () => {
  it.each([
    ['>=3.9', '3.9'],
    ['>=3.10.2', '3.10'],
    ['<4,>=3.12', '3.12'],
    ['!=3.13.0, >=3.13', '3.13'],
    ['<4.0 >=3.11', '3.11'],
    ['>=3.9,>=3.11', '3.9'],
  ])('%s begins with %s', async (specifier, minimumVersion) => {
    const text = `Requires-Python: ${specifier}\n`;
    expect(await readWheelPythonRequirement(withMetadata(text), 'x')).toEqual({ specifier, minimumVersion });
  });

  it.each(['==3.13', '~=3.12', '<4', 'x>=3.9'])('%s has no lower bound that is known', async (specifier) => {
    await expect(
      readWheelPythonRequirement(withMetadata(`Requires-Python: ${specifier}\n`), 'x'),
    ).rejects.toThrow(`Unsupported bundled Python runtime Requires-Python: ${specifier}`);
  });

  it.each(['Name: a\n', 'Requires-Python:\nName: a\n', 'X-Requires-Python: >=3.9\n'])(
    'that is not named is refused: %j',
    async (text) => {
      await expect(readWheelPythonRequirement(withMetadata(text), 'x')).rejects.toThrow(
        'Bundled Python runtime wheel metadata is missing Requires-Python',
      );
    },
  );
});
