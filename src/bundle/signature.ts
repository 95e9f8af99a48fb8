import { createHash, createPublicKey, verify as verifySignature } from 'node:crypto';

/**
 * OpenSSH signatures (PROTOCOL.sshsig) over `bundle.json` with the namespace below and Ed25519 or RSA keys,
 * as written by `ssh-keygen -Y sign -n ktx-bundle -f KEY bundle.json`.
 */
export const SIGNATURE_NAMESPACE = 'ktx-bundle';

export interface TrustedKey {
  /** Who signs with it, according to the trust file. */
  principals: string;
  namespaces: readonly string[] | null;
  validAfter: Date | null;
  validBefore: Date | null;
  /** The key in wire format, in base64. */
  blob: string;
}

export type SignatureVerdict =
  | { isTrusted: true; principals: string; fingerprint: string }
  | { isTrusted: false; reason: string };

/**
 * Parses a trust file in the format of OpenSSH's `allowed_signers`: principals, options, key type, key.
 * @throws Error naming the first invalid line: a skipped line could be the one that restricts a key.
 */
export function parseAllowedSigners(text: string): TrustedKey[] {
  return text
    .split(/\r?\n/)
    .map((line, index) => [line.trim(), index + 1] as const)
    .filter(([line]) => line !== '' && !line.startsWith('#'))
    .map(([line, number]) => {
      const match =
        /^("[^"]+"|\S+)\s+(?:((?:[\w-]+(?:="[^"]*")?)(?:,[\w-]+(?:="[^"]*")?)*)\s+)?((?:ssh|ecdsa|sk)-\S+)\s+([A-Za-z0-9+/=]+)/.exec(
          line,
        );
      if (!match) throw new Error(`line ${number} of the trust file is not one of allowed_signers`);
      const [, principals = '', options = '', , blob = ''] = match;
      return { principals: principals.replaceAll('"', ''), blob, ...readOptions(options, number) };
    });
}

