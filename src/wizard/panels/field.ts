import type { Command } from './command.ts';

export type FieldType = 'url' | 'host' | 'file' | 'folder' | 'text' | 'python' | 'secret';

/** A value to ask for. */
export interface FieldSpec {
  /** Identifies the value for its reader. */
  id: string;
  /** The label above the field: `Package index`. */
  name: string;
  type: FieldType;
  /** May stay empty. */
  isOptional?: boolean;
  /** Used when nothing is typed; shown faint. */
  preset?: string;
  /** Shown while nothing is typed; default: by type. */
  example?: string;
}

/** A value being typed. */
export interface Field {
  spec: FieldSpec;
  text: string;
  /** Why the text was rejected; cleared by the next key. */
  problem: string | null;
}

/** No address or path is longer. */
const MAX_CHARACTERS = 2000;

export function openField(spec: FieldSpec, text = ''): Field {
  return { spec, text, problem: null };
}

/** The part of a text that a field accepts: its first line, without control characters. */
export function typedLine(text: string): string {
  const [line = ''] = text.replace(/^[\r\n]+/, '').split(/[\r\n]/);
  return line.replace(/\p{Cc}/gu, '');
}

/** Appends typed or pasted text. */
export function typeIntoField(field: Field, text: string): Field {
  const typed = typedLine(text);
  if (typed === '') return field;
  return { ...field, text: (field.text + typed).slice(0, MAX_CHARACTERS), problem: null };
}

function eraseInField(field: Field, isAll: boolean): Field {
  return { ...field, text: isAll ? '' : field.text.replace(/.$/su, ''), problem: null };
}

/** The result of a command in an open field. */
export type FieldStep =
  | { type: 'field'; field: Field }
  /** A value to submit. */
  | { type: 'entered'; value: string }
  | { type: 'back' }
  | { type: 'interrupt' };

/** Handles the commands that every field accepts. Pure. */
export function onFieldCommand(field: Field, command: Command): FieldStep {
  switch (command) {
    case 'erase':
    case 'erase-all':
      return { type: 'field', field: eraseInField(field, command === 'erase-all') };
    case 'confirm': {
      const problem = fieldProblem(field);
      if (problem === null) return { type: 'entered', value: fieldValue(field) };
      return { type: 'field', field: { ...field, problem } };
    }
    case 'back':
    case 'interrupt':
      return { type: command };
    default:
      return { type: 'field', field };
  }
}

/** The value without quotes added by a shell or a file manager. A secret is left as it is. */
export function fieldValue({ spec, text }: Field): string {
  if (spec.type === 'secret') return text;
  const trimmed = text.trim();
  if (trimmed === '') return spec.preset ?? '';
  return /^(['"]).*\1$/.test(trimmed) ? trimmed.slice(1, -1) : trimmed;
}

/** What is wrong with the value so far, as a short sentence; `null` when it can be submitted. */
export function fieldProblem(field: Field): string | null {
  const value = fieldValue(field);
  const { type, isOptional } = field.spec;
  if (value === '') return isOptional ? null : 'nothing typed yet';
  switch (type) {
    case 'url':
      if (!URL.canParse(value)) return 'not an address yet, such as https://pypi.example/simple';
      return /^(https?|file):$/.test(new URL(value).protocol) ? null : 'takes http, https or file';
    case 'host': {
      const address = /^\w+:\/\//.test(value) ? value : `http://${value}`;
      return URL.canParse(address) && new URL(address).hostname !== '' ? null : 'not a host and port yet';
    }
    case 'python':
      if (/[/\\]/.test(value) || /^(?:auto|managed|system)$/.test(value)) return null;
      return pythonVersion(value) === null
        ? 'a version such as 3.13, or a path such as /usr/bin/python3'
        : null;
    case 'file':
      return value.endsWith('/') ? 'a folder; a file is needed' : null;
    default:
      return null;
  }
}

/** The version in `3.13`, `python3.13` or `cpython-3.13.2`; `null` for any other text. */
export function pythonVersion(text: string): string | null {
  return /^(?:python|cpython[@-]?)?(3\.\d+(?:\.\d+)?)$/i.exec(text)?.[1] ?? null;
}

/** The displayed text: a secret only shows its length. */
export function shownText({ spec, text }: Field): string {
  return spec.type === 'secret' ? '•'.repeat([...text].length) : text;
}

const KINDS: Record<FieldType, string> = {
  url: 'an address',
  host: 'host:port',
  file: 'a file',
  folder: 'a folder',
  text: 'a value',
  python: 'a version or a path',
  secret: 'it; it is not shown',
};

/** `Package index: type or paste an address` */
export function fieldQuestion({ name, type }: FieldSpec): string {
  return `${name}: type or paste ${KINDS[type]}`;
}

const EXAMPLES: Record<FieldType, string> = {
  url: 'for example https://pypi.example/simple',
  host: 'for example proxy.example:3128',
  file: 'for example ~/certificates.pem',
  folder: 'for example ~/ktx-runtime',
  text: '',
  python: 'for example 3.13, or /usr/bin/python3',
  secret: '',
};

/** The line below the field. While the user is typing it shows no error. */
export function fieldHint(field: Field): string {
  if (field.problem !== null) return field.problem;
  if (field.text === '') {
    if (field.spec.preset !== undefined) return `enter takes ${field.spec.preset}`;
    if (field.spec.isOptional) return 'enter leaves it out';
    return field.spec.example ?? EXAMPLES[field.spec.type];
  }
  return fieldProblem(field) ?? 'enter uses it';
}
