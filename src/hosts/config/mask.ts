import {
  type Document,
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  type Pair,
  parseAllDocuments,
  type Scalar,
  visit,
} from 'yaml';
import { createRedactor } from '../../support/text/redaction.ts';
import { findHunk, hunkText } from './diff.ts';

const MASK = '****';
/** Of variables and macros. */
const SECRET_NAME = /KEY|TOKEN|SECRET|PASS|CREDENTIAL|COOKIE|_PW$|AUTH(?!OR)/i;
/** Of keys anywhere else, such as in `metadata`, whose value is a text or holds texts. */
const SECRET_KEY =
  /(?:^|[-_.])(?:api[-_]?keys?|tokens?|secrets?|passwords?|passphrase|credentials?|cookies?|authorization)$/i;
/** `NAME=value`, quoted or not. */
const ASSIGNMENT = /^(["']?[^=\s]*=)([\s\S]*?)(["']?)$/;
/** For lines that cannot be parsed: a truncated configuration, or text that is not YAML. */
const KEY_LINE = /^(\s*(?:#\s*)*(?:-\s+)?["']?api_?keys?["']?\s*:\s*)(\S.*)$/i;
const KEY_LIST_START = /^\s*(?:#\s*)*["']?api_?keys["']?\s*:\s*(?:#.*)?$/i;
const LIST_ITEM = /^(\s*(?:#\s*)*-\s+)\S.*$/;
/** A word of a command line; in a quoted YAML text its quotes have a backslash. */
const WORD = String.raw`(?:\\?"[^"]*"?|'[^']*'?|[^\s"'\\]+)`;
const ENV_WORD = new RegExp(String.raw`\b(\w*(?:KEY|TOKEN|SECRET|PASSWORD)\w*=)${WORD}`, 'gi');
/** A variable that is quoted with its value. */
const QUOTED_ENV_WORD = /(["'])(\w*(?:KEY|TOKEN|SECRET|PASSWORD)\w*=)(?!\*{4})(?:(?!\\?\1|\n).)+(?=\\?\1)/gi;
/** `--api-key value` on a server's command line, but not `--max-tokens 4096`. */
const SECRET_OPTION = new RegExp(
  String.raw`(--?[\w-]*(?:keys?|token|secret|password)(?:=|[^\S\n]+))(?!-|\\\s)${WORD}`,
  'gi',
);
/** The same with its value on the next line, as commands of many lines have it. */
const SECRET_OPTION_ABOVE = new RegExp(
  String.raw`(--?[\w-]*(?:keys?|token|secret|password)[^\S\n]*\\?\r?\n[^\S\n]*)(?!-|\S*:\s)${WORD}`,
  'gi',
);
const MACRO = /\$\{([\w-]+)\}/g;
/** Macros may name macros. */
const MAX_MACRO_DEPTH = 5;

/**
 * `computeDiff` for display: API keys and secret variables are masked, even if the key of a value is outside
 * the hunk.
 */
export function maskedDiff(oldText: string, newText: string): string {
  const hunk = findHunk(oldText.split('\n'), newText.split('\n'));
  return hunk === null
    ? ''
    : hunkText(hunk, maskSecrets(oldText).split('\n'), maskSecrets(newText).split('\n'));
}

/**
 * Masks secrets in a configuration text: everything below `apiKeys` and `apiKey`, items of `env` and macros
 * whose name suggests a secret, such options in commands, and anything that looks like a token. Keeps the
 * number of lines. Broken YAML is masked as far as it can be parsed, and line by line.
 */
export function maskSecrets(text: string): string {
  const secretMacros = new Set<string>();
  const all = countOf(macrosIn(text));
  for (let depth = 0; ; depth++) {
    const masked = maskedBut(text, secretMacros);
    const shown = countOf(macrosIn(masked));
    const hidden = [...all].filter(
      ([name, count]) => !secretMacros.has(name) && count > (shown.get(name) ?? 0),
    );
    if (hidden.length === 0 || depth === MAX_MACRO_DEPTH) return masked;
    for (const [name] of hidden) secretMacros.add(name);
  }
}

/** The words of a text that its masked form does not show. */
export function secretWords(text: string): string[] {
  const shown = new Set(wordsOf(maskSecrets(text)));
  return [...new Set(wordsOf(text))].filter((word) => !shown.has(word));
}

function wordsOf(text: string): string[] {
  return text.split(/[\s"'`=,;[\]{}]+/).filter((word) => word !== '');
}

function macrosIn(text: string): string[] {
  return [...text.matchAll(MACRO)].map(([, name]) => name!);
}

function countOf(names: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return counts;
}

/** Also masks the values of these macros, which a secret consists of. */
function maskedBut(text: string, secretMacros: ReadonlySet<string>): string {
  const { redact } = createRedactor();
  let isInKeyList = false;
  return withoutRanges(text, secretRanges(text, secretMacros))
    .replace(SECRET_OPTION_ABOVE, `$1${MASK}`)
    .split('\n')
    .map((line) => {
      isInKeyList = KEY_LIST_START.test(line) || (isInKeyList && LIST_ITEM.test(line));
      return redact(maskLine(isInKeyList ? line.replace(LIST_ITEM, `$1${MASK}`) : line));
    })
    .join('\n');
}

function maskLine(line: string): string {
  return line
    .replace(KEY_LINE, (whole, key: string, value: string) => (isStructure(value) ? whole : `${key}${MASK}`))
    .replace(QUOTED_ENV_WORD, `$1$2${MASK}`)
    .replace(ENV_WORD, `$1${MASK}`)
    .replace(SECRET_OPTION, `$1${MASK}`);
}

/** The values are on the following lines, or already masked. */
function isStructure(value: string): boolean {
  return /^(?:[|>][-+\d]*|\[\s*|\[\]|[&*]\S+|#.*|\[?\*{4}.*)$/.test(value.trim());
}

type Range = readonly [start: number, end: number];

function secretRanges(text: string, secretMacros: ReadonlySet<string>): Range[] {
  const ranges: Range[] = [];
  const options = { prettyErrors: false, uniqueKeys: false, logLevel: 'silent' } as const;
  for (const document of parseAllDocuments(text, options)) {
    if (!('contents' in document)) continue;
    visit(document as Document, {
      Pair: (_position, pair) => void ranges.push(...rangesOfPair(document as Document, pair, secretMacros)),
    });
  }
  return ranges;
}

function rangesOfPair(document: Document, { key, value }: Pair, secretMacros: ReadonlySet<string>): Range[] {
  if (!isScalar(key)) return [];
  const name = String(key.value).toLowerCase();
  if (name === 'apikeys' || name === 'apikey') return scalarRanges(document, value);
  if (name === 'env' || name === 'macros') return secretItems(document, value, secretMacros);
  // Of broken YAML a value may span the keys that follow.
  return SECRET_KEY.test(name) && document.errors.length === 0 ? scalarRanges(document, value, isText) : [];
}

/** `NAME=value` items of a list and `NAME: value` pairs of a map whose name suggests a secret. */
function secretItems(document: Document, value: unknown, secretMacros: ReadonlySet<string>): Range[] {
  const node = isAlias(value) ? value.resolve(document) : value;
  if (isMap(node)) {
    return node.items.flatMap((item) =>
      SECRET_NAME.test(String(item.key)) || secretMacros.has(String(item.key))
        ? scalarRanges(document, item.value)
        : [],
    );
  }
  if (!isSeq(node)) return [];
  return node.items.flatMap((item) => {
    const scalar = isAlias(item) ? item.resolve(document) : item;
    if (!isScalar(scalar) || !scalar.range) return [];
    const [name] = String(scalar.value).split('=', 1);
    return SECRET_NAME.test(name!) ? [[scalar.range[0], scalar.range[1]] as const] : [];
  });
}

/** `tokens: 4096` is a limit. */
function isText({ value }: Scalar): boolean {
  return typeof value === 'string';
}

/** Every scalar below a node, following aliases. */
function scalarRanges(
  document: Document,
  value: unknown,
  isSecret: (scalar: Scalar) => boolean = () => true,
): Range[] {
  const node = isAlias(value) ? value.resolve(document) : value;
  if (!isNode(node)) return [];
  const ranges: Range[] = [];
  visit(node, {
    Scalar: (_position, scalar) => {
      if (scalar.range && isSecret(scalar)) ranges.push([scalar.range[0], scalar.range[1]]);
    },
    Alias: (_position, alias) =>
      void ranges.push(...scalarRanges(document, alias.resolve(document), isSecret)),
  });
  return ranges;
}

/** Keeps every line: a masked range that spans several lines leaves a mask on each. */
function withoutRanges(text: string, ranges: readonly Range[]): string {
  let out = '';
  let position = 0;
  for (const [start, end] of [...ranges].sort((a, b) => a[0] - b[0])) {
    if (start < position) continue;
    out += text.slice(position, start) + maskedValue(text.slice(start, end));
    position = end;
  }
  return out + text.slice(position);
}

function maskedValue(source: string): string {
  const [, name = ''] = ASSIGNMENT.exec(source) ?? [];
  const rest = source.slice(name.length);
  const [first, ...others] = rest.split('\n');
  const isBlock = /^[|>]/.test(source);
  return [isBlock ? first : `${name}${MASK}`, ...others.map((line) => line.replace(/\S.*$/, MASK))].join(
    '\n',
  );
}
