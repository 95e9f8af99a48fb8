import type { NetworkReason } from '../../failure/causes/network-causes.ts';
import type { NetworkFacts } from '../../failure/causes/network-facts.ts';
import { shownAddress } from '../address/address.ts';
import { authenticationSchemes } from './authentication-schemes.ts';
import type { ProxyAnswer, ProxyError } from './connect-errors.ts';
import { reasonPhraseOf } from './error-words.ts';
import { reasonOfError } from './network-failure.ts';

/** The reason and facts behind a proxy's answer, or lack of one. */
export function proxyFailure(error: ProxyError): { reason: NetworkReason; facts: Partial<NetworkFacts> } {
  const { proxyHost, answer, issuer } = error;
  if (answer === null)
    return { reason: reasonOfSilence(error), facts: { proxyHost, ...(issuer ? { issuer } : {}) } };
  const { status, location, squidError, reasonPhrase, hasLogin } = answer;
  const says = [reasonPhraseOf(reasonPhrase), squidError].filter(Boolean).join(', ');
  const schemes = authenticationSchemes(answer.authenticate);
  const signInUrl = location && URL.canParse(location) ? shownAddress(location) : undefined;
  return {
    reason: reasonOfAnswer(answer, schemes),
    facts: {
      proxyHost,
      status,
      hasLogin,
      ...(says ? { says } : {}),
      ...(schemes.length > 0 ? { schemes } : {}),
      ...(signInUrl === undefined ? {} : { signInUrl }),
    },
  };
}

function reasonOfAnswer({ status, squidError }: ProxyAnswer, schemes: readonly string[]): NetworkReason {
  if (status === 407)
    return schemes.length > 0 && !schemes.includes('Basic') ? 'proxy-login-scheme' : 'proxy-login';
  if ((status >= 300 && status < 400) || status === 511) return 'proxy-sign-in';
  if (/ERR_DNS_FAIL|ERR_CANNOT_RESOLVE/.test(squidError)) return 'proxy-dns';
  return [500, 502, 503, 504].includes(status) ? 'proxy-upstream' : 'proxy-refused';
}

function reasonOfSilence({ cause, isSecure }: ProxyError): NetworkReason {
  const reason = reasonOfError(cause);
  const certificate = reasonOfCertificate(reason);
  if (certificate !== null) return certificate;
  if (isSecure && (reason === 'tls' || reason === 'reset')) return 'proxy-plain-http';
  if (reason === 'protocol') return 'proxy-protocol';
  return reason === 'reset' ? 'proxy-reset' : 'proxy-unreachable';
}

/** What is wrong with the certificate of a proxy, by what would be wrong with that of a host; `null` if nothing is. */
export function reasonOfCertificate(reason: NetworkReason): NetworkReason | null {
  if (reason === 'expired-certificate') return 'proxy-expired-certificate';
  if (reason === 'wrong-name-certificate') return 'proxy-wrong-name-certificate';
  return reason.endsWith('-certificate') ? 'proxy-certificate' : null;
}
