import type { FailureClass } from '../../support/errors.ts';
import {
  CHECK_NETWORK,
  CHECK_PROXY,
  CHOOSE_CA_FILE,
  GO_ONLINE,
  otherPython,
  otherRemedy,
  RETRY,
  SET_PROXY,
  setupAgain,
  thenSetup,
  USE_INDEX,
  USE_SYSTEM_PYTHON,
} from '../../support/remedies.ts';
import type { Remedy } from '../../support/remedy.ts';

/** A message of uv and its cause. */
export interface UvCauseRow {
  cause: string;
  uv: RegExp;
  failureClass: FailureClass;
  title: string;
  remedies: readonly Remedy[];
}

/**
 * Messages of uv about packages, hosts and interpreters, most specific first. Machine causes are recognised
 * before, by `reasonOfText`.
 */
export const UV_CAUSES: readonly UvCauseRow[] = [
  {
    cause: 'other-bytes',
    uv: /Hash mismatch for|Size mismatch for|but the lockfile records/,
    failureClass: 'verification',
    title: 'A file does not match the lock',
    remedies: [setupAgain('The altered file is fetched again by the next run')],
  },
  {
    cause: 'tls-interception',
    uv: /invalid peer certificate|UnknownIssuer/,
    failureClass: 'network',
    title: 'A certificate is not trusted; TLS on this network may be intercepted',
    remedies: [CHOOSE_CA_FILE],
  },
  {
    cause: 'proxy-refused',
    uv: /tunnel error: unsuccessful|407 Proxy/,
    failureClass: 'network',
    title: 'The proxy refused the connection of uv',
    remedies: [CHECK_PROXY],
  },
  {
    cause: 'login',
    uv: /401 Unauthorized|lack of valid authentication credentials/,
    failureClass: 'network',
    title: 'The package index requires a login',
    remedies: [otherRemedy('Give the login in ~/.netrc, or in the address of the index'), USE_INDEX],
  },
  {
    cause: 'forbidden',
    uv: /403 Forbidden/,
    failureClass: 'network',
    title: 'The package index refuses access',
    remedies: [USE_INDEX],
  },
  {
    cause: 'legal-reasons',
    uv: /451 Unavailable For Legal Reasons/,
    failureClass: 'network',
    title: 'The package index refuses the file for legal reasons in this place',
    remedies: [USE_INDEX],
  },
  {
    cause: 'server-error',
    uv: /HTTP status server error|429 Too Many Requests/,
    failureClass: 'network',
    title: 'The package index returned a server error',
    remedies: [RETRY, USE_INDEX],
  },
  {
    cause: 'dns',
    uv: /dns error|failed to lookup address|are you offline/i,
    failureClass: 'network',
    title: 'A host name could not be resolved',
    remedies: [CHECK_NETWORK, SET_PROXY, USE_INDEX],
  },
  {
    cause: 'offline',
    uv: /Network connectivity is disabled|because the network was disabled|offline Python installation was requested/,
    failureClass: 'network',
    title: 'uv needs the network, which is switched off for it',
    remedies: [GO_ONLINE],
  },
  {
    cause: 'no-answer',
    uv: /network timeout|operation timed out/i,
    failureClass: 'network',
    title: 'A host did not answer in time',
    remedies: [RETRY, SET_PROXY],
  },
  {
    cause: 'no-connection',
    uv: /client error \(Connect\)|Failed to fetch: |error sending request/,
    failureClass: 'network',
    title: 'A host could not be reached',
    remedies: [CHECK_NETWORK, SET_PROXY, USE_INDEX],
  },
  {
    cause: 'damaged-package',
    uv: /Failed to extract archive|Failed to read `|invalid zip|corrupt deflate/i,
    failureClass: 'verification',
    title: 'A package file is damaged',
    remedies: [setupAgain('The damaged file is fetched again by the next run')],
  },
  {
    cause: 'unusable-python',
    uv: /No interpreter found|Failed to inspect Python interpreter|Failed to query Python interpreter/,
    failureClass: 'platform',
    title: 'uv cannot use this Python',
    remedies: [otherPython('Choose another one'), USE_SYSTEM_PYTHON],
  },
  {
    cause: 'wrong-platform',
    uv: /no wheels with a matching|incompatible with the current platform|only found wheels for/,
    failureClass: 'platform',
    title: 'A package has no build for this machine',
    remedies: [otherPython('Choose another Python')],
  },
  {
    cause: 'busy',
    uv: /when waiting for lock on/,
    failureClass: 'conflict',
    title: 'Another uv is at work in the same folder',
    remedies: [thenSetup('Wait for it, then run')],
  },
];
