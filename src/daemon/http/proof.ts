import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

/**
 * Messages between daemon and starter, authenticated with their secret of 64 hexadecimal digits. The daemon's
 * side is `ktx_daemon/proof.py`. Each message includes the port, so that another server cannot relay it.
 */
function keyed(secret: string, message: string): string {
  return createHmac('sha256', Buffer.from(secret, 'hex')).update(`ktx-daemon\n${message}`).digest('hex');
}

/** The token that a strict daemon requires with every request, as `Authorization: Bearer <token>`. */
export const accessToken = (secret: string): string => keyed(secret, 'token');

export const newSecret = (): string => randomBytes(32).toString('hex');

/**
 * One challenge to a daemon: the headers to send, and a check that the answer came from a process that knows
 * the secret.
 */
export interface Challenge {
  headers: Record<string, string>;
  isProof(answer: string): boolean;
}

/**
 * A challenge for the daemon at a port. Its token is only valid for this one `/health` request, so that
 * another process learns no reusable token.
 */
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
