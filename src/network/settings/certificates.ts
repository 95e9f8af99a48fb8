import { readdir, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { errorMessage } from '../../support/errors.ts';
import { formatCount } from '../../support/text/format.ts';
import { withHome } from '../address/home-path.ts';
import type { Setting } from './settings.ts';
import { settingsText } from './settings-text.ts';
import { readUserFile } from './user-file.ts';

/** A file or folder of certificate authorities, in addition to Node's and the system's. */
export interface CertificateFile {
  path: string;
  /** All its certificates, concatenated. */
  pem: string;
  origin: string;
}

/** A client certificate and its private key. A secret. */
export interface ClientCertificate {
  path: string;
  /** Certificates and key, as in the file. */
  pem: string;
  origin: string;
}

const CERTIFICATE =
  /-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----[^-]+-----END (?:TRUSTED |X509 )?CERTIFICATE-----/g;
const PRIVATE_KEY = /-----BEGIN ([A-Z ]*)PRIVATE KEY-----([^-]+)-----END [A-Z ]*PRIVATE KEY-----/;
/** OpenSSL's names for the files of a certificate folder; other names next to them are the same files. */
const HASHED_NAME = /^[0-9a-f]{8}\.\d+$/;

/** The PEM blocks of a text. */
export function certificatesIn(pem: string): string[] {
  return pem.match(CERTIFICATE) ?? [];
}

/** Reads each path once. Unusable files are skipped with a warning; OpenSSL skips them silently. */
export async function readCertificateFiles(
  settings: readonly Setting[],
  homeDir: string,
): Promise<{ files: CertificateFile[]; warnings: string[] }> {
  const files = new Map<string, CertificateFile>();
  const seen = new Set<string>();
  const warnings: string[] = [];
  for (const setting of settings) {
    const { origin } = setting;
    const isInline = setting.value.includes('-----BEGIN');
    const path = isInline ? origin : pathOf(setting, homeDir);
    if (seen.has(path) && !isInline) continue;
    seen.add(path);
    try {
      const bytes = isInline
        ? Buffer.from(setting.value.replaceAll('\\n', '\n'))
        : await certificateBytes(path);
      const otherFormat = otherFormatOf(bytes);
      if (otherFormat !== null) {
        const { name, command } = otherFormat;
        warnings.push(
          `${origin} names ${path}, which is in the ${name} format; it is left out. Convert it: ${command} -in ${path} -out ${path}.pem`,
        );
        continue;
      }
      const found = certificatesOf(bytes);
      const usable = found.filter(isUsable).map(asWritten);
      if (usable.length < found.length || usable.length === 0) {
        const count =
          found.length === 0
            ? 'no certificate'
            : formatCount(found.length - usable.length, 'damaged certificate');
        warnings.push(`${origin} names ${path}, which holds ${count}.`);
      }
      if (usable.length > 0) {
        const pem = [files.get(path)?.pem ?? '', ...usable].filter(Boolean).join('\n');
        files.set(path, { path, pem, origin });
      }
    } catch (error) {
      warnings.push(
        `${origin} names ${path}, which cannot be read; it is left out (${errorMessage(error)}).`,
      );
    }
  }
  return { files: [...files.values()], warnings };
}

/**
 * Reads a PEM file with a certificate and its key, in any order (`client-cert` of pip, `SSL_CLIENT_CERT` of
 * uv).
 * @returns `null` with a warning when it cannot be used.
 */
export async function readClientCertificate(
  setting: Setting,
  homeDir: string,
): Promise<{ certificate: ClientCertificate | null; warnings: string[] }> {
  const path = pathOf(setting, homeDir);
  const { origin } = setting;
  const leftOut = (problem: string) => ({
    certificate: null,
    warnings: [`${origin} names ${path}, ${problem}; it is left out.`],
  });
  try {
    const pem = settingsText(await readUserFile(path)).text;
    const [, keyKind, key] = PRIVATE_KEY.exec(pem) ?? [];
    if (certificatesIn(pem).length === 0) return leftOut('which holds no certificate');
    if (key === undefined) return leftOut('which holds no private key: both must be in one file');
    if (keyKind?.includes('ENCRYPTED') || key.includes('ENCRYPTED'))
      return leftOut('whose private key has a passphrase, which cannot be entered here');
    return { certificate: { path, pem, origin }, warnings: [] };
  } catch (error) {
    return leftOut(`which cannot be read (${errorMessage(error)})`);
  }
}

function pathOf({ value, baseDir = process.cwd() }: Setting, homeDir: string): string {
  return resolve(baseDir, withHome(value, homeDir));
}

async function certificateBytes(path: string): Promise<Buffer> {
  return (await stat(path)).isDirectory() ? Buffer.from(await folderText(path)) : readUserFile(path);
}

/**
 * The certificates of a file as PEM: its PEM blocks, or a single DER certificate, as exported by Windows and
 * browsers.
 */
function certificatesOf(bytes: Buffer): string[] {
  const found = certificatesIn(settingsText(bytes).text);
  return found.length === 0 && derLength(bytes) === bytes.length ? [pemOf(bytes)] : found;
}

/** Length of a DER sequence including its header; `null` for other bytes. */
function derLength(bytes: Buffer): number | null {
  if (bytes.length < 4 || bytes[0] !== 0x30) return null;
  if (bytes[1] === 0x82) return bytes.readUInt16BE(2) + 4;
  return bytes[1] === 0x81 ? bytes[2]! + 3 : null;
}

/** Follows the sequence header: the object identifier of "signed data". */
const PKCS7 = Buffer.from('06092a864886f70d010702', 'hex');
/** The version number at the start of each such file. */
const PKCS12 = Buffer.from('020103', 'hex');

/** Certificate containers that neither OpenSSL nor Node accepts as a list of authorities. */
function otherFormatOf(bytes: Buffer): { name: string; command: string } | null {
  const isText = bytes.includes('-----BEGIN PKCS7-----');
  const start =
    bytes[0] === 0x30
      ? bytes.subarray(2, 2 + (bytes[1]! & 0x80 ? bytes[1]! & 0x7f : 0) + PKCS7.length)
      : null;
  if (isText || start?.includes(PKCS7))
    return { name: 'PKCS #7', command: `openssl pkcs7 -print_certs${isText ? '' : ' -inform DER'}` };
  if (start?.subarray(bytes[1]! & 0x80 ? bytes[1]! & 0x7f : 0).indexOf(PKCS12) === 0)
    return { name: 'PKCS #12', command: 'openssl pkcs12 -cacerts -nokeys' };
  return null;
}

async function folderText(dir: string): Promise<string> {
  const names = await readdir(dir);
  const hashed = names.filter((name) => HASHED_NAME.test(name));
  const wanted = hashed.length > 0 ? hashed : names.filter((name) => /\.(pem|crt|cer)$/i.test(name));
  const texts = await Promise.all(
    wanted.map((name) =>
      readUserFile(join(dir, name)).then(
        (bytes) => certificatesOf(bytes).join('\n'),
        () => '',
      ),
    ),
  );
  return texts.join('\n');
}

/** Checks for one complete DER sequence. Parsing 300 certificates would add 50 ms to every plan. */
function isUsable(pem: string): boolean {
  const der = Buffer.from(pem.replace(/-----[^-]+-----/g, ''), 'base64');
  // OpenSSL's "trusted" form has extra data after the certificate.
  if (pem.includes('BEGIN TRUSTED')) return der[0] === 0x30;
  return derLength(der) === der.length;
}

/** OpenSSL stops at lines that are indented or too long. */
function asWritten(pem: string): string {
  if (pem.includes('BEGIN X509')) return pemOf(Buffer.from(pem.replace(/-----[^-]+-----/g, ''), 'base64'));
  const isOdd = pem.split('\n').some((line) => line.trimEnd().length > 76 || /^\s/.test(line));
  return isOdd && !pem.includes('BEGIN TRUSTED')
    ? pemOf(Buffer.from(pem.replace(/-----[^-]+-----/g, ''), 'base64'))
    : pem;
}

function pemOf(der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----'].join('\n');
}
