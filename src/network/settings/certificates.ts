import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { errorMessage } from '../../support/errors.ts';
import type { Setting } from './settings.ts';

/** A file, or a folder, of certificate authorities beside Node's and the system's. */
export interface CertificateFile {
  path: string;
  /** Every certificate in it, one after the other. */
  pem: string;
  origin: string;
}

const CERTIFICATE = /-----BEGIN (?:TRUSTED )?CERTIFICATE-----[^-]+-----END (?:TRUSTED )?CERTIFICATE-----/g;
/** How OpenSSL names the files of a folder that it looks certificates up in; other names beside them are the same files again. */
const HASHED_NAME = /^[0-9a-f]{8}\.\d+$/;

/** The PEM blocks of a text. */
export function certificatesIn(pem: string): string[] {
  return pem.match(CERTIFICATE) ?? [];
}

/** Reads each path once. What cannot be used is left out and said: OpenSSL passes over it in silence. */
export async function readCertificateFiles(
  settings: readonly Setting[],
): Promise<{ files: CertificateFile[]; warnings: string[] }> {
  const files = new Map<string, CertificateFile>();
  const seen = new Set<string>();
  const warnings: string[] = [];
  for (const { value: path, origin } of settings) {
    if (seen.has(path)) continue;
    seen.add(path);
    try {
      const isFolder = (await stat(path)).isDirectory();
      const found = certificatesIn(isFolder ? await folderText(path) : await readFile(path, 'utf8'));
      const usable = found.filter(isUsable);
      if (usable.length < found.length || usable.length === 0) {
        const count =
          found.length === 0 ? 'no certificate' : `${found.length - usable.length} damaged certificates`;
        warnings.push(`${origin} names ${path}, which holds ${count}.`);
      }
      if (usable.length > 0) files.set(path, { path, pem: usable.join('\n'), origin });
    } catch (error) {
      warnings.push(
        `${origin} names ${path}, which cannot be read; it is left out (${errorMessage(error)}).`,
      );
    }
  }
  return { files: [...files.values()], warnings };
}

async function folderText(dir: string): Promise<string> {
  const names = await readdir(dir);
  const hashed = names.filter((name) => HASHED_NAME.test(name));
  const wanted = hashed.length > 0 ? hashed : names.filter((name) => /\.(pem|crt|cer)$/i.test(name));
  const texts = await Promise.all(wanted.map((name) => readFile(join(dir, name), 'utf8').catch(() => '')));
  return texts.join('\n');
}

/** A whole DER sequence, as long as it says. To parse 300 certificates for this would cost 50 ms of every plan. */
function isUsable(pem: string): boolean {
  const der = Buffer.from(pem.replace(/-----[^-]+-----/g, ''), 'base64');
  // OpenSSL's "trusted" form has more after the certificate.
  if (pem.includes('BEGIN TRUSTED')) return der[0] === 0x30;
  return der[0] === 0x30 && der[1] === 0x82 && der.readUInt16BE(2) + 4 === der.length;
}
