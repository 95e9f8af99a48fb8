import type { FailureReport } from '../../core/events.ts';
import type { KtxRuntimeFeature } from '../../core/features.ts';
import type { Invocation } from '../../core/invocation.ts';
import { ownWordsOf } from '../../core/own-words.ts';
import { type Remedy, remedyText, type ValueType } from '../../support/remedy.ts';
import { pythonOf, type SetupChanges } from './changes.ts';
import type { FieldSpec, FieldType } from './field.ts';
import type { MendTask } from './mend-task.ts';
import type { PageId } from './page-panel.ts';

export type { SetupChanges } from './changes.ts';

/** Field values by the placeholder that they replace. */
type Values = ReadonlyMap<string, string>;

/** A remedy that the wizard applies itself. */
export interface Mending {
  /** Id of its choice on the failure screen. */
  id: `mend ${string}`;
  label: string;
  /** Fields to ask for, in order; `[]` when nothing is missing. */
  fields: readonly FieldSpec[];
  /** The task to run first. */
  task: (values: readonly string[]) => MendTask | null;
  /** The changes for the next attempt. */
  changes: (values: readonly string[]) => SetupChanges;
  /** What follows: another attempt, a page, waiting for a bundle, or the same failure with a notice. */
  next: 'retry' | 'stay' | 'bundle' | PageId;
}

type Parsed = Partial<Pick<Mending, 'next'>> & {
  task?: (values: Values) => MendTask | null;
  changes?: (values: Values) => SetupChanges;
};

/** More would be tedious to scroll. */
const MAX_MENDINGS = 8;

/** Remedies that the wizard can apply itself, best first. */
export function mendingsOf({ remedies = [] }: Pick<FailureReport, 'remedies'>): readonly Mending[] {
  const found = new Map<string, Mending>();
  for (const remedy of remedies) {
    const mending = mendingOf(remedy);
    if (mending && !found.has(mending.id)) found.set(mending.id, mending);
  }
  return [...found.values()].slice(0, MAX_MENDINGS);
}

/** Steps for the user, without those offered as choices. */
export function stepsByHand(report: Pick<FailureReport, 'remedies' | 'nextSteps'>): readonly string[] {
  const ids = new Set(mendingsOf(report).map(({ id }) => id));
  const offered = (report.remedies ?? []).filter(
    (remedy) => remedy.id === 'retry' || ids.has(mendingId(remedy)),
  );
  const texts = new Set(offered.map(remedyText));
  return report.nextSteps.filter((step) => !texts.has(step));
}

/**
 * The report without deleting other runtimes, for a folder that has none: it would free nothing. Freeing space
 * stays as a step by hand, last.
 */
export function withoutPrune(report: FailureReport): FailureReport {
  const { remedies = [], nextSteps } = report;
  const useless = remedies.find(({ id }) => id === 'free-space');
  if (useless === undefined) return report;
  return {
    ...report,
    remedies: remedies.filter((remedy) => remedy !== useless),
    nextSteps: [
      ...nextSteps.filter((step) => step !== remedyText(useless)),
      'Free some space on that volume, then try again.',
    ],
  };
}

/** `null` for a remedy that only the user can apply. */
export function mendingOf(remedy: Remedy, invocation?: Invocation): Mending | null {
  const parsed = parse(remedy, invocation);
  if (parsed === null) return null;
  const placeholders = askedFor(remedy, invocation);
  const label = labelOf(remedy);
  const named = (values: readonly string[]): Values =>
    new Map(placeholders.map(({ token }, index) => [token, values[index] ?? '']));
  return {
    id: mendingId(remedy),
    label: placeholders.length > 0 ? `${label} …` : label,
    fields: placeholders.map(({ name, type }) => ({
      id: name,
      name: placeholders.length === 1 ? label : (FIELD_NAMES[name] ?? label),
      type: fieldType(name, type),
      ...(name === 'output-file' && { preset: 'ktx-report.txt' }),
    })),
    task: (values) => parsed.task?.(named(values)) ?? null,
    changes: (values) => parsed.changes?.(named(values)) ?? {},
    next: parsed.next ?? 'retry',
  };
}

