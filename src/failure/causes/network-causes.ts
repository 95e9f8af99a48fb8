import {
  addLogin,
  allowHosts,
  askForAccess,
  askTheOwner,
  bypassProxy,
  CHECK_CLOCK,
  CHECK_NETWORK,
  CHECK_PROXY,
  CHOOSE_CA_FILE,
  COPY_STORE,
  checkAddress,
  GO_ONLINE,
  PROXY_LOGIN,
  RETRY,
  SET_CLIENT_CERTIFICATE,
  SET_PROXY,
  SIGN_IN,
  signInAt,
  TRANSLATING_PROXY,
  USE_INDEX,
  writeProxyAs,
} from '../../support/remedies.ts';
import type { CauseRow } from './cause-row.ts';
import type { NetworkFacts } from './network-facts.ts';

export interface NetworkCauseRow extends CauseRow<NetworkFacts> {
  failureClass: 'network';
  /** A retry may succeed shortly. */
  isTransient?: boolean | ((facts: NetworkFacts) => boolean);
  /** The host will not answer in this run. */
  isHostDown?: boolean;
  /** The connection was blocked, as opposed to an error response. */
  isBlocked?: boolean;
  /** The server refused: access can be requested, or a login given. */
  isRefusal?: boolean;
}

type Row = Omit<NetworkCauseRow, 'failureClass'>;

const through = ({ proxyHost }: NetworkFacts) => `The proxy${proxyHost === undefined ? '' : ` ${proxyHost}`}`;
const bracketed = (status: number | undefined) => (status === undefined ? '' : ` (${status})`);