function readOptions(
  text: string,
  line: number,
): Pick<TrustedKey, 'namespaces' | 'validAfter' | 'validBefore'> {
  const options = new Map(
    [...text.matchAll(/([\w-]+)(?:="([^"]*)")?/g)].map((match) => [match[1]!.toLowerCase(), match[2] ?? '']),
  );
  for (const name of options.keys()) {
    if (!['namespaces', 'valid-after', 'valid-before'].includes(name))
      throw new Error(`line ${line} of the trust file has the option ${name}, which is not supported`);
  }
  const date = (name: string) => (options.has(name) ? readDate(options.get(name)!, line) : null);
  return {
    namespaces: options.get('namespaces')?.split(',') ?? null,
    validAfter: date('valid-after'),
    validBefore: date('valid-before'),
  };
}

/** `YYYYMMDD` or `YYYYMMDDHHMM[SS]`, in local time, or in UTC with a final `Z`. */
function readDate(text: string, line: number): Date {
  const match = /^(\d{4})(\d{2})(\d{2})(?:(\d{2})(\d{2})(\d{2})?)?(Z?)$/.exec(text);
  if (!match) throw new Error(`line ${line} of the trust file has a date that is not understood: ${text}`);
  const [, year, month, day, hour = '00', minute = '00', second = '00', zone] = match;
  return new Date(`${year}-${month}-${day}T${hour}:${minute}:${second}${zone}`);
}

/** Checks a signature against the trust file. Never throws: an unreadable signature is not trusted. */
export function judgeSignature(
  message: Uint8Array,
  armoured: string,
  trusted: readonly TrustedKey[],
  now: Date = new Date(),
): SignatureVerdict {
  try {
    return judge(message, armoured, trusted, now);
  } catch (error) {
    return {
      isTrusted: false,
      reason: `it cannot be read: ${error instanceof Error ? error.message : error}`,
    };
  }
}

function judge(
  message: Uint8Array,
  armoured: string,
  trusted: readonly TrustedKey[],
  now: Date,
): SignatureVerdict {
  const body = /^-----BEGIN SSH SIGNATURE-----\n([A-Za-z0-9+/=\n]+)-----END SSH SIGNATURE-----\n?$/.exec(
    armoured,
  )?.[1];
  if (body === undefined) return { isTrusted: false, reason: 'it is not an OpenSSH signature' };
  const reader = wireReader(Buffer.from(body, 'base64'));
  if (reader.raw(6).toString('latin1') !== 'SSHSIG' || reader.uint32() !== 1)
    return { isTrusted: false, reason: 'it is of a version that is not supported' };
  const keyBlob = reader.string();
  const namespace = reader.string().toString('utf8');
  reader.string();
  const hashName = reader.string().toString('utf8');
  const signature = reader.string();
  reader.end();
  const fingerprint = `SHA256:${createHash('sha256').update(keyBlob).digest('base64').replace(/=+$/, '')}`;
  if (namespace !== SIGNATURE_NAMESPACE)
    return {
      isTrusted: false,
      reason: `it was made for ${JSON.stringify(namespace)}, not for ${SIGNATURE_NAMESPACE}`,
    };
  if (hashName !== 'sha512' && hashName !== 'sha256')
    return { isTrusted: false, reason: `the hash ${hashName} is not supported` };
  const digest = createHash(hashName).update(message).digest();
  const signed = Buffer.concat([
    Buffer.from('SSHSIG'),
    wireString(namespace),
    wireString(''),
    wireString(hashName),
    wireString(digest),
  ]);
  if (!isSignedBy(keyBlob, signature, signed))
    return { isTrusted: false, reason: 'it does not fit the contents: one of the two was changed' };
  const matching = trusted.filter(({ blob }) => Buffer.from(blob, 'base64').equals(keyBlob));
  if (matching.length === 0)
    return { isTrusted: false, reason: `the key ${fingerprint} is not in the trust file` };
  const reasons = matching.map((key) => [key, unfitness(key, now)] as const);
  const fit = reasons.find(([, reason]) => reason === null);
  if (fit) return { isTrusted: true, principals: fit[0].principals, fingerprint };
  return { isTrusted: false, reason: `the key ${fingerprint} ${reasons[0]![1]}` };
}

function unfitness({ namespaces, validAfter, validBefore }: TrustedKey, now: Date): string | null {
  if (namespaces !== null && !namespaces.includes(SIGNATURE_NAMESPACE))
    return `is trusted for ${namespaces.join(', ')}, not for ${SIGNATURE_NAMESPACE}`;
  if (validAfter !== null && now < validAfter) return `is valid from ${validAfter.toISOString()} on`;
  if (validBefore !== null && now >= validBefore) return `expired on ${validBefore.toISOString()}`;
  return null;
}

function isSignedBy(keyBlob: Buffer, signature: Buffer, signed: Buffer): boolean {
  const key = wireReader(keyBlob);
  const keyType = key.string().toString('latin1');
  const parts = wireReader(signature);
  const algorithm = parts.string().toString('latin1');
  const bytes = parts.string();
  if (keyType === 'ssh-ed25519' && algorithm === 'ssh-ed25519') {
    const x = key.string().toString('base64url');
    const publicKey = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
    return verifySignature(null, signed, publicKey, bytes);
  }
  if (keyType === 'ssh-rsa' && (algorithm === 'rsa-sha2-512' || algorithm === 'rsa-sha2-256')) {
    const e = key.string().toString('base64url');
    const modulus = key.string();
    const n = modulus.subarray(modulus[0] === 0 ? 1 : 0).toString('base64url');
    const publicKey = createPublicKey({ key: { kty: 'RSA', e, n }, format: 'jwk' });
    return verifySignature(algorithm === 'rsa-sha2-512' ? 'sha512' : 'sha256', signed, publicKey, bytes);
  }
  throw new Error(`keys of type ${keyType} are not supported; use Ed25519 or RSA`);
}

function wireString(value: string | Uint8Array): Buffer {
  const bytes = Buffer.from(value);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

function wireReader(bytes: Buffer) {
  let at = 0;
  const raw = (length: number): Buffer => {
    if (at + length > bytes.length) throw new Error('it ends too early');
    at += length;
    return bytes.subarray(at - length, at);
  };
  const uint32 = () => raw(4).readUInt32BE(0);
  return {
    raw,
    uint32,
    string: () => raw(uint32()),
    end: () => {
      if (at !== bytes.length) throw new Error('it has bytes after its end');
    },
  };
}
