import { type Remedy, type RemedyAction, remedy, underShell } from './remedy.ts';

/** The failed command again. */
const SETUP: RemedyAction = { argv: ['ktx', 'setup'], nextAttempt: 'argv' };
/** A person does what the label says; then this runs. */
const THEN_SETUP: RemedyAction = { afterwards: ['ktx', 'setup'], nextAttempt: 'afterwards' };

/** The next attempt with additional flags. */
function setupWith(
  flags: readonly string[],
  more: Omit<RemedyAction, 'argv' | 'afterwards'> = {},
): RemedyAction {
  return { argv: ['ktx', 'setup', ...flags], nextAttempt: 'argv', ...more };
}

/** Stores a setting, after which setup runs again. */
function storeSetting(
  words: readonly string[],
  more: Omit<RemedyAction, 'argv' | 'afterwards'> = {},
): RemedyAction {
  return { argv: ['ktx', 'admin', 'network', 'set', ...words], ...THEN_SETUP, ...more };
}

/** With a bundle no host is contacted. */
const NOT_WITH_BUNDLE = ['--offline', '--index-url', '--allow-host'];

const SHOW_NETWORK: RemedyAction = { argv: ['ktx', 'admin', 'network', 'show'], changes: false };

export const RETRY = remedy('retry', 'Run it again', SETUP);
export const GO_ONLINE = remedy('go-online', 'Run it without --offline, where there is a network', {
  ...SETUP,
  drop: ['--offline'],
});
export const CHECK_NETWORK = remedy('check-network', 'Check the network connection (cable, VPN, firewall)');
export const CHECK_CLOCK = remedy('check-clock', "Check this machine's clock");
export const SET_PROXY = remedy(
  'set-proxy',
  'If this network needs a proxy, name it (NO_PROXY for hosts without)',
  storeSetting(['proxy', '<host:port>'], { needs: ['proxy'] }),
);
export const CHECK_PROXY = remedy(
  'check-proxy',
  'See which proxy is set and where, and correct it',
  SHOW_NETWORK,
);
export const SHOW_SETTINGS = remedy('check-settings', 'See what is set and where', SHOW_NETWORK);
/** @param origin the variable, flag or file that sets it. */
export const correctSetting = (origin: string, example: string) =>
  remedy('check-settings', `Correct ${origin}: ${example}`);
export const PROXY_LOGIN = remedy('proxy-login', 'Put the login into the proxy address, for this run', {
  ...SETUP,
  env: {
    HTTPS_PROXY: 'http://<user>:<password>@<proxy>',
    // Used for an index on plain http.
    HTTP_PROXY: 'http://<user>:<password>@<proxy>',
  },
  needs: ['proxy-user', 'proxy-password', 'proxy-host'],
});
/** A local proxy that handles logins which ktx does not support. */
export const TRANSLATING_PROXY = remedy(
  'translating-proxy',
  'Run cntlm or px on this machine, which log in for you, and name it as the proxy',
  storeSetting(['proxy', 'http://127.0.0.1:3128']),
);
export const SET_CLIENT_CERTIFICATE = remedy(
  'set-client-certificate',
  'Name your client certificate, a PEM file with certificate and key, for this run',
  { ...SETUP, env: { SSL_CLIENT_CERT: '<file>' }, needs: ['client-certificate'] },
);
export const CHOOSE_CA_FILE = remedy(
  'choose-ca-file',
  'Ask your IT department for the certificate of the authority that signed it, as a PEM file',
  storeSetting(['ca-file', '<file>'], { needs: ['ca-file'] }),
);
export const USE_INDEX = remedy(
  'use-index',
  'Use an index or mirror that this network allows',
  setupWith(['--index-url', '<url>'], { needs: ['index-url'] }),
);
export const USE_SYSTEM_PYTHON = remedy(
  'use-system-python',
  'Use an interpreter of this machine',
  setupWith(['--python', 'system']),
);
/** @param label such as `Choose another Python`. */
export const otherPython = (label: string) =>
  remedy('choose-python', label, setupWith(['--python', '<path>'], { needs: ['python'] }));
