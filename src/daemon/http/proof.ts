import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

/**
 * What daemon and starter say to each other with their secret, 64 hexadecimal digits. The daemon's side is
 * `ktx_daemon/proof.py`. The port is part of each message: another server cannot pass on what was meant for one.
 */
function keyed(secret: string, message: string): string {
  return createHmac('sha256', Buffer.from(secret, 'hex')).update(`ktx-daemon\n${message}`).digest('hex');
}

/** What a strict daemon wants with every request, as `Authorization: Bearer <token>`. */
export const accessToken = (secret: string): string => keyed(secret, 'token');

/** A new secret. */
export const newSecret = (): string => randomBytes(32).toString('hex');

/** One question to a daemon: what to send with it, and whether the answer came from who knows the secret. */
export interface Challenge {
  headers: Record<string, string>;
  isProof(answer: string): boolean;
}

/** A challenge for the daemon at a port. Its token opens `/health` for this question alone, so that a stranger learns none. */
export function newChallenge(secret: string, port: number): Challenge {
  const challenge = randomBytes(16).toString('hex');
  const expected = Buffer.from(keyed(secret, `proof\n${port}\n${challenge}`));
  return {
    headers: {
      'x-ktx-challenge': challenge,
      authorization: `Bearer ${keyed(secret, `health\n${port}\n${challenge}`)}`,
    },
    isProof(answer) {
      const given = Buffer.from(answer);
      return given.length === expected.length && timingSafeEqual(given, expected);
    },
  };
}