function mendingId({ id, label }: Remedy): Mending['id'] {
  return id === 'other' ? `mend other ${label}` : `mend ${id}`;
}

function fieldType(name: string, type: ValueType): FieldType {
  return name === 'python' ? 'python' : type;
}

const FIELD_NAMES: Record<string, string> = {
  'proxy-user': 'User name for the proxy',
  'proxy-password': 'Password for the proxy',
  'proxy-host': 'Proxy',
  'index-user': 'User name for the index',
  'index-password': 'Password for the index',
};

/** Values that the remedy needs; a secret given as a flag is already known. */
function askedFor(
  { argv, env, append, placeholders }: Remedy,
  invocation?: Invocation,
): Remedy['placeholders'] {
  const own = argv === null ? [] : (ownWordsOf(argv, invocation) ?? argv);
  const text = [...own, ...Object.values(env), append?.line ?? ''].join(' ');
  return placeholders.filter(({ token }) => text.includes(token));
}

function parse(remedy: Remedy, invocation?: Invocation): Parsed | null {
  const { argv, append, env, afterwards } = remedy;
  if (append !== null) {
    return {
      task: (values) => ({ kind: 'append-line', file: append.file, line: filled(append.line, values) }),
    };
  }
  if (remedy.id === 'use-bundle' && argv === null) return { next: 'bundle' };
  if (argv === null) {
    // The user has copied the store by then, so use it offline.
    const isOffline = afterwards?.includes('--offline') && remedy.id === 'copy-store';
    return isOffline ? { changes: () => ({ isOffline: true }) } : null;
  }
  const [program, first = '', second = ''] = argv;
  if (program === 'mv' && argv.length === 3) {
    return { task: () => ({ kind: 'move-away', from: first, to: second }) };
  }
  if (program === 'chmod' && argv.length === 3) {
    return { task: () => ({ kind: 'change-mode', mode: first, path: second }) };
  }
  // Flags of the current run apply to the next attempt anyway.
  const words = ownWordsOf(argv, invocation);
  if (words?.[0] === 'setup') return ofSetup(words.slice(1), env, remedy.drop);
  return words?.[0] === 'admin' ? ofAdmin(words.slice(1)) : null;
}

function ofAdmin([topic, verb, ...words]: readonly string[]): Parsed | null {
  if (topic === 'report')
    return {
      task: (values) => ({ kind: 'save-report', path: givenFor(words.at(-1), values) }),
      next: 'stay',
    };
  if (topic === 'runtime' && verb === 'prune') return { task: () => ({ kind: 'prune' }) };
  if (topic !== 'network') return null;
  if (verb === 'show') return { next: 'network' };
  if (verb === 'unset') return { task: () => ({ kind: 'forget-settings' }) };
  const [name, value] = words;
  // Only the user knows which setting is meant.
  if (verb !== 'set' || !name || name.startsWith('<') || !value) return null;
  return { task: (values) => ({ kind: 'store-setting', name, value: filled(value, values) }) };
}

function ofSetup(flags: readonly string[], env: Remedy['env'], drop: readonly string[]): Parsed | null {
  const steps: ((values: Values) => SetupChanges)[] = [];
  const hosts: string[] = [];
  const rest = [...flags];
  while (rest.length > 0) {
    const flag = rest.shift();
    if (flag === '--force') steps.push(() => ({ shouldForce: true }));
    else if (flag === '--ignore-disk') steps.push(() => ({ shouldIgnoreDisk: true }));
    else if (flag === '--offline') steps.push(() => ({ isOffline: true }));
    else {
      const given = rest.shift();
      const change = given === undefined ? null : flagChange(flag, given, hosts);
      if (change === null) return null;
      if (change) steps.push(change);
    }
  }
  if (hosts.length > 0) steps.push(() => ({ allowedHosts: hosts }));
  if (drop.includes('--offline')) steps.push(() => ({ isOffline: false }));
  if (Object.keys(env).length > 0) {
    steps.push((values) => ({
      env: Object.fromEntries(Object.entries(env).map(([name, text]) => [name, filledInUrl(text, values)])),
    }));
  }
  // An unchanged retry is the choice `Try again`.
  if (steps.length === 0) return null;
  return { changes: (values) => Object.assign({}, ...steps.map((step) => step(values))) };
}

