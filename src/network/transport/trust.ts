// biome-ignore lint/style/noRestrictedImports: read once, when the first connection is made, which needs it at once
import { readFileSync } from 'node:fs';
import tls from 'node:tls';
import { certificatesIn } from '../settings/certificates.ts';
import type { NetworkProfile } from '../settings/profile.ts';

/** Whom to trust besides Node's and the system's authorities, and how to identify ourselves. */
export type Trust = Pick<NetworkProfile, 'certificateFiles' | 'clientCertificate'>;

/** Where Debian, Ubuntu, Alpine and Arch keep all authorities of the system in one file. Node reads this folder. */
const SYSTEM_BUNDLE = '/etc/ssl/certs/ca-certificates.crt';

const complete = new WeakMap<NetworkProfile['certificateFiles'], tls.SecureContext>();
const quick = new WeakMap<NetworkProfile['certificateFiles'], tls.SecureContext | null>();

/**
 * One context for all connections: the authorities of Node, the system and the user, and the client certificate.
 * Making it takes 60 ms.
 */
export function secureContextOf(trust: Trust): tls.SecureContext {
  return remembered(complete, trust, () => {
    const known = [...tls.getCACertificates('default'), ...tls.getCACertificates('system')];
    return contextOf(trust, new Set(known.map((pem) => pem.trim())));
  });
}

/**
 * A context with some of the same authorities, made in a sixth of the time: whoever is trusted by it is trusted by
 * the complete one. `null` where the system does not keep its authorities in one file, or is told to use others.
 */
export function quickContextOf(
  trust: Trust,
  { env = process.env, bundlePath = SYSTEM_BUNDLE } = {},
): tls.SecureContext | null {
  return remembered(quick, trust, () => {
    if (env['SSL_CERT_FILE'] || env['SSL_CERT_DIR'] || process.platform !== 'linux') return null;
    try {
      return contextOf(trust, new Set([readFileSync(bundlePath, 'utf8')]));
    } catch {
      return null;
    }
  });
}

function contextOf({ certificateFiles, clientCertificate }: Trust, authorities: Set<string>) {
  for (const file of certificateFiles) {
    for (const certificate of certificatesIn(file.pem)) authorities.add(certificate);
  }
  const own = clientCertificate ? { cert: clientCertificate.pem, key: clientCertificate.pem } : {};
  return tls.createSecureContext({ ca: [...authorities], ...own });
}

function remembered<T>(contexts: WeakMap<object, T>, { certificateFiles }: Trust, make: () => T): T {
  const found = contexts.get(certificateFiles);
  if (found !== undefined) return found;
  const made = make();
  contexts.set(certificateFiles, made);
  return made;
}
