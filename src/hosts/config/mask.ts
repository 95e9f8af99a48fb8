import {
  type Document,
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  type Pair,
  parseAllDocuments,
  visit,
} from 'yaml';
import { createRedactor } from '../../support/text/redaction.ts';
import { findHunk, hunkText } from './diff.ts';

const MASK = '****';
const SECRET_NAME = /KEY|TOKEN|SECRET|PASSWORD/i;
/** `NAME=value`, quoted or not. */
const ASSIGNMENT = /^(["']?[^=\s]*=)([\s\S]*?)(["']?)$/;
/** For lines that cannot be parsed: a truncated configuration, or text that is not YAML. */
const KEY_LINE = /^(\s*(?:#\s*)*(?:-\s+)?["']?api_?keys?["']?\s*:\s*)(\S.*)$/i;
const KEY_LIST_START = /^\s*["']?api_?keys["']?\s*:\s*(?:#.*)?$/i;
const LIST_ITEM = /^(\s*-\s+)\S.*$/;
const ENV_WORD = /\b(\w*(?:KEY|TOKEN|SECRET|PASSWORD)\w*=)(?:"[^"]*"?|'[^']*'?|[^\s"']+)/gi;
/** `--api-key value` on a server's command line, but not `--max-tokens 4096`. */
const SECRET_OPTION =
  /(--?[\w-]*(?:keys?|token|secret|password)(?:=|\s+))(?!-)("[^"]*"?|'[^']*'?|[^\s"']+)/gi;

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
  const { redact } = createRedactor();
  let isInKeyList = false;
  return withoutRanges(text, secretRanges(text))
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
    .replace(ENV_WORD, `$1${MASK}`)
    .replace(SECRET_OPTION, `$1${MASK}`);
}

/** The values are on the following lines, or already masked. */
function isStructure(value: string): boolean {
  return /^(?:[|>][-+\d]*|\[\s*|\[\]|[&*]\S+|#.*|\[?\*{4}.*)$/.test(value.trim());
}

type Range = readonly [start: number, end: number];

function secretRanges(text: string): Range[] {
  const ranges: Range[] = [];
  const options = { prettyErrors: false, uniqueKeys: false, logLevel: 'silent' } as const;
  for (const document of parseAllDocuments(text, options)) {
    if (!('contents' in document)) continue;
    visit(document as Document, {
      Pair: (_position, pair) => void ranges.push(...rangesOfPair(document as Document, pair)),
    });
  }
  return ranges;
}

function rangesOfPair(document: Document, { key, value }: Pair): Range[] {
  if (!isScalar(key)) return [];
  const name = String(key.value).toLowerCase();
  if (name === 'apikeys' || name === 'apikey') return scalarRanges(document, value);
  if (name === 'env' || name === 'macros') return secretItems(document, value);
  return [];
}

/** `NAME=value` items of a list and `NAME: value` pairs of a map whose name suggests a secret. */
function secretItems(document: Document, value: unknown): Range[] {
  const node = isAlias(value) ? value.resolve(document) : value;
  if (isMap(node)) {
    return node.items.flatMap((item) =>
      SECRET_NAME.test(String(item.key)) ? scalarRanges(document, item.value) : [],
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

/** Every scalar below a node, following aliases. */
function scalarRanges(document: Document, value: unknown): Range[] {
  const node = isAlias(value) ? value.resolve(document) : value;
  if (!isNode(node)) return [];
  const ranges: Range[] = [];
  visit(node, {
    Scalar: (_position, scalar) => {
      if (scalar.range) ranges.push([scalar.range[0], scalar.range[1]]);
    },
    Alias: (_position, alias) => void ranges.push(...scalarRanges(document, alias.resolve(document))),
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
