/**
 * Everything that a person or program can do about a failure, as typed actions that a screen can offer and
 * fleet reports can count.
 */
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
  'give-setting',
  'proxy-login',
  'bypass-proxy',
  'ask-for-access',
  'choose-ca-file',
  'use-index',
  'copy-store',
  'use-bundle',
  'use-system-python',
  'choose-python',
  'add-login',
  'allow-host',
  'sign-in',
  'ask-the-owner',
  'free-space',
  'raise-limit',
  'free-memory',
  'move-away',
  'rebuild',
  'other-root',
  'make-writable',
  'exclude-from-antivirus',
  'reinstall-package',
  'save-report',
  'other',
] as const;
export type RemedyId = (typeof REMEDY_IDS)[number];

export const VALUE_TYPES = ['url', 'host', 'file', 'folder', 'text', 'secret'] as const;
export type ValueType = (typeof VALUE_TYPES)[number];

/** A value that ktx cannot know. */
export interface Placeholder {
  /** Stands for the value in `argv`, `afterwards`, `env` and `append`. */
  token: string;
  /** What it means. */
  name: PlaceholderName;
  type: ValueType;
}

/** All values that a remedy may ask for. Tokens match those in the help and the README. */
const PLACEHOLDERS = {
  'index-url': { token: '<url>', type: 'url' },
  'index-user': { token: '<user>', type: 'text' },
  'index-password': { token: '<password>', type: 'secret' },
  'python-mirror': { token: '<url>', type: 'url' },
  proxy: { token: '<host:port>', type: 'host' },
  'proxy-user': { token: '<user>', type: 'text' },
  'proxy-password': { token: '<password>', type: 'secret' },
  'proxy-host': { token: '<proxy>', type: 'host' },
  'ca-file': { token: '<file>', type: 'file' },
  'client-certificate': { token: '<file>', type: 'file' },
  'python-archive': { token: '<file>', type: 'file' },
  'node-archive': { token: '<file>', type: 'file' },
  'bundle-file': { token: '<file>', type: 'file' },
  'output-file': { token: '<file>', type: 'file' },
  python: { token: '<path>', type: 'file' },
  'runtime-root': { token: '<dir>', type: 'folder' },
  'no-proxy-hosts': { token: '<hosts>', type: 'text' },
  'number-of-days': { token: '<n>', type: 'text' },
  secret: { token: '<secret>', type: 'secret' },
  setting: { token: '<value>', type: 'text' },
} as const satisfies Record<string, { token: `<${string}>`; type: ValueType }>;
export type PlaceholderName = keyof typeof PLACEHOLDERS;
export const PLACEHOLDER_NAMES = Object.keys(PLACEHOLDERS) as [PlaceholderName, ...PlaceholderName[]];

export const CONSENTS = ['deletes', 'weakens', 'machine'] as const;
/**
 * Why a person must be asked before a remedy runs: it deletes something for good, weakens a protection, or
 * changes the machine outside the runtime folder.
 */
export type Consent = (typeof CONSENTS)[number];

/**
 * How a remedy is executed. In `argv` and `afterwards`, the word `ktx` stands for however this program was
 * started.
 */
export interface RemedyAction {
  /** The command that executes it. Absent: a person does what the label says. */
  argv?: readonly string[];
  /** Run afterwards; absent where `argv` is itself the next attempt. */
  afterwards?: readonly string[];
  /** Variables for `argv` and all later commands. */
  env?: Readonly<Record<string, string>>;
  /** A line to append to a file. */
  append?: { file: string; line: string };
  /** Flags of the failed run to omit from the next attempt, such as `--offline`. */
  drop?: readonly string[];
  /** Which of the two repeats the failed command. It reads `ktx setup` until that command is known. */
  nextAttempt?: 'argv' | 'afterwards';
  /** The values it needs, in the order of their tokens. */
  needs?: readonly PlaceholderName[];
  /** `false`: it only shows something and does not fix the failure. */
  changes?: boolean;
}

/**
 * One thing to do about a failure. Programs use `argv` and the fields after it; the texts are derived from
 * the same data.
 */
