import { gzipSync } from 'node:zlib';
import { strToU8, zipSync } from 'fflate';
import { describe, expect, it } from 'vitest';
import { KtxExpectedError } from '../../src/support/errors.ts';
import { extractUvBinary, findTarFile, uvWheelMember } from '../../src/uv/archive.ts';
import { BINARY, tar, tarGz } from '../fixtures/uv-archive.ts';

const TAR = { file: 'uv-x86_64-unknown-linux-musl.tar.gz', binaryName: 'uv' };
const ZIP = { file: 'uv-x86_64-pc-windows-msvc.zip', binaryName: 'uv.exe' };

describe('extractUvBinary', () => {
  it('takes exactly the bytes from a tar.gz, past folders and siblings', async () => {
    const archive = tarGz([
      ['uv-x86_64/', null],
      ['uv-x86_64/uvx', Buffer.from('uvx')],
      ['uv-x86_64/uv/', null],
      ['uv-x86_64/uv', BINARY],
      ['uv-x86_64/other/uv', Buffer.from('later')],
    ]);
    expect(Buffer.from(await extractUvBinary(archive, TAR))).toEqual(BINARY);
  });

  it('takes the root entry from a zip and not one of the same name below', async () => {
    const zip = zipSync({ 'sub/uv.exe': strToU8('no'), 'uvx.exe': strToU8('no'), 'uv.exe': BINARY });
    expect(Buffer.from(await extractUvBinary(zip, ZIP))).toEqual(BINARY);
    await expect(extractUvBinary(zipSync({ 'sub/uv.exe': BINARY }), ZIP)).rejects.toThrow(
      'uv archive uv-x86_64-pc-windows-msvc.zip is missing the uv.exe binary',
    );
  });

  it('takes the named member from a wheel', async () => {
    const member = uvWheelMember('0.11.21', 'uv');
    expect(member).toBe('uv-0.11.21.data/scripts/uv');
    const wheel = zipSync({
      'uv-0.11.21.data/scripts/uvx': strToU8('no'),
      [member]: BINARY,
      uv: strToU8('no'),
    });
    const archive = { file: 'uv-0.11.21-py3-none-any.whl', binaryName: 'uv', member };
    expect(Buffer.from(await extractUvBinary(wheel, archive))).toEqual(BINARY);
  });

  it.each([
    ['nothing', []],
    ['only siblings', [['uv-x/uvx', BINARY] as const, ['uv-x/uv.txt', BINARY] as const]],
    ['a folder of that name', [['uv-x/uv/', null] as const]],
  ])('17. a tar.gz with %s: not an expected error', async (_name, entries) => {
    const error = await extractUvBinary(tarGz(entries), TAR).catch((reason: unknown) => reason);
    expect(error).not.toBeInstanceOf(KtxExpectedError);
    expect((error as Error).message).toBe(`uv archive ${TAR.file} is missing the uv binary`);
  });

  it.each([
    ['not gzip', strToU8('<html>'), TAR],
    ['a cut gzip', tarGz([['uv', BINARY]]).subarray(0, 60), TAR],
    ['not a zip', strToU8('<html>'), ZIP],
  ])('17. an archive that cannot be decoded (%s): not an expected error', async (_name, bytes, archive) => {
    const error = await extractUvBinary(bytes, archive).catch((reason: unknown) => reason);
    expect(error).not.toBeInstanceOf(KtxExpectedError);
    expect((error as Error).message).toContain(`uv archive ${archive.file} cannot be read: `);
  });

  it('refuses a gzip bomb', async () => {
    // Members of a gzip file add up.
    const member = gzipSync(Buffer.alloc(16 * 1024 * 1024));
    const bomb = Buffer.concat(Array.from({ length: 17 }, () => member));
    await expect(extractUvBinary(bomb, TAR)).rejects.toThrow('cannot be read');
  });
});

describe('findTarFile', () => {
  it('does not read past a header that promises too much', () => {
    expect(findTarFile(tar([['uv', BINARY]]).subarray(0, 600), 'uv')).toBeNull();
  });

  it('ends at a size that is no number', () => {
    const broken = tar([
      ['x', Buffer.from('1')],
      ['uv', BINARY],
    ]);
    broken.write('zzzzzzzzzzz\0', 124);
    expect(findTarFile(broken, 'uv')).toBeNull();
  });

  it('does not take a link for the binary', () => {
    expect(findTarFile(tar([['uv', Buffer.alloc(0)]], '2'), 'uv')).toBeNull();
  });

  it('reads fields that fill their whole width, without a zero at the end', () => {
    const name = `${'f'.repeat(97)}/uv`;
    const full = tar([[name, BINARY]]);
    full.write(BINARY.length.toString(8).padStart(12, '0'), 124);
    // What follows in the header is no part of either.
    full.write('7777777\0', 100);
    full.write('77777777777\0', 136);
    expect(findTarFile(full, 'uv')).toEqual(BINARY);
  });

  it('takes the old type of a file too, and none of the other types', () => {
    const found = ['\0', '0', '1', '2', '3', '5', '7', 'x'].filter(
      (type) => findTarFile(tar([['uv', BINARY]], type), 'uv') !== null,
    );
    expect(found).toEqual(['\0', '0']);
  });

  it.each([0, 1, 511, 512, 513])('finds what follows a file of %i bytes', (sizeBytes) => {
    const archive = tar([
      ['first', Buffer.alloc(sizeBytes, 'u')],
      ['a/uvx', BINARY],
      ['b/xuv', BINARY],
      ['a/uv', Buffer.from('this')],
      ['uv', Buffer.from('later')],
    ]);
    expect(String(findTarFile(archive, 'uv'))).toBe('this');
    expect(findTarFile(archive, 'none')).toBeNull();
    // Without the blocks of zeros that end an archive.
    expect(String(findTarFile(archive.subarray(0, -1024), 'uv'))).toBe('this');
    expect(findTarFile(archive.subarray(0, -1024), 'none')).toBeNull();
  });
});