const ROWS = {
  dns: {
    cause: 'dns',
    isHostDown: true,
    isBlocked: true,
    title: ({ host }) => `The name of ${host} could not be found (DNS).`,
    remedies: ({ host }) => [CHECK_NETWORK, checkAddress(host), SET_PROXY, USE_INDEX],
  },
  refused: {
    cause: 'refused',
    isHostDown: true,
    isBlocked: true,
    title: ({ host }) => `${host} refused the connection.`,
    remedies: ({ host }) => [checkAddress(host), SET_PROXY, USE_INDEX],
  },
  unreachable: {
    cause: 'no-route',
    isHostDown: true,
    isBlocked: true,
    title: ({ host }) => `There is no route to ${host}.`,
    remedies: () => [CHECK_NETWORK, SET_PROXY, USE_INDEX],
  },
  'connect-timeout': {
    cause: 'no-answer',
    isHostDown: true,
    isBlocked: true,
    isTransient: ({ hasAnswered = false }) => hasAnswered,
    title: ({ host }) => `${host} did not answer the connection in time; a firewall may drop it.`,
    remedies: () => [SET_PROXY, USE_INDEX],
  },
  'idle-timeout': {
    cause: 'silence',
    isTransient: true,
    title: ({ host }) => `${host} went silent: nothing arrived for too long.`,
    remedies: () => [RETRY, USE_INDEX],
  },
  'too-slow': {
    cause: 'too-slow',
    title: ({ host }) => `${host} is too slow.`,
    remedies: () => [RETRY, USE_INDEX],
  },
  reset: {
    cause: 'broken-off',
    isTransient: true,
    isBlocked: true,
    title: ({ host }) => `${host} closed the connection.`,
    remedies: () => [RETRY, SET_PROXY, USE_INDEX],
  },
  'closed-after-tls': {
    cause: 'broken-off',
    isTransient: true,
    isBlocked: true,
    title: ({ host, hasLogin }) =>
      `${host} closed the secure connection without an answer; it may ${hasLogin ? 'not accept the client certificate' : 'require a client certificate'}.`,
    remedies: () => [RETRY, SET_CLIENT_CERTIFICATE, SET_PROXY, USE_INDEX],
  },
  truncated: {
    cause: 'broken-off',
    isTransient: true,
    title: ({ host }) => `${host} closed the connection before the transfer was complete.`,
    remedies: () => [RETRY, USE_INDEX],
  },
  protocol: {
    cause: 'not-http',
    isTransient: true,
    title: ({ host }) => `${host} answered with something that is not valid HTTP.`,
    remedies: ({ host }) => [checkAddress(host), USE_INDEX],
  },
  'untrusted-certificate': {
    cause: 'tls-interception',
    isHostDown: true,
    isRefusal: true,
    title: ({ host, issuer }) =>
      `The certificate of ${host} is not trusted${issuer ? `: it is signed by ${issuer}` : ''}. TLS on this network may be intercepted.`,
    remedies: () => [CHOOSE_CA_FILE],
  },
  'expired-certificate': {
    cause: 'certificate-expired',
    isHostDown: true,
    isRefusal: true,
    title: ({ host }) => `The certificate of ${host} has expired, or is not valid yet.`,
    remedies: ({ host }) => [CHECK_CLOCK, askTheOwner(host, 'to renew it'), USE_INDEX],
  },
  'wrong-name-certificate': {
    cause: 'certificate-name',
    isHostDown: true,
    isRefusal: true,
    title: ({ host, issuer }) =>
      `The certificate of ${host} is for another name${issuer ? ` (signed by ${issuer})` : ''}; a proxy or a sign-in page of this network may be answering in its place.`,
    // Adding an authority does not help: Node checks the name only after it trusts the issuer.
    remedies: ({ host }) => [checkAddress(host), SIGN_IN, USE_INDEX],
  },
  'client-certificate': {
    cause: 'client-certificate',
    isRefusal: true,
    title: ({ host, hasLogin }) =>
      hasLogin ? `${host} does not accept the client certificate.` : `${host} requires a client certificate.`,
    remedies: ({ host }) => [
      SET_CLIENT_CERTIFICATE,
      askTheOwner(host, 'which client certificate it accepts'),
      USE_INDEX,
    ],
  },
  tls: {
    cause: 'tls',
    title: ({ host }) => `A secure connection to ${host} failed (TLS).`,
    remedies: ({ host }) => [checkAddress(host), SET_PROXY, USE_INDEX],
  },
  'proxy-unreachable': {
    cause: 'proxy-unreachable',
    isHostDown: true,
    title: (facts) => `${through(facts)} could not be reached on the way to ${facts.host}.`,
    remedies: ({ host }) => [CHECK_PROXY, bypassProxy(host)],
  },
  'proxy-plain-http': {
    cause: 'proxy-scheme',
    isHostDown: true,
    title: (facts) =>
      `${through(facts)} does not speak TLS on the way to ${facts.host}; its address says https.`,
    remedies: ({ proxyHost, host }) => [writeProxyAs('http', proxyHost), CHECK_PROXY, bypassProxy(host)],
  },
  'proxy-protocol': {
    cause: 'proxy-scheme',
    isHostDown: true,
    title: (facts) =>
      `${through(facts)} does not answer with HTTP on the way to ${facts.host}; it may require TLS, or not be a proxy.`,
    remedies: ({ proxyHost, host }) => [CHECK_PROXY, writeProxyAs('https', proxyHost), bypassProxy(host)],
  },
  'proxy-certificate': {
    cause: 'proxy-certificate',
    isHostDown: true,
    isRefusal: true,
    title: (facts) =>
      `${through(facts)} showed a certificate that is not trusted on the way to ${facts.host}${facts.issuer ? `: it is signed by ${facts.issuer}` : ''}.`,
    remedies: () => [CHOOSE_CA_FILE, CHECK_PROXY],
  },
  'proxy-expired-certificate': {
    cause: 'proxy-certificate',
    isHostDown: true,
    isRefusal: true,
    title: (facts) =>
      `${through(facts)} showed a certificate that has expired, or is not valid yet, on the way to ${facts.host}.`,
    remedies: ({ host, proxyHost }) => [
      CHECK_CLOCK,
      ...(proxyHost === undefined ? [] : [askTheOwner(proxyHost, 'to renew it')]),
      CHECK_PROXY,
      bypassProxy(host),
    ],
  },
  'proxy-wrong-name-certificate': {
    cause: 'proxy-certificate',
    isHostDown: true,
    isRefusal: true,
    title: (facts) =>
      `${through(facts)} showed a certificate for another name on the way to ${facts.host}${facts.issuer ? ` (signed by ${facts.issuer})` : ''}.`,
    // Adding an authority does not help, see `wrong-name-certificate`.
    remedies: ({ host }) => [CHECK_PROXY, bypassProxy(host)],
  },
  'proxy-login': {
    cause: 'proxy-login',
    isHostDown: true,
    isRefusal: true,
    title: ({ host, proxyHost, hasLogin }) =>
      proxyHost === undefined || proxyHost === host
        ? `${host} answers that a proxy requires a login (407), and no proxy is set for it.`
        : hasLogin
          ? `The proxy ${proxyHost} does not accept the login (407) for the way to ${host}.`
          : `The proxy ${proxyHost} requires a login (407) before it connects to ${host}.`,
    remedies: ({ host, proxyHost }) =>
      proxyHost === undefined || proxyHost === host
        ? [SET_PROXY, PROXY_LOGIN, CHECK_PROXY]
        : [PROXY_LOGIN, CHECK_PROXY],
  },
  'proxy-login-scheme': {
    cause: 'proxy-login',
    isHostDown: true,
    isRefusal: true,
    title: ({ proxyHost, schemes = [], host }) =>
      `The proxy ${proxyHost ?? ''} requires a login by ${schemes.join(' or ')} before it connects to ${host}; ktx logs in with Basic only.`,
    remedies: () => [TRANSLATING_PROXY, CHECK_PROXY],
  },
  'proxy-refused': {
    cause: 'proxy-refused',
    isHostDown: true,
    isBlocked: true,
    title: (facts) => `${through(facts)} refused to connect to ${facts.host}${bracketed(facts.status)}.`,
    remedies: ({ host }) => [askForAccess(`${host} on the proxy`), USE_INDEX],
  },
  'proxy-dns': {
    cause: 'proxy-dns',
    isHostDown: true,
    isBlocked: true,
    title: (facts) =>
      `${through(facts)} could not find the name of ${facts.host} (DNS)${bracketed(facts.status)}.`,
    remedies: ({ host }) => [checkAddress(host), bypassProxy(host), USE_INDEX],
  },
  'proxy-upstream': {
    cause: 'proxy-upstream',
    isTransient: true,
    isBlocked: true,
    title: (facts) => `${through(facts)} could not connect to ${facts.host}${bracketed(facts.status)}.`,
    remedies: ({ host }) => [RETRY, bypassProxy(host), askForAccess(`${host} on the proxy`), USE_INDEX],
  },
  'proxy-reset': {
    cause: 'proxy-broken-off',
    isTransient: true,
    title: (facts) => `${through(facts)} closed the connection on the way to ${facts.host}.`,
    remedies: ({ host }) => [RETRY, CHECK_PROXY, bypassProxy(host), askForAccess(`${host} on the proxy`)],
  },
  'proxy-sign-in': {
    cause: 'captive-portal',
    isHostDown: true,
    isRefusal: true,
    title: (facts) =>
      `${through(facts)} requires a sign-in before it connects to ${facts.host}${bracketed(facts.status)}.`,
    remedies: ({ signInUrl }) => [signInAt(signInUrl), CHECK_PROXY],
  },
  'proxy-unsupported': {
    cause: 'proxy-unsupported',
    title: (facts) =>
      `${through(facts)} on the way to ${facts.host} is a SOCKS proxy, which ktx does not support.`,
    remedies: ({ host }) => [SET_PROXY, bypassProxy(host), USE_INDEX],
  },
  redirect: {
    cause: 'redirect',
    title: ({ host, detail }) => `${host} redirected to a disallowed address${detail ? `: ${detail}` : ''}.`,
    remedies: ({ host }) => [checkAddress(host), USE_INDEX],
  },
  'unprotected-link': {
    cause: 'redirect',
    title: ({ host, linkedFrom }) =>
      `${linkedFrom ?? 'The index'} is reached over https, and lists its files at ${host} over http, which is not protected.`,
    remedies: ({ host, linkedFrom }) => [
      askTheOwner(linkedFrom ?? host, 'to list its files with https addresses'),
      USE_INDEX,
    ],
  },
  offline: {
    cause: 'offline',
    title: ({ host }) => `${host} was not asked: the network is not used with --offline.`,
    remedies: () => [GO_ONLINE, COPY_STORE],
  },
  'host-not-allowed': {
    cause: 'host-not-allowed',
    title: ({ host }) => `${host} was not contacted: the plan does not name it.`,
    remedies: ({ host, hostsToAllow }) => [allowHosts(hostsToAllow ?? [host.replace(/:\d+$/, '')])],
  },
  login: {
    cause: 'login',
    isRefusal: true,
    isTransient: ({ hasAnswered = false, hasLogin = false }) => hasAnswered && hasLogin,
    title: ({ host, hasLogin }) =>
      hasLogin === undefined
        ? `${host} requires a login (401), or did not accept the one it got.`
        : hasLogin
          ? `${host} does not accept the login (401).`
          : `${host} requires a login (401).`,
    remedies: ({ host }) => [addLogin(host.replace(/:\d+$/, '')), USE_INDEX],
  },
  forbidden: {
    cause: 'forbidden',
    isBlocked: true,
    isRefusal: true,
    title: ({ host }) => `${host} refuses access (403).`,
    remedies: ({ host }) => [askTheOwner(host, 'whether you, and your login, may read there'), USE_INDEX],
  },
  'not-found': {
    cause: 'not-found',
    title: ({ host, status }) => `${host} does not have it${bracketed(status)}.`,
    remedies: ({ host }) => [checkAddress(host), USE_INDEX],
  },
  'too-many-requests': {
    cause: 'too-many-requests',
    isTransient: true,
    title: ({ host }) => `${host} refuses further requests for now (429).`,
    remedies: () => [RETRY, USE_INDEX],
  },
  'legal-reasons': {
    cause: 'legal-reasons',
    // Not `isBlocked`: nobody who runs this network can allow it.
    isRefusal: true,
    title: ({ host }) => `${host} refuses the file for legal reasons in this place (451).`,
    // A setup offers a bundle as well, as for every network failure.
    remedies: () => [USE_INDEX],
  },
  'sign-in-required': {
    cause: 'captive-portal',
    isRefusal: true,
    title: ({ host }) => `The network requires a sign-in before it allows access to ${host} (511).`,
    remedies: () => [SIGN_IN, USE_INDEX],
  },
  'http-status': {
    cause: 'server-error',
    isTransient: ({ status = 0 }) => status === 408 || status === 429 || status >= 500,
    title: ({ host, status }) => (status === undefined ? `${host} answered.` : `${host} answered ${status}.`),
    remedies: () => [RETRY, USE_INDEX],
  },
  empty: {
    cause: 'server-error',
    title: ({ host }) => `${host} answered with nothing.`,
    remedies: () => [RETRY, USE_INDEX],
  },
  'not-an-index': {
    cause: 'not-an-index',
    title: ({ host }) => `${host} answered with something that is not a package index.`,
    remedies: ({ host }) => [checkAddress(host), USE_INDEX],
  },
  'sign-in-page': {
    cause: 'captive-portal',
    isRefusal: true,
    title: ({ host }) =>
      `${host} answered with a web page that is not a package index; it may be a sign-in page.`,
    remedies: ({ host }) => [SIGN_IN, checkAddress(host), USE_INDEX],
  },
  'not-a-file': {
    cause: 'captive-portal',
    title: ({ host }) =>
      `${host} answered with a web page instead of the file; it may be a sign-in page or a blocked download.`,
    remedies: () => [SIGN_IN, USE_INDEX],
  },
  file: {
    cause: 'unreadable-file',
    title: ({ host }) => `${host} cannot be read.`,
    remedies: ({ host }) => [checkAddress(host)],
  },
  unknown: {
    cause: 'network',
    title: ({ host }) => `Something unexpected stopped the transfer from ${host}.`,
    remedies: () => [RETRY],
  },
} satisfies Record<string, Row>;

/** Why a transfer failed. */
export type NetworkReason = keyof typeof ROWS;

/** Every network reason with its texts and properties. */
export const NETWORK_CAUSES: Readonly<Record<NetworkReason, NetworkCauseRow>> = ofNetwork(ROWS);

function ofNetwork<Reason extends string>(rows: Record<Reason, Row>): Record<Reason, NetworkCauseRow> {
  const entries = Object.entries<Row>(rows).map(([reason, row]) => [
    reason,
    { failureClass: 'network', ...row },
  ]);
  return Object.fromEntries(entries) as Record<Reason, NetworkCauseRow>;
}