/**
 * The change for a flag; `undefined` when it is stored elsewhere, `null` when only the command line supports
 * it.
 */
function flagChange(
  flag: string | undefined,
  given: string,
  hosts: string[],
): ((values: Values) => SetupChanges) | null | undefined {
  switch (flag) {
    case '--index-url':
      return (values) => ({ indexUrl: givenFor(given, values) });
    case '--python':
      return (values) => ({ python: pythonOf(givenFor(given, values)) });
    case '--runtime-root':
      return (values) => ({ runtimeRoot: givenFor(given, values) });
    case '--bundle':
      return (values) => ({ bundlePath: givenFor(given, values) });
    case '--uv':
      return (values) => ({ uvPath: givenFor(given, values) });
    case '--feature':
      return () => ({ feature: given as KtxRuntimeFeature });
    case '--allow-host':
      hosts.push(given);
      return undefined;
    default:
      return null;
  }
}

function givenFor(word: string | undefined, values: Values): string {
  return word === undefined ? '' : (values.get(word) ?? word);
}

function filled(text: string, values: Values): string {
  return [...values].reduce((result, [token, value]) => result.replaceAll(token, () => value), text);
}

/** Percent-encodes values, since a name or password may contain characters with a meaning in an address. */
function filledInUrl(text: string, values: Values): string {
  const isAddress = /^\w+:\/\//.test(text);
  const escaped = (token: string, value: string): string =>
    isAddress && (token === '<user>' || token === '<password>') ? encodeURIComponent(value) : value;
  const bare = isAddress
    ? new Map([...values].map(([token, value]) => [token, escaped(token, value.replace(/^https?:\/\//, ''))]))
    : values;
  return filled(text, bare);
}

const LABELS: Partial<Record<Remedy['id'], string>> = {
  'go-online': 'Go online',
  'set-proxy': 'Set a proxy',
  'check-proxy': 'See which proxy is set, and where',
  'check-settings': 'See what is set, and where',
  'proxy-login': 'Log in to the proxy, for this run',
  'translating-proxy': 'Use the proxy on this machine, port 3128',
  'set-client-certificate': 'Choose a client certificate, for this run',
  'choose-ca-file': 'Choose a certificate file',
  'use-index': 'Use another package index',
  'copy-store': 'Use the downloads that I copied here',
  'use-system-python': 'Use a Python on this machine',
  'choose-python': 'Choose a Python',
  'free-space': 'Delete runtimes of other versions',
  'other-root': 'Use another folder for the runtime',
  'make-writable': 'Make the folder writable',
  'use-bundle': 'Use a bundle, without a network',
  'save-report': 'Save a report for IT, secrets removed',
};

function labelOf(remedy: Remedy): string {
  const { argv } = remedy;
  if (remedy.id === 'allow-host')
    return `Allow ${argv?.filter((_, index) => argv[index - 1] === '--allow-host').join(', ')}`;
  if (remedy.id === 'bypass-proxy') return `Bypass the proxy for ${argv?.at(-1)}`;
  if (remedy.id === 'add-login') return `Enter the login for ${remedy.append?.line.split(' ')[1]}`;
  if (remedy.id === 'use-index' && remedy.env['UV_PYTHON_INSTALL_MIRROR'])
    return 'Set a mirror of the Python builds, for this run';
  return LABELS[remedy.id] ?? remedy.label;
}
