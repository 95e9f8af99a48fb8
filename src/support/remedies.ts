/** Everything that a person or a program can do about a failure, as typed actions: a screen can offer them, a fleet can count them. */
export const REMEDY_IDS = [
  'retry',
  'go-online',
  'check-address',
  'check-network',
  'check-clock',
  'set-proxy',
  'check-proxy',
  'translating-proxy',
  'set-client-certificate',
  'check-settings',
  'proxy-login',
  'bypass-proxy',
  'ask-for-access',
  'choose-ca-file',
  'use-index',
  'copy-store',
  'use-system-python',
  'add-login',
  'allow-host',
  'sign-in',
  'ask-the-owner',
  'free-space',
  'other-root',
  'make-writable',
  'exclude-from-antivirus',
  'reinstall-package',
  'save-report',
  'other',
] as const;
export type RemedyId = (typeof REMEDY_IDS)[number];

export interface Remedy {
  id: RemedyId;
  /** What to do, without a final point. */
  label: string;
  /** What to type; `<…>` is for the user to fill in. `null` when it is nothing to type. */
  command: string | null;
}

/** One line for people. */
export function remedyText({ label, command }: Remedy): string {
  return command === null ? `${label}.` : `${label}: ${command}`;
}

const remedy = (id: RemedyId, label: string, command: string | null = null): Remedy => ({
  id,
  label,
  command,
});

export const RETRY = remedy('retry', 'Run it again', 'ktx setup');
export const GO_ONLINE = remedy(
  'go-online',
  'Run it without --offline, where there is a network',
  'ktx setup',
);
export const CHECK_NETWORK = remedy('check-network', 'Check the network connection (cable, VPN, firewall)');
export const CHECK_CLOCK = remedy('check-clock', "Check this machine's clock");
export const SET_PROXY = remedy(
  'set-proxy',
  'If this network needs a proxy, name it (NO_PROXY for hosts without)',
  'ktx admin network set proxy <host:port>',
);
export const CHECK_PROXY = remedy(
  'check-proxy',
  'See which proxy is set and where, and correct it',
  'ktx admin network show',
);
export const SHOW_SETTINGS = remedy('check-settings', 'See what is set and where', 'ktx admin network show');
/** @param origin the variable, flag or file in which it stands. */
export const correctSetting = (origin: string, example: string) =>
  remedy('check-settings', `Correct ${origin}: ${example}`);
export const PROXY_LOGIN = remedy(
  'proxy-login',
  'Put the login into the proxy address, for this run',
  'HTTPS_PROXY=http://<user>:<password>@<proxy> ktx setup',
);
/** A proxy on this machine that logs in the way that ktx does not. */
export const TRANSLATING_PROXY = remedy(
  'translating-proxy',
  'Run cntlm or px on this machine, which log in for you, and name it as the proxy',
  'ktx admin network set proxy http://127.0.0.1:3128',
);
export const SET_CLIENT_CERTIFICATE = remedy(
  'set-client-certificate',
  'Name your client certificate, a PEM file with certificate and key, for this run',
  'SSL_CLIENT_CERT=<file> ktx setup',
);
export const CHOOSE_CA_FILE = remedy(
  'choose-ca-file',
  'Ask your IT for the certificate of the authority that signed it, as a PEM file',
  'ktx admin network set ca-file <file>',
);
export const USE_INDEX = remedy(
  'use-index',
  'Use an index or mirror that this network allows',
  'ktx setup --index-url <url>',
);
export const USE_SYSTEM_PYTHON = remedy(
  'use-system-python',
  'Use an interpreter of this machine',
  'ktx setup --python system',
);
export const COPY_STORE = remedy(
  'copy-store',
  'Copy the folder uv/store of ~/.ktx/runtime from such a machine with a network, where ktx setup ran, then run',
  'ktx setup --offline',
);
export const SIGN_IN = remedy(
  'sign-in',
  'Open the address in a browser, sign in if the network asks for it, then run',
  'ktx setup',
);
export const SAVE_REPORT = remedy(
  'save-report',
  'Save a report for the people who run this network',
  'ktx admin report --output <file>',
);
export const FREE_SPACE = remedy('free-space', 'Free some space, then run', 'ktx setup');
export const OTHER_ROOT = remedy('other-root', 'Put the runtime elsewhere', 'ktx setup --runtime-root <dir>');
export const MAKE_WRITABLE = remedy('make-writable', 'Make the folder writable for this user');
export const REINSTALL_PACKAGE = remedy(
  'reinstall-package',
  'Reinstall the ktx package, then run',
  'ktx setup',
);

/** @param host `host[:port]`, or the path of a folder. */
export const checkAddress = (host: string) =>
  remedy(
    'check-address',
    /^(?:[/\\]|[A-Za-z]:[/\\])/.test(host)
      ? `Check that ${host} is the right place`
      : `Check that ${host} is the right address, and its port`,
  );
export const bypassProxy = (host: string) =>
  remedy(
    'bypass-proxy',
    `If ${host} is inside this network, leave the proxy out for it`,
    `ktx admin network set no-proxy ${host}`,
  );
/** @param proxyHost `host[:port]`; absent: not known. */
export const writeProxyAs = (scheme: 'http' | 'https', proxyHost = '<host:port>') =>
  remedy(
    'set-proxy',
    `Write the address of the proxy with ${scheme}://`,
    `ktx admin network set proxy ${scheme}://${proxyHost}`,
  );
/** @param address where to sign in; absent: not known. */
export const signInAt = (address: string | undefined) =>
  address === undefined
    ? SIGN_IN
    : remedy('sign-in', `Open ${address} in a browser, sign in, then run`, 'ktx setup');
export const askForAccess = (what: string) => remedy('ask-for-access', `Ask your IT to allow ${what}`);
export const askTheOwner = (host: string, about: string) =>
  remedy('ask-the-owner', `Ask the people who run ${host} ${about}`);
/** All hosts at once: an earlier `--allow-host` that is left out would be refused by the next run. */
export const allowHosts = (hosts: readonly string[]) =>
  remedy(
    'allow-host',
    hosts.length === 1 ? 'Allow it' : 'Allow them',
    `ktx setup ${hosts.map((host) => `--allow-host ${host}`).join(' ')}`,
  );
export const addLogin = (host: string) =>
  remedy('add-login', 'Give the login in ~/.netrc', `machine ${host} login <user> password <password>`);
export const excludeFromAntivirus = (path: string) =>
  remedy('exclude-from-antivirus', `If an antivirus holds the files, ask for an exception for ${path}`);
export const otherRemedy = (label: string, command: string | null = null) => remedy('other', label, command);

/** The lists one after the other, each action once. */
export function uniqueRemedies(remedies: readonly Remedy[]): Remedy[] {
  return [...new Map(remedies.map((each) => [remedyText(each), each])).values()];
}
