import type { UvPhase } from '../core/events.ts';
import type { LineBatch } from '../support/line-batch.ts';

/** The progress in one line of uv's output. */
export interface UvProgress {
  phase: UvPhase;
  /** The number of packages or files in the line. */
  count: number | null;
  /** Package, interpreter, path or message, as printed by uv: `torch`, `torch==2.13.0`, `3.13.14`. */
  name: string | null;
  durationMs: number | null;
}

const COUNTED: Record<string, UvPhase> = {
  Resolved: 'resolved',
  Prepared: 'prepared',
  Uninstalled: 'uninstalled',
  Installed: 'installed',
  Checked: 'checked',
  Audited: 'checked',
};

const NAMED: Record<string, UvPhase> = {
  Downloading: 'downloading',
  Downloaded: 'downloaded',
  Building: 'building',
  Built: 'built',
};

const MESSAGES: Record<string, UvPhase> = { error: 'error', warning: 'warning', hint: 'hint', help: 'hint' };

const COUNTED_LINE = /^(\w+) (\d+) (?:packages?|files?) in (.+)$/;
const INSTALLED_PYTHON = /^Installed Python (\S+) in (.+)$/;
const INSTALLED_PYTHONS = /^Installed (\d+) versions in (.+)$/;
const NAMED_LINE = /^\s*(\w+) (.+?)(?: \(download\))?(?: \([\d.]+[KMGT]?i?B\))?$/;
const CHANGE_LINE = /^ ([+~-]) (\S+(?: @ \S+)?)/;
const USING_PYTHON = /^Using (?:(?:Python|CPython|PyPy|GraalPy) )(\d\S*)/;
const CREATING = /^Creating virtual environment (?:with seed packages )?at: (.+)$/;
const MESSAGE_LINE = /^(error|warning|hint|help): (.+)$/;
const TREE_ERROR = /^\s*[\u00d7x] (.+)$/;
const PYTHON_KEY = /^(?:cpython|pypy|graalpy|pyodide)-\d[^=]*$/;

/**
 * Parses a line that uv 0.11 prints when not on a terminal (`--color never`, pipes, no wrapping). `null` for
 * unknown lines: uv's output is not a stable interface, so nothing may depend on a particular line.
 */
export function parseUvLine(line: string): UvProgress | null {
  // Called a million times in a flood: the first letter rules out almost every line.
  switch (line.charCodeAt(0)) {
    case 0x20: // ' '
      return parseChange(line) ?? parseNamed(line) ?? parseTreeError(line);
    case 0x42: // Building, Built
      return line.charCodeAt(1) === 0x75 ? parseNamed(line) : null;
    case 0x44: // Downloading, Downloaded; not DEBUG, which `-v` prints by the thousand
      return line.charCodeAt(1) === 0x6f ? parseNamed(line) : null;
    case 0x55: // Using, Uninstalled
      return parseUsing(line) ?? parseCounted(line);
    case 0x43: // Creating, Checked
      return parseCreating(line) ?? parseCounted(line);
    case 0x49: // Installed
      return parsePython(line) ?? parseCounted(line);
    case 0x41: // Audited
    case 0x50: // Prepared
    case 0x52: // Resolved
      return parseCounted(line);
    case 0x65: // error
    case 0x68: // hint, help
    case 0x77: // warning
      return parseMessage(line);
    case 0xd7: // ×
      return parseTreeError(line);
    default:
      return null;
  }
}

/**
 * What every plain line that `parseUvLine` knows contains, in lower case. Looked for while the output is searched for secrets, so that
 * a flood without any of them is not read again.
 */
export const UV_WORDS: readonly string[] = [
  ...Object.keys({ ...COUNTED, ...NAMED }).map((word) => `${word.toLowerCase()} `),
  ...Object.keys(MESSAGES).map((word) => `\n${word}: `),
  ...['+', '~', '-'].map((mark) => `\n ${mark} `),
  ...['python', 'cpython', 'pypy', 'graalpy'].map((name) => `\nusing ${name} `),
  '\ncreating virtual ',
  '\nx ',
  ' x ',
  '\tx ',
];