export const COPY_STORE = remedy(
  'copy-store',
  'Copy the folder uv/store of ~/.ktx/runtime from such a machine with a network, where ktx setup ran, then run',
  { afterwards: ['ktx', 'setup', '--offline'], nextAttempt: 'afterwards' },
);
/** @param path of a bundle on this machine; `null`: one has to be created elsewhere and carried here. */
export const installFromBundle = (
  path: string | null,
  platform: string = `${process.platform}-${process.arch}`,
) =>
  path === null
    ? remedy(
        'use-bundle',
        `Make a bundle on a machine with a network (ktx bundle create --platform ${platform} --output <file>), carry it here, then run`,
        { afterwards: ['ktx', 'setup', '--bundle', '<file>'], needs: ['bundle-file'], drop: NOT_WITH_BUNDLE },
      )
    : remedy(
        'use-bundle',
        'Install from the bundle found here, without a network',
        setupWith(['--bundle', path], { drop: NOT_WITH_BUNDLE }),
      );
export const SIGN_IN = remedy(
  'sign-in',
  'Open the address in a browser, sign in if the network asks for it, then run',
  THEN_SETUP,
);
export const SAVE_REPORT = remedy('save-report', 'Save a report for the people who run this network', {
  argv: ['ktx', 'admin', 'report', '--output', '<file>'],
  needs: ['output-file'],
  changes: false,
});
const PRUNE: RemedyAction = { argv: ['ktx', 'admin', 'runtime', 'prune', '--yes'], ...THEN_SETUP };
export const FREE_SPACE = remedy(
  'free-space',
  'Free some space, such as by deleting runtimes of other versions',
  PRUNE,
);
export const OTHER_ROOT = remedy(
  'other-root',
  'Use another folder for the runtime',
  setupWith(['--runtime-root', '<dir>'], { needs: ['runtime-root'] }),
);
export const MAKE_WRITABLE = remedy(
  'make-writable',
  'Make the folder writable for this user, then run',
  THEN_SETUP,
);
export const REINSTALL_PACKAGE = remedy(
  'reinstall-package',
  'Reinstall the ktx package, then run',
  THEN_SETUP,
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
    storeSetting(['no-proxy', host]),
  );
/** @param proxyHost `host[:port]`, if known. */
export const writeProxyAs = (scheme: 'http' | 'https', proxyHost?: string) =>
  remedy(
    'set-proxy',
    `Write the address of the proxy with ${scheme}://`,
    proxyHost === undefined
      ? storeSetting(['proxy', `${scheme}://<host:port>`], { needs: ['proxy'] })
      : storeSetting(['proxy', `${scheme}://${proxyHost}`]),
  );
/** @param address where to sign in, if known. */
export const signInAt = (address: string | undefined) =>
  address === undefined
    ? SIGN_IN
    : remedy('sign-in', `Open ${address} in a browser, sign in, then run`, THEN_SETUP);
export const askForAccess = (what: string) =>
  remedy('ask-for-access', `Ask your IT department to allow ${what}`);
export const askTheOwner = (host: string, about: string) =>
  remedy('ask-the-owner', `Ask the people who run ${host} ${about}`);
/** All hosts at once: the next run would refuse an earlier `--allow-host` that was left out. */
export const allowHosts = (hosts: readonly string[]) =>
  remedy(
    'allow-host',
    hosts.length === 1 ? 'Allow it' : 'Allow them',
    setupWith(hosts.flatMap((host) => ['--allow-host', host])),
  );
export const addLogin = (host: string) =>
  remedy('add-login', 'Give the login in ~/.netrc', {
    ...THEN_SETUP,
    append: { file: '~/.netrc', line: `machine ${host} login <user> password <password>` },
    needs: ['index-user', 'index-password'],
  });
export const excludeFromAntivirus = (path: string) =>
  remedy('exclude-from-antivirus', `If a virus scanner blocks the files, ask for an exception for ${path}`);
/** @param file its path, or `the file`. */
export const releaseFromQuarantine = (file: string) =>
  remedy(
    'exclude-from-antivirus',
    `Ask your IT department to release ${file} from quarantine and to exclude the runtime folder, then run`,
    THEN_SETUP,
  );

/** Anything without an id of its own; without an action, a person does it. */
export const otherRemedy = (label: string, action: RemedyAction = {}): Remedy =>
  remedy('other', label, action);
