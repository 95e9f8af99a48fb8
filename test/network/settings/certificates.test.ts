import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { readCertificateFiles, readClientCertificate } from '../../../src/network/settings/certificates.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';

let home: string;
beforeEach(async () => {
  home = await temporaryFolder();
});

/** A DER sequence of so many bytes behind its header, which is all that is looked at. */
function der(contentBytes: number, start = Buffer.alloc(0)): Buffer {
  const header =
    contentBytes > 255
      ? [0x30, 0x82, contentBytes >> 8, contentBytes & 0xff]
      : contentBytes > 127
        ? [0x30, 0x81, contentBytes]
        : [0x30, contentBytes];
  const content = Buffer.alloc(contentBytes, 7);
  start.copy(content);
  return Buffer.concat([Buffer.from(header), content]);
}
const lines = (bytes: Buffer, width = 64) =>
  bytes
    .toString('base64')
    .match(new RegExp(`.{1,${width}}`, 'g'))!
    .join('\n');
const pem = (bytes: Buffer, kind = 'CERTIFICATE', width = 64) =>
  `-----BEGIN ${kind}-----\n${lines(bytes, width)}\n-----END ${kind}-----`;

const ONE = pem(der(300));
const TWO = pem(der(400));

/** What is taken from a file with this content, and what is said of it. */
async function read(content: string | Buffer) {
  const path = join(home, 'ca.file');
  await writeFile(path, content);
  const { files, warnings } = await readCertificateFiles([{ value: '~/ca.file', origin: 'HERE' }], home);
  return {
    pem: files[0]?.pem ?? null,
    warnings: warnings.map((text) => text.replaceAll(path, 'PATH')),
  };
}
const holds = (what: string) => [`HERE names PATH, which holds ${what}.`];

