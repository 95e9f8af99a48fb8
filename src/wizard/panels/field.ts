import type { Command } from './command.ts';

export type FieldType = 'url' | 'host' | 'file' | 'folder' | 'text' | 'python' | 'secret';

/** A value that is asked for. */
export interface FieldSpec {
  /** Who reads the value. */
  id: string;
  /** What stands above the field: `Package index`. */
  name: string;
  type: FieldType;
  /** May stay empty. */
  isOptional?: boolean;
  /** Used when nothing is typed; shown faint. */
  preset?: string;
}

/** A value as it is typed. */
export interface Field {
  spec: FieldSpec;
  text: string;
  /** Why the text was refused; it goes away with the next key. */
  problem: string | null;
}

/** No address or path is longer. */
const MAX_CHARACTERS = 2000;

export function openField(spec: FieldSpec, text = ''): Field {
  return { spec, text, problem: null };
}

/** What a field takes of a text: its first line, without control characters. */
export function typedLine(text: string): string {
  const [line = ''] = text.replace(/^[\r\n]+/, '').split(/[\r\n]/);
  return line.replace(/\p{Cc}/gu, '');
}

/** Adds what was typed or pasted. */
export function typeIntoField(field: Field, text: string): Field {
  const typed = typedLine(text);
  if (typed === '') return field;
  return { ...field, text: (field.text + typed).slice(0, MAX_CHARACTERS), problem: null };
}

function eraseInField(field: Field, isAll: boolean): Field {
  return { ...field, text: isAll ? '' : field.text.replace(/.$/su, ''), problem: null };
}

/** What a command makes of an open field. */
export type FieldStep =
  | { type: 'field'; field: Field }
  /** A value that can be tried. */
  | { type: 'entered'; value: string }
  | { type: 'back' }
  | { type: 'interrupt' };

/** The commands that a field takes, the same wherever one is open. Pure. */
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

/** The value as it is meant: quotes of a shell or a file manager around it are no part of it. A secret stays as it is. */
export function fieldValue({ spec, text }: Field): string {
  if (spec.type === 'secret') return text;
  const trimmed = text.trim();
  if (trimmed === '') return spec.preset ?? '';
  return /^(['"]).*\1$/.test(trimmed) ? trimmed.slice(1, -1) : trimmed;
}

/** What is wrong with the value so far, as a short sentence; `null` when it can be tried. */
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

/** The version in `3.13`, `python3.13` or `cpython-3.13.2`; `null` for another text. */
export function pythonVersion(text: string): string | null {
  return /^(?:python|cpython[@-]?)?(3\.\d+(?:\.\d+)?)$/i.exec(text)?.[1] ?? null;
}

/** What stands in the field on a screen: a secret shows its length alone. */
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

/** The line below the field. While a value is typed nothing is wrong yet. */
export function fieldHint(field: Field): string {
  if (field.problem !== null) return field.problem;
  if (field.text === '') {
    if (field.spec.preset !== undefined) return `enter takes ${field.spec.preset}`;
    return field.spec.isOptional ? 'enter leaves it out' : '';
  }
  return fieldProblem(field) ?? 'enter tries it';
}