/** `parseUvLine` for each line of a batch, without creating strings for lines that cannot match. */
export function* parseUvBatch(batch: LineBatch): Generator<UvProgress> {
  if (!batch.mayHoldNotedWords) return;
  for (const line of batch.plainBytes === null ? batch.lines : linesLikeProgress(batch.plainBytes)) {
    const parsed = parseUvLine(line);
    if (parsed) yield parsed;
  }
}

/** First letters of the ASCII lines that `parseUvLine` recognises. */
const FIRST_LETTERS = new Set([...' BDUCIAPRehwx'].map((letter) => letter.charCodeAt(0)));

function* linesLikeProgress(plainBytes: Buffer): Generator<string> {
  const text = plainBytes.toString('latin1');
  for (let start = 0; start < text.length; ) {
    const end = text.indexOf('\n', start);
    const isDebug = text.startsWith('DEBUG', start);
    if (FIRST_LETTERS.has(text.charCodeAt(start)) && !isDebug) yield text.slice(start, end);
    start = end + 1;
  }
}

/** uv's elapsed times: `1m 02s`, `21.34s`, `393ms`, `0.45ms`. */
export function parseUvDuration(text: string): number | null {
  const match = /^(?:(\d+)m )?(\d+(?:\.\d+)?)(ms|s)$/.exec(text);
  if (!match) return null;
  const [, minutes = '0', value, unit] = match;
  const valueMs = unit === 'ms' ? Number(value) : Math.round(Number(value) * 1000);
  return Number(minutes) * 60_000 + valueMs;
}

function progress(phase: UvPhase, parts: Partial<Omit<UvProgress, 'phase'>>): UvProgress {
  return { phase, count: null, name: null, durationMs: null, ...parts };
}

function parseCounted(line: string): UvProgress | null {
  const match = COUNTED_LINE.exec(line);
  const phase = match && COUNTED[match[1]!];
  if (!phase) return null;
  return progress(phase, { count: Number(match[2]), durationMs: parseUvDuration(match[3]!) });
}

function parsePython(line: string): UvProgress | null {
  const one = INSTALLED_PYTHON.exec(line);
  if (one) return progress('python-installed', { name: one[1]!, durationMs: parseUvDuration(one[2]!) });
  const many = INSTALLED_PYTHONS.exec(line);
  if (many)
    return progress('python-installed', { count: Number(many[1]), durationMs: parseUvDuration(many[2]!) });
  return null;
}

function parseNamed(line: string): UvProgress | null {
  const match = NAMED_LINE.exec(line);
  const phase = match && NAMED[match[1]!];
  return phase ? progress(phase, { name: match[2]! }) : null;
}

function parseChange(line: string): UvProgress | null {
  const match = CHANGE_LINE.exec(line);
  if (!match) return null;
  const name = match[2]!;
  if (PYTHON_KEY.test(name)) return match[1] === '-' ? null : progress('python-installed', { name });
  return progress(match[1] === '-' ? 'package-removed' : 'package-added', { name });
}

function parseUsing(line: string): UvProgress | null {
  const match = USING_PYTHON.exec(line);
  return match && progress('using-python', { name: match[1]! });
}

function parseCreating(line: string): UvProgress | null {
  const match = CREATING.exec(line);
  return match && progress('creating-environment', { name: match[1]! });
}

function parseMessage(line: string): UvProgress | null {
  const match = MESSAGE_LINE.exec(line);
  return match && progress(MESSAGES[match[1]!]!, { name: match[2]! });
}

function parseTreeError(line: string): UvProgress | null {
  const match = TREE_ERROR.exec(line);
  return match && progress('error', { name: match[1]! });
}