/** A person does it, then setup runs again. */
export const thenSetup = (label: string, flags: readonly string[] = []): Remedy =>
  remedy('other', label, { afterwards: ['ktx', 'setup', ...flags], nextAttempt: 'afterwards' });
/** The next attempt, with a label that gives the reason. */
export const setupAgain = (label: string, flags: readonly string[] = []): Remedy =>
  remedy('other', label, { argv: ['ktx', 'setup', ...flags] });
/** The failed command again, with a label that gives the reason. */
export const retryBecause = (reason: string): Remedy => remedy('retry', `Run it again (${reason})`, SETUP);
/** A person does it, then the failed command runs again. */
export const byHandThenRetry = (label: string): Remedy => remedy('other', `${label}, then run`, THEN_SETUP);
/** @param label such as `Choose a shorter path`. */
export const otherRoot = (label: string): Remedy =>
  remedy('other-root', label, setupWith(['--runtime-root', '<dir>'], { needs: ['runtime-root'] }));

export const REBUILD = remedy('rebuild', 'Build the environment again', setupWith(['--force']));
export const LIST_CHECKS = remedy('other', 'List the checks and repairs', {
  argv: ['ktx', 'doctor', '--list'],
  changes: false,
});
export const FREE_QUOTA = remedy(
  'free-space',
  'Delete files of yours there, such as runtimes of other versions, or ask for a larger quota',
  PRUNE,
);
/**
 * The next attempt with this user's limit raised as far as the system allows. @param options of `ulimit`; the
 * first that the shell supports is used.
 */
function withLimit(options: readonly string[]): RemedyAction {
  if (process.platform === 'win32') return THEN_SETUP;
  const ways = options.map((option) => `ulimit -S ${option} "$(ulimit -H ${option})"`);
  const line = ways.length === 1 ? ways[0]! : `{ ${ways.join(' || ')}; } 2>/dev/null`;
  return { argv: underShell(line, ['ktx', 'setup']), nextAttempt: 'argv' };
}
const raise = (label: string, ...options: string[]) => remedy('raise-limit', label, withLimit(options));

export const LIFT_FILE_LIMIT = raise('Lift the limit of file sizes for this run', '-f');
/** Node raises its soft limit at start, so only the hard limit is left. */
export const RAISE_OPEN_FILES = remedy(
  'raise-limit',
  'Close other programs, or raise the hard limit of open files (nofile in limits.conf, LimitNOFILE= of a service), then run',
  THEN_SETUP,
);
/** dash and busybox name it `-p`, which is a different limit in bash. */
export const RAISE_PROCESSES = raise('Raise the limit of processes for this run', '-u', '-p');
export const LIFT_CPU_LIMIT = raise('Lift the limit of processor time for this run', '-t');
export const FREE_MEMORY = remedy(
  'free-memory',
  'Close other programs, or give this machine more memory, then run',
  THEN_SETUP,
);
/** @param path what is in the way. */
export const moveAway = (path: string) =>
  remedy(
    'move-away',
    `Move ${path} away`,
    process.platform === 'win32' ? THEN_SETUP : { argv: ['mv', path, `${path}.old`], ...THEN_SETUP },
  );
/** @param path the folder; its owner can do this. */
export const makeWritable = (path: string) =>
  remedy(
    'make-writable',
    'Make the folder writable for this user',
    process.platform === 'win32' ? THEN_SETUP : { argv: ['chmod', 'u+rwx', path], ...THEN_SETUP },
  );
/** A mirror of the official Python builds. */
export const USE_PYTHON_MIRROR = remedy('use-index', 'Name a mirror', {
  ...SETUP,
  env: { UV_PYTHON_INSTALL_MIRROR: '<url>' },
  needs: ['python-mirror'],
});
/** @param mountPoint of a volume mounted with `noexec`. */
export const mountExecutable = (mountPoint: string) =>
  remedy('other', 'Mount it without noexec', {
    argv: ['mount', '-o', 'remount,exec', mountPoint],
    ...THEN_SETUP,
  });
/** Use the uv that ktx pins instead of the one named by `--uv`. */
export const USE_PINNED_UV = remedy('other', 'Use the uv that ktx pins, without --uv', {
  ...SETUP,
  drop: ['--uv'],
});
