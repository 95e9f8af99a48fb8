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
/** For lines that no parser understands: a configuration that was cut in half, or is no YAML at all. */
const KEY_LINE = /^(\s*(?:#\s*)*(?:-\s+)?["']?api_?keys?["']?\s*:\s*)(\S.*)$/i;
const KEY_LIST_START = /^\s*["']?api_?keys["']?\s*:\s*(?:#.*)?$/i;
const LIST_ITEM = /^(\s*-\s+)\S.*$/;
const ENV_WORD = /\b(\w*(?:KEY|TOKEN|SECRET|PASSWORD)\w*=)(?:"[^"]*"?|'[^']*'?|[^\s"']+)/gi;
/** `--api-key value` of a server's command line; `--max-tokens 4096` is none. */
const SECRET_OPTION =
  /(--?[\w-]*(?:keys?|token|secret|password)(?:=|\s+))(?!-)("[^"]*"?|'[^']*'?|[^\s"']+)/gi;

/** `computeDiff` for a person: values of API keys and secret variables are masked, also where the hunk shows no key of theirs. */
export function maskedDiff(oldText: string, newText: string): string {
  const hunk = findHunk(oldText.split('\n'), newText.split('\n'));
  return hunk === null
    ? ''
    : hunkText(hunk, maskSecrets(oldText).split('\n'), maskSecrets(newText).split('\n'));
}

/**
 * Masks in a configuration text what stands below `apiKeys` and `apiKey`, items of `env` and macros whose name says that
 * they are secret, such options in commands, and what looks like a token anywhere. Keeps the number of lines. Broken YAML
 * is masked as far as it can be read, and line by line.
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

/** The values stand on the following lines, or are masked already. */
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

/** Items `NAME=value` of a list, and `NAME: value` of a mapping, whose name says that the value is secret. */
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

/** Every scalar below a node, aliases followed. */
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

/** Every line that a range covers keeps its place: what is masked is a part of each. */
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