describe('a file of authorities', () => {
  it.each<[string, string | Buffer, string | null]>([
    ['in PEM', ONE, ONE],
    ['several, with text between', `# one\n${ONE}\nand\n${TWO}\n`, `${ONE}\n${TWO}`],
    ['in DER, long', der(300), ONE],
    ['in DER of 256 bytes', der(256), pem(der(256))],
    ['in DER of 255 bytes', der(255), pem(der(255))],
    ['in DER of 128 bytes', der(128), pem(der(128))],
    ['of the old kind', pem(der(300), 'X509 CERTIFICATE'), ONE],
    ['on one long line', pem(der(300), 'CERTIFICATE', 999), ONE],
    ['on lines of 76 characters', pem(der(300), 'CERTIFICATE', 76), pem(der(300), 'CERTIFICATE', 76)],
    ['on lines of 77 characters', pem(der(300), 'CERTIFICATE', 77), ONE],
    ['indented', ONE.replaceAll('\n', '\n  '), ONE],
    [
      'trusted, with more behind it',
      pem(Buffer.concat([der(300), Buffer.of(1, 2)]), 'TRUSTED CERTIFICATE', 99),
      pem(Buffer.concat([der(300), Buffer.of(1, 2)]), 'TRUSTED CERTIFICATE', 99),
    ],
  ])('%s', async (_, content, expected) => {
    expect(await read(content)).toEqual({ pem: expected, warnings: [] });
  });

  it.each<[string, string | Buffer, string, string | null]>([
    ['nothing', '', 'no certificate', null],
    ['text', 'hello', 'no certificate', null],
    ['DER with a byte more', Buffer.concat([der(300), Buffer.of(0)]), 'no certificate', null],
    ['DER with a byte less', der(300).subarray(0, -1), 'no certificate', null],
    ['DER that is too short for a header', der(1), 'no certificate', null],
    ['DER of a length that no certificate has', der(100), 'no certificate', null],
    ['another kind of DER', Buffer.concat([Buffer.of(0x31), der(300).subarray(1)]), 'no certificate', null],
    ['one that is cut', pem(der(300).subarray(0, -1)), '1 damaged certificate', null],
    ['one of two that is cut', `${ONE}\n${pem(der(400).subarray(0, -1))}`, '1 damaged certificate', ONE],
    ['two that are cut', `${pem(der(300).subarray(1))}\n${pem(der(9))}`, '2 damaged certificates', null],
    [
      'one that is trusted and none',
      pem(Buffer.of(1, 2, 3, 4), 'TRUSTED CERTIFICATE'),
      '1 damaged certificate',
      null,
    ],
  ])('%s is said to hold that', async (_, content, what, expected) => {
    expect(await read(content)).toEqual({ pem: expected, warnings: holds(what) });
  });

  const PKCS7 = Buffer.from('06092a864886f70d010702', 'hex');
  const PKCS12 = Buffer.from('020103', 'hex');
  it.each<[string, string | Buffer, string]>([
    ['PKCS #7', '-----BEGIN PKCS7-----\nMIIB\n-----END PKCS7-----', 'openssl pkcs7 -print_certs -in'],
    ['PKCS #7', der(300, PKCS7), 'openssl pkcs7 -print_certs -inform DER -in'],
    ['PKCS #7', der(200, PKCS7), 'openssl pkcs7 -print_certs -inform DER -in'],
    ['PKCS #7', der(50, PKCS7), 'openssl pkcs7 -print_certs -inform DER -in'],
    ['PKCS #12', der(300, PKCS12), 'openssl pkcs12 -cacerts -nokeys -in'],
    ['PKCS #12', der(200, PKCS12), 'openssl pkcs12 -cacerts -nokeys -in'],
    ['PKCS #12', der(50, PKCS12), 'openssl pkcs12 -cacerts -nokeys -in'],
  ])('in %s is left out, with the command that converts it', async (name, content, command) => {
    const text = `HERE names PATH, which is in the ${name} format; it is left out. Convert it: ${command} PATH -out PATH.pem`;
    expect(await read(content)).toEqual({ pem: null, warnings: [text] });
  });

  it('a certificate that has such bytes elsewhere is one', async () => {
    const bytes = der(300);
    for (const at of [5, 40]) PKCS12.copy(bytes, at);
    PKCS7.copy(bytes, 60);
    expect(await read(bytes)).toEqual({ pem: pem(bytes), warnings: [] });
  });

  it('that cannot be read is left out, with the reason', async () => {
    const { files, warnings } = await readCertificateFiles([{ value: '/none.pem', origin: 'HERE' }], home);
    expect(files).toEqual([]);
    expect(warnings).toEqual([
      expect.stringMatching(/^HERE names \/none\.pem, which cannot be read; it is left out \(.*ENOENT/),
    ]);
  });
});

describe('several settings', () => {
  it('of one file read it once; texts of one file add up', async () => {
    await writeFile(join(home, 'ca.pem'), ONE);
    const named = (value: string, origin: string) => ({ value, origin, baseDir: home });
    const { files } = await readCertificateFiles([named('ca.pem', 'A'), named('./ca.pem', 'B')], home);
    expect(files).toEqual([{ path: join(home, 'ca.pem'), pem: ONE, origin: 'A' }]);
    const inline = [ONE, TWO].map((text) => named(text.replaceAll('\n', '\\n'), 'npmrc'));
    const texts = await readCertificateFiles(inline, home);
    expect(texts).toEqual({
      files: [{ path: 'npmrc', pem: `${ONE}\n${TWO}`, origin: 'npmrc' }],
      warnings: [],
    });
  });
});

describe('a folder of authorities', () => {
  async function folder(files: Record<string, string>) {
    const path = join(home, 'certs');
    await mkdir(path);
    for (const [name, text] of Object.entries(files)) await writeFile(join(path, name), text);
    await symlink('nowhere', join(path, '99999999.0'));
    const { files: found } = await readCertificateFiles([{ value: path, origin: 'HERE' }], home);
    return found[0]?.pem.split('-----\n-----').length ?? 0;
  }

  it('has those with the names of OpenSSL, and no other', async () => {
    const files = { '0a1b2c3d.0': ONE, 'ffffffff.12': TWO, 'other.pem': ONE, '0a1b2c3d.0.bak': ONE };
    expect(await folder(files)).toBe(2);
  });
});

describe('a folder without names of OpenSSL', () => {
  it('has all that are named like certificates', async () => {
    const path = join(home, 'certs');
    await mkdir(join(path, 'folder.pem'), { recursive: true });
    for (const [name, text] of Object.entries({
      'a.pem': ONE,
      'b.CRT': TWO,
      'c.cer': pem(der(500)),
      'd.txt': pem(der(600)),
      'x0a1b2c3d.0': pem(der(700)),
    }))
      await writeFile(join(path, name), text);
    const { files, warnings } = await readCertificateFiles([{ value: path, origin: 'HERE' }], home);
    expect(files[0]!.pem.match(/BEGIN/g)).toHaveLength(3);
    for (const certificate of [ONE, TWO, pem(der(500))]) expect(files[0]!.pem).toContain(certificate);
    expect(warnings).toEqual([]);
  });
});

describe('a client certificate', () => {
  const KEY = pem(der(50), 'PRIVATE KEY');
  const client = async (content: string) => {
    const path = join(home, 'client.pem');
    await writeFile(path, content);
    const { certificate, warnings } = await readClientCertificate({ value: path, origin: 'HERE' }, home);
    return { certificate, warnings: warnings.map((text) => text.replaceAll(path, 'PATH')) };
  };

  it.each([
    ['certificate first', `${ONE}\n${KEY}`],
    ['key first', `${KEY}\n${ONE}`],
    ['with another kind of key', `${ONE}\n${pem(der(50), 'RSA PRIVATE KEY')}`],
  ])('is taken with its key: %s', async (_, content) => {
    const certificate = { path: join(home, 'client.pem'), pem: content, origin: 'HERE' };
    expect(await client(content)).toEqual({ certificate, warnings: [] });
  });

  const PASSPHRASE = 'whose private key has a passphrase, which cannot be entered here';
  it.each([
    [KEY, 'which holds no certificate'],
    [ONE, 'which holds no private key: both must be in one file'],
    [`${ONE}\n${pem(der(50), 'ENCRYPTED PRIVATE KEY')}`, PASSPHRASE],
    [
      `${ONE}\n-----BEGIN RSA PRIVATE KEY-----\nProc_Type: 4,ENCRYPTED\n\n${lines(der(50))}\n-----END RSA PRIVATE KEY-----`,
      PASSPHRASE,
    ],
  ])('is left out with the reason', async (content, problem) => {
    const warnings = [`HERE names PATH, ${problem}; it is left out.`];
    expect(await client(content)).toEqual({ certificate: null, warnings });
  });

  it('that is not there is left out', async () => {
    const { certificate, warnings } = await readClientCertificate(
      { value: '~/no.pem', origin: 'HERE' },
      home,
    );
    expect(certificate).toBeNull();
    expect(warnings[0]).toContain(`HERE names ${join(home, 'no.pem')}, which cannot be read (`);
  });
});
