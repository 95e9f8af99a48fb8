import { mkdtemp, rm, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { strToU8, zipSync } from 'fflate';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ZodError } from 'zod';
import { verifyRuntimeAsset } from '../../src/shipped/asset.ts';
import { KtxExpectedError } from '../../src/support/errors.ts';
import { metadataText, WHEEL_FILE, wheelBytes, writeAsset } from '../fixtures/asset.ts';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'ktx-asset-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

async function rejection(): Promise<Error> {
  const error = await verifyRuntimeAsset({ assetDir: dir }).then(
    () => null,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(Error);
  // A broken package is our fault: it must reach error reporting.
  expect(error).not.toBeInstanceOf(KtxExpectedError);
  return error as Error;
}

describe('verifyRuntimeAsset', () => {
  it('4. a valid asset gives the wheel and the Python that it needs', async () => {
    await writeAsset(dir, { manifest: { lock: { file: 'lock.json' } } });
    const asset = await verifyRuntimeAsset({ assetDir: dir });
    expect(asset.wheelPath).toBe(join(dir, WHEEL_FILE));
    expect(asset.requiresPython).toEqual({ specifier: '>=3.13', minimumVersion: '3.13' });
    expect(Object.keys(asset.manifest)).toEqual([
      'schemaVersion',
      'distributionName',
      'normalizedName',
      'version',
      'wheel',
    ]);
  });

  it('5.1 no manifest', async () => {
    expect((await rejection()).message.split('\n')).toEqual([
      `Missing bundled Python runtime manifest: ${join(dir, 'manifest.json')}`,
      'In a source checkout, build the local runtime assets with: npm run assets:build',
      'Then retry the runtime-backed ktx command.',
    ]);
  });

  it('5.2 not JSON: the error unchanged', async () => {
    await writeFile(join(dir, 'manifest.json'), '{"schemaVersion":');
    expect(await rejection()).toBeInstanceOf(SyntaxError);
  });

  it.each([
    ['another schema', { schemaVersion: 2 }],
    ['another distribution', { distributionName: 'kaelio' }],
    ['another normalised name', { normalizedName: 'kaelio-ktx' }],
    ['no version', { version: '' }],
    ['an upper-case digest', { wheel: { file: WHEEL_FILE, sha256: 'A'.repeat(64), bytes: 1 } }],
    ['a negative size', { wheel: { file: WHEEL_FILE, sha256: 'a'.repeat(64), bytes: -1 } }],
    ['a broken size', { wheel: { file: WHEEL_FILE, sha256: 'a'.repeat(64), bytes: 1.5 } }],
    ['no file name', { wheel: { file: '', sha256: 'a'.repeat(64), bytes: 1 } }],
  ])('5.3 %s: the zod error unchanged', async (_name, manifest) => {
    await writeAsset(dir, { manifest });
    const error = await rejection();
    expect(error).toBeInstanceOf(ZodError);
    expect((error as ZodError).issues).toHaveLength(1);
  });

  it.each(['../evil.whl', 'sub/evil.whl', 'sub\\evil.whl', '/etc/passwd', '..', '.'])(
    '5.4 the file name %s',
    async (file) => {
      await writeAsset(dir, { manifest: { wheel: { file, sha256: 'a'.repeat(64), bytes: 1 } } });
      expect((await rejection()).message).toBe(`Unsafe runtime wheel filename in bundled manifest: ${file}`);
    },
  );

  it('5.5 no wheel: the error of the file system', async () => {
    await writeAsset(dir);
    await unlink(join(dir, WHEEL_FILE));
    expect(await rejection()).toMatchObject({ code: 'ENOENT' });
  });

  it('5.6 one altered byte', async () => {
    const wheel = wheelBytes();
    await writeAsset(dir, { wheel });
    wheel[40] = (wheel[40] ?? 0) ^ 1;
    await writeFile(join(dir, WHEEL_FILE), wheel);
    expect((await rejection()).message).toBe(
      `Bundled Python runtime wheel checksum mismatch: ${join(dir, WHEEL_FILE)}`,
    );
  });

  it('5.6 the right digest and another size', async () => {
    const wheel = wheelBytes();
    const { wheel: described } = (await import('../fixtures/asset.ts')).assetManifest(wheel);
    await writeAsset(dir, { wheel, manifest: { wheel: { ...described, bytes: wheel.length + 1 } } });
    expect((await rejection()).message).toContain('checksum mismatch');
  });

  it('5.7 not a zip', async () => {
    await writeAsset(dir, { wheel: strToU8('this is not a wheel') });
    expect((await rejection()).message).toBe(
      'Unable to read bundled Python runtime wheel metadata: not a zip archive',
    );
  });

  it('5.7 a zip bomb for METADATA is refused before it is unpacked', async () => {
    const bomb = zipSync({ 'x.dist-info/METADATA': [new Uint8Array(5_000_000), { level: 9 }] });
    expect(bomb.length).toBeLessThan(20_000);
    await writeAsset(dir, { wheel: bomb });
    expect((await rejection()).message).toContain('more than the 4194304 allowed');
  });

  it('the METADATA of a wheel is its own, not that of a package inside it', async () => {
    const own = `Requires-Python: >=3.13\n`;
    const wheel = zipSync({
      'ktx/_vendor/x-1.dist-info/METADATA': strToU8('Requires-Python: >=2.7\n'),
      'kaelio_ktx-0.1.0.dist-info/METADATA': strToU8(own),
    });
    await writeAsset(dir, { wheel });
    expect((await verifyRuntimeAsset({ assetDir: dir })).requiresPython.minimumVersion).toBe('3.13');
  });

  it('5.8 no METADATA', async () => {
    await writeAsset(dir, { wheel: wheelBytes(null) });
    expect((await rejection()).message).toBe(
      `Bundled Python runtime wheel metadata is missing: ${join(dir, WHEEL_FILE)}`,
    );
  });

  it.each([
    ['none', 'Name: kaelio-ktx\n\n'],
    ['an empty one', 'Name: kaelio-ktx\nRequires-Python:   \nVersion: 1\n\n'],
    ['one in the README only', 'Name: kaelio-ktx\n\nRequires-Python: >=3.13\n'],
  ])('5.9 no Requires-Python: %s', async (_name, metadata) => {
    await writeAsset(dir, { wheel: wheelBytes(metadata) });
    expect((await rejection()).message).toBe(
      'Bundled Python runtime wheel metadata is missing Requires-Python',
    );
  });

  it.each(['~=3.13', '==3.13.1', '>3.12', '>=3', '<4', '!=3.12.0'])(
    '5.10 %s has no lower bound',
    async (specifier) => {
      await writeAsset(dir, { wheel: wheelBytes(metadataText(specifier)) });
      expect((await rejection()).message).toBe(
        `Unsupported bundled Python runtime Requires-Python: ${specifier}`,
      );
    },
  );

  it.each([
    ['>=3.13.2,<4', '3.13'],
    ['<4,>=3.11', '3.11'],
    ['<4, >=3.12', '3.12'],
    ['>=3.11,>=3.12', '3.11'],
  ])('the lower bound of %s is %s', async (specifier, minimumVersion) => {
    await writeAsset(dir, { wheel: wheelBytes(metadataText(specifier)) });
    const { requiresPython } = await verifyRuntimeAsset({ assetDir: dir });
    expect(requiresPython).toEqual({ specifier, minimumVersion });
  });

  it('tolerates CRLF and another case', async () => {
    await writeAsset(dir, { wheel: wheelBytes('Name: x\r\nREQUIRES-PYTHON:  >=3.13 \r\nA: b\r\n\r\nbody') });
    const { requiresPython } = await verifyRuntimeAsset({ assetDir: dir });
    expect(requiresPython.specifier).toBe('>=3.13');
  });

  it('the first failure wins: an unsafe name before a missing wheel', async () => {
    await writeAsset(dir, { manifest: { wheel: { file: '../x.whl', sha256: 'a'.repeat(64), bytes: 0 } } });
    await unlink(join(dir, WHEEL_FILE));
    expect((await rejection()).message).toContain('Unsafe');
  });
});
