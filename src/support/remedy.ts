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
  /** What stands in its place in `argv`, `afterwards`, `env` and `append`. */
  token: string;
  /** What it means. */
  name: PlaceholderName;
  type: ValueType;
}

/** Every value that a remedy may ask for. Tokens are the words that help and README use. */
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
 * Why a program asks a person before it carries a remedy out: it deletes what nothing brings back, gives up a protection, or changes the
 * machine outside of the runtime folder.
 */
export type Consent = (typeof CONSENTS)[number];

/** What carries a remedy out. In `argv` and `afterwards` the word `ktx` stands for however this program was started. */
export interface RemedyAction {
  /** Carries it out. Absent: a person does what the label says. */
  argv?: readonly string[];
  /** To run afterwards; absent where `argv` is itself the next attempt. */
  afterwards?: readonly string[];
  /** Variables for `argv` and for everything that is run later. */
  env?: Readonly<Record<string, string>>;
  /** A line for the end of a file. */
  append?: { file: string; line: string };
  /** Flags of the failed run that the next attempt leaves out, such as `--offline`. */
  drop?: readonly string[];
  /** Which of the two is the failed command once more; its words are `ktx setup` until the command is known. */
  nextAttempt?: 'argv' | 'afterwards';
  /** The values that are needed, in the order of their tokens. */
  needs?: readonly PlaceholderName[];
  /** `false`: it only shows something, and the failure stays. */
  changes?: boolean;
}

/** One thing to do about a failure. Programs read `argv` and what follows it; the texts are derived from the same data. */
export interface Remedy {
  id: RemedyId;
  /** What to do, without a final point. */
  label: string;
  /** The words of the command that carries it out; `null` when a person has to do what the label says. */
  argv: readonly string[] | null;
  /** The command to run when that is done; `null` when `argv` is itself the next attempt, or nothing has to be run. */
  afterwards: readonly string[] | null;
  /** Variables to set for `argv`, and for all that is run later. */
  env: Readonly<Record<string, string>>;
  /** A line for the end of a file; `~` is the home folder. */
  append: { file: string; line: string } | null;
  /** Values to fill in, wherever their tokens stand. */
  placeholders: readonly Placeholder[];
  /** Flags of the failed run that the next attempt leaves out. */
  drop: readonly string[];
  /** Which command is what failed once more, whatever command that was; `null`: another command is to be run. */
  nextAttempt: 'argv' | 'afterwards' | null;
  /** Whether it changes anything: what only shows something mends nothing. */
  changes: boolean;
  /** Why a person is asked first; `null`: nobody has to be. */
  consent: Consent | null;
  /** What to type, derived from the data above; `null` when it is nothing to type. */
  command: string | null;
}

/** @param label what to do, without a final point. */
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

/** By the command itself, so that no remedy can forget to say it. */
function consentFor(argv: readonly string[]): Consent | null {
  if (argv[0] !== 'ktx') {
    const isOurs = argv.length === 0 || fromUnderShell(argv)?.argv[0] === 'ktx';
    return isOurs ? null : 'machine';
  }
  if (argv.some((word) => ['prune', 'uninstall', 'unset'].includes(word))) return 'deletes';
  return argv.some((word) => ['--allow-host', '--ignore-disk', '--uv'].includes(word)) ? 'weakens' : null;
}

/** Derives the text to type anew, after the data have changed. */
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

/** A command that a shell starts after a line of its own, such as a change of limits. */
export function underShell(line: string, argv: readonly string[]): readonly string[] {
  return ['sh', '-c', `${line} && exec "$@"`, 'sh', ...argv];
}

/** The line and the command of `underShell`; `null` for any other words. */
export function fromUnderShell(
  argv: readonly string[],
): { before: readonly string[]; line: string; argv: readonly string[] } | null {
  const line = /^(.*) && exec "\$@"$/.exec(argv[2] ?? '')?.[1];
  if (argv[0] !== 'sh' || argv[3] !== 'sh' || line === undefined) return null;
  return { before: argv.slice(0, 4), line, argv: argv.slice(4) };
}

/** The words of a command as a shell takes them. Tokens of placeholders stay readable. */
export function commandLine(argv: readonly string[]): string {
  const shell = fromUnderShell(argv);
  if (shell !== null) return `(${shell.line} && ${commandLine(shell.argv)})`;
  return argv.map(shellWord).join(' ');
}

function shellWord(word: string): string {
  const isWindows = process.platform === 'win32';
  // To a POSIX shell a backslash is no part of a word.
  const isPlain = /^(?:[\w@%+=:,./\\~-]|<[\w:-]+>)+$/.test(word) && (isWindows || !word.includes('\\'));
  if (isPlain) return word;
  return isWindows ? `"${word}"` : `'${word.replaceAll("'", "'\\''")}'`;
}

/** The lists one after the other, each action once. */
export function uniqueRemedies(remedies: readonly Remedy[]): Remedy[] {
  return [...new Map(remedies.map((each) => [remedyText(each), each])).values()];
}