export interface Remedy {
  id: RemedyId;
  /** What to do, without a full stop. */
  label: string;
  /** The command that executes it; `null` when a person has to do what the label says. */
  argv: readonly string[] | null;
  /**
   * The command to run afterwards; `null` when `argv` is itself the next attempt, or there is nothing to run.
   */
  afterwards: readonly string[] | null;
  /** Variables to set for `argv` and all later commands. */
  env: Readonly<Record<string, string>>;
  /** A line to append to a file; `~` is the home folder. */
  append: { file: string; line: string } | null;
  /** Values to fill in wherever their tokens appear. */
  placeholders: readonly Placeholder[];
  /** Flags of the failed run to omit from the next attempt. */
  drop: readonly string[];
  /** Which command repeats the failed one; `null`: neither does. */
  nextAttempt: 'argv' | 'afterwards' | null;
  /** `false` when it only shows something and fixes nothing. */
  changes: boolean;
  /** Why a person must be asked first; `null` when that is not necessary. */
  consent: Consent | null;
  /** The text to type, derived from the fields above; `null` when there is none. */
  command: string | null;
}

/** @param label what to do, without a full stop. */
export function remedy(id: RemedyId, label: string, action: RemedyAction = {}): Remedy {
  return withCommand({
    id,
    label,
    argv: action.argv ?? null,
    afterwards: action.afterwards ?? null,
    env: action.env ?? {},
    append: action.append ?? null,
    placeholders: (action.needs ?? []).map((name) => ({ name, ...PLACEHOLDERS[name] })),
    drop: action.drop ?? [],
    nextAttempt: action.nextAttempt ?? null,
    changes: action.changes ?? true,
    consent: consentFor(action.argv ?? []),
  });
}

/** Derived from the command, so that no remedy can forget it. */
function consentFor(argv: readonly string[]): Consent | null {
  if (argv[0] !== 'ktx') {
    const isOurs = argv.length === 0 || fromUnderShell(argv)?.argv[0] === 'ktx';
    return isOurs ? null : 'machine';
  }
  if (argv.some((word) => ['prune', 'uninstall', 'unset'].includes(word))) return 'deletes';
  return argv.some((word) => ['--allow-host', '--ignore-disk', '--uv'].includes(word)) ? 'weakens' : null;
}

/** Recomputes the text to type after the data have changed. */
export function withCommand(data: Omit<Remedy, 'command'>): Remedy {
  const { append, env } = data;
  const words = data.argv ?? data.afterwards;
  const variables = Object.entries(env).map(([name, value]) => `${name}=${shellWord(value)}`);
  const command =
    append === null ? (words === null ? null : [...variables, commandLine(words)].join(' ')) : append.line;
  return { ...data, command };
}

/** One line for people. */
export function remedyText({ label, command }: Remedy): string {
  return command === null ? `${label}.` : `${label}: ${command}`;
}

/** Wraps a command in a shell that first runs `line`, such as a change of limits. */
export function underShell(line: string, argv: readonly string[]): readonly string[] {
  return ['sh', '-c', `${line} && exec "$@"`, 'sh', ...argv];
}

/** The inverse of `underShell`; `null` for other commands. */
export function fromUnderShell(
  argv: readonly string[],
): { before: readonly string[]; line: string; argv: readonly string[] } | null {
  const line = /^(.*) && exec "\$@"$/.exec(argv[2] ?? '')?.[1];
  if (argv[0] !== 'sh' || argv[3] !== 'sh' || line === undefined) return null;
  return { before: argv.slice(0, 4), line, argv: argv.slice(4) };
}

/** A command quoted for the shell. Placeholder tokens stay readable. */
export function commandLine(argv: readonly string[]): string {
  const shell = fromUnderShell(argv);
  if (shell !== null) return `(${shell.line} && ${commandLine(shell.argv)})`;
  return argv.map(shellWord).join(' ');
}

function shellWord(word: string): string {
  const isWindows = process.platform === 'win32';
  // A POSIX shell takes a backslash as an escape.
  const isPlain = /^(?:[\w@%+=:,./\\~-]|<[\w:-]+>)+$/.test(word) && (isWindows || !word.includes('\\'));
  if (isPlain) return word;
  return isWindows ? `"${word}"` : `'${word.replaceAll("'", "'\\''")}'`;
}

/** Removes duplicates, keeping the first of each. */
export function uniqueRemedies(remedies: readonly Remedy[]): Remedy[] {
  return [...new Map(remedies.map((each) => [remedyText(each), each])).values()];
}
