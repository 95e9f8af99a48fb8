import type { FailureReport } from '../core/events.ts';
import { type Invocation, ownWordsOf } from '../core/invocation.ts';
import type { PythonChoice } from '../python/python-choice.ts';
import { type Remedy, remedyText } from '../support/remedy.ts';

/** What a person has changed since the wizard was started; it goes before what the command line said. */
export interface SetupChanges {
  indexUrl?: string;
  python?: PythonChoice;
  runtimeRoot?: string;
  allowedHosts?: readonly string[];
  isOffline?: false;
}

/** A remedy that the wizard carries out itself, and then tries again. */
export interface Mending {
  /** A choice of the failure screen. */
  id: `mend ${string}`;
  label: string;
  /** What to ask for; `null` when nothing is missing. */
  field: { name: string; type: 'url' | 'host' | 'file' | 'folder' | 'text' } | null;
  /** A setting to store, whose value is `value` or what was typed. */
  setting: { name: string; value: string | null } | null;
  /** What the next attempt does otherwise. `typed` is the value of the field, empty without one. */
  changes: (typed: string) => SetupChanges;
}

/** More would push out why it failed. */
const MAX_MENDINGS = 4;

/** The ways out of a failure that the wizard can go by itself, best first. */
export function mendingsOf({ remedies = [] }: Pick<FailureReport, 'remedies'>): readonly Mending[] {
  const found = new Map<string, Mending>();
  for (const remedy of remedies) {
    const mending = mendingOf(remedy);
    if (mending && !found.has(mending.id)) found.set(mending.id, mending);
  }
  return [...found.values()].slice(0, MAX_MENDINGS);
}

/** What a person has to do: without what is a choice of the screen already. */
export function stepsByHand(report: Pick<FailureReport, 'remedies' | 'nextSteps'>): readonly string[] {
  const ids = new Set(mendingsOf(report).map(({ id }) => id));
  const offered = (report.remedies ?? []).filter(
    (remedy) => remedy.id === 'retry' || ids.has(`mend ${remedy.id}`),
  );
  const texts = new Set(offered.map(remedyText));
  return report.nextSteps.filter((step) => !texts.has(step));
}

/** `null` for what only a person can do, and for what only shows something. */
export function mendingOf(remedy: Remedy, invocation?: Invocation): Mending | null {
  const { argv, placeholders, env, append } = remedy;
  // The flags that this run was given are those of the next attempt anyway.
  const words = argv === null ? null : ownWordsOf(argv, invocation);
  const isOurs = words !== null && remedy.changes && append === null && Object.keys(env).length === 0;
  if (!isOurs || argv === null || placeholders.length > 1 || placeholders[0]?.type === 'secret') return null;
  const [placeholder] = placeholders;
  const parsed = words[0] === 'setup' ? ofSetup(remedy, words.slice(1)) : ofSetting(words);
  if (parsed === null) return null;
  const label = labelOf(remedy, argv);
  return {
    id: `mend ${remedy.id}`,
    label: placeholder ? `${label} …` : label,
    field: placeholder
      ? { name: label, type: placeholder.type as NonNullable<Mending['field']>['type'] }
      : null,
    ...parsed,
  };
}

function ofSetup(remedy: Remedy, flags: readonly string[]): Pick<Mending, 'setting' | 'changes'> | null {
  const filled = (typed: string, given: string): string => (given.startsWith('<') ? typed : given);
  const steps: ((typed: string) => SetupChanges)[] = [];
  const hosts: string[] = [];
  for (let index = 0; index < flags.length; index += 2) {
    const given = flags[index + 1];
    if (given === undefined) return null;
    switch (flags[index]) {
      case '--index-url':
        steps.push((typed) => ({ indexUrl: filled(typed, given) }));
        break;
      case '--python':
        steps.push((typed) => ({ python: pythonOf(filled(typed, given)) }));
        break;
      case '--runtime-root':
        steps.push((typed) => ({ runtimeRoot: filled(typed, given) }));
        break;
      case '--allow-host':
        hosts.push(given);
        break;
      default:
        return null;
    }
  }
  if (hosts.length > 0) steps.push(() => ({ allowedHosts: hosts }));
  if (remedy.drop.includes('--offline')) steps.push(() => ({ isOffline: false }));
  // The same again is what `Try again` does.
  if (steps.length === 0) return null;
  return { setting: null, changes: (typed) => Object.assign({}, ...steps.map((step) => step(typed))) };
}

function pythonOf(value: string): PythonChoice {
  return value === 'auto' || value === 'managed' || value === 'system' ? value : { path: value };
}

function ofSetting(words: readonly string[]): Pick<Mending, 'setting' | 'changes'> | null {
  const [admin, network, set, name, value] = words;
  if (admin !== 'admin' || network !== 'network' || set !== 'set' || !name || !value) return null;
  return { setting: { name, value: value.startsWith('<') ? null : value }, changes: () => ({}) };
}

const LABELS: Partial<Record<Remedy['id'], string>> = {
  'go-online': 'Go online',
  'set-proxy': 'Name a proxy',
  'translating-proxy': 'Use the proxy on this machine, port 3128',
  'choose-ca-file': 'Choose a certificate file',
  'use-index': 'Use another package index',
  'use-system-python': 'Use a Python of this machine',
  'choose-python': 'Choose a Python',
  'other-root': 'Put the runtime elsewhere',
};

function labelOf(remedy: Remedy, argv: readonly string[]): string {
  if (remedy.id === 'allow-host')
    return `Allow ${argv.filter((_, index) => argv[index - 1] === '--allow-host').join(', ')}`;
  if (remedy.id === 'bypass-proxy') return `Leave the proxy out for ${argv.at(-1)}`;
  return LABELS[remedy.id] ?? remedy.label;
}

/** What was typed or pasted, as it is meant: quotes of a shell or a file manager around it are no part of it. */
export function fieldValue(text: string): string {
  const trimmed = text.trim();
  return /^(['"]).*\1$/.test(trimmed) ? trimmed.slice(1, -1) : trimmed;
}

/** What is wrong with a value so far, as a short sentence; `null` when it can be tried. */
export function fieldProblem({ type }: NonNullable<Mending['field']>, text: string): string | null {
  const value = fieldValue(text);
  if (value === '') return 'nothing typed yet';
  switch (type) {
    case 'url':
      if (!URL.canParse(value)) return 'not an address yet, such as https://pypi.example/simple';
      return /^(https?|file):$/.test(new URL(value).protocol) ? null : 'takes http, https or file';
    case 'host': {
      const address = /^\w+:\/\//.test(value) ? value : `http://${value}`;
      return URL.canParse(address) && new URL(address).hostname !== '' ? null : 'not a host and port yet';
    }
    case 'file':
    case 'folder':
      return value.endsWith('/') && type === 'file' ? 'a folder; a file is needed' : null;
    case 'text':
      return null;
  }
}
