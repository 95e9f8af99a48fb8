import { isDeepStrictEqual } from 'node:util';
import {
  type Document,
  isAlias,
  isCollection,
  isMap,
  isScalar,
  LineCounter,
  type Pair,
  parseDocument,
  Scalar,
  type YAMLMap,
} from 'yaml';
import { SetupError } from '../../support/errors.ts';
import { otherRemedy } from '../../support/remedies.ts';
import { yamlBlock, yamlFlow, yamlScalar } from './yaml-text.ts';

/**
 * A text value to set at a path of keys: `['llm', 'provider', 'backend']`. Missing maps on the path are
 * created.
 */
export interface YamlEdit {
  path: readonly string[];
  value: string;
}

/**
 * Sets these values and preserves every other byte: comments, order, quotes, line ends, blank lines. A value
 * that is already set is left as written. Pure.
 * @throws SetupError saying what and where, when the text is not valid YAML, or when setting a value would
 * change another one (a shared anchor, a merged map, a list in the way).
 */
export function editYaml(text: string, edits: readonly YamlEdit[]): string {
  return edits.reduce(applyEdit, text);
}

function applyEdit(text: string, edit: YamlEdit): string {
  const { document, place } = parsed(text);
  const found = find(document, edit, place);
  if (isScalar(found.node) && found.node.value === edit.value) return text;
  // The second candidate is for a final value that a following line would change, such as an unterminated
  // block scalar.
  for (const candidate of candidates(text, found, edit)) {
    if (isOnlyChange(text, candidate, edit)) return candidate;
  }
  throw refusal(`${edit.path.join('.')} cannot be set without changing other values`, place(found.offset));
}

type Place = (offset: number) => string;

function parsed(text: string): { document: Document.Parsed; place: Place } {
  const lineCounter = new LineCounter();
  const document = parseDocument(text, { lineCounter, prettyErrors: false, logLevel: 'error' });
  const place: Place = (offset) => {
    const { line, col } = lineCounter.linePos(offset);
    return `line ${line}, column ${col}`;
  };
  const [error] = document.errors;
  if (!error) return { document, place };
  const problem = error.code === 'MULTIPLE_DOCS' ? 'there is a second document' : error.message;
  throw refusal(`it is not valid YAML (${problem})`, place(error.pos[0]));
}

/**
 * The deepest existing node on a path: the value itself, or the map (or empty value) where the rest of the
 * path is missing.
 */
interface Found {
  node: unknown;
  /** The pair whose value `node` is; absent for the root. */
  pair?: Pair;
  /** How many keys of the path lead to `node`. */
  depth: number;
  offset: number;
}

function find(document: Document.Parsed, { path }: YamlEdit, place: Place): Found {
  let found: Found = { node: document.contents, depth: 0, offset: 0 };
  while (found.depth < path.length && isMap(found.node)) {
    const key = path[found.depth];
    const pair = found.node.items.find((item) => isScalar(item.key) && item.key.value === key);
    if (!pair) return found;
    const offset = (pair.key as Scalar).range?.[0] ?? found.offset;
    found = { node: pair.value, pair, depth: found.depth + 1, offset };
  }
  const isLeaf = found.depth === path.length;
  const where = path.slice(0, found.depth).join('.') || 'the file';
  if (isLeaf && isCollection(found.node)) throw refusal(`${where} is not a text`, place(found.offset));
  if (isLeaf || isMap(found.node) || isNothing(found.node)) return found;
  throw refusal(`${where} is ${isAlias(found.node) ? 'an alias' : 'not a map'}`, place(found.offset));
}

function isNothing(node: unknown): boolean {
  return node === null || node === undefined || (isScalar(node) && node.value === null);
}

/** Possible results of the edit, best first. */
function candidates(text: string, found: Found, { path, value }: YamlEdit): string[] {
  const { node, pair, depth } = found;
  const rest = path.slice(depth);
  if (rest.length === 0) return [withValue(text, pair!, value)];
  if (isMap(node) && node.flow) return [withFlowPair(text, node, rest, value)];
  if (isMap(node)) {
    const indent = lineIndent(text, keyStart(node.items[0]!));
    const lines = yamlBlock(rest, value, indent, indentStep(text));
    return [
      withLines(text, endOfPair(node.items.at(-1)!), lines),
      withLinesAt(text, lineStart(text, keyStart(node.items[0]!)), lines),
    ];
  }
  if (!pair) return [withLines(text, text.length, yamlBlock(rest, value, '', indentStep(text)))];
  const step = indentStep(text);
  const lines = yamlBlock(rest, value, lineIndent(text, keyStart(pair)) + step, step);
  // `null` or `~` is replaced by the map.
  const [start = 0, end = start] = (isScalar(node) && node.range) || [];
  const kept = text.slice(0, start).replace(/[ \t]+$/, '');
  const emptied = start === end ? text : kept + text.slice(end);
  return [
    withLines(emptied, start === end ? endOfPair(pair) : kept.length, lines),
    withFlowValue(text, pair, rest, value),
  ];
}

/** Sets the value of a pair, keeping its quotes. */
function withValue(text: string, pair: Pair, value: string): string {
  const node = pair.value as Scalar | null;
  const [start, end] = node?.range ?? [endOfPair(pair), endOfPair(pair)];
  const isBlock =
    isScalar(node) && [Scalar.BLOCK_LITERAL, Scalar.BLOCK_FOLDED].some((type) => type === node.type);
  const scalar = yamlScalar(value, isScalar(node) ? node.type : undefined);
  if (start === end) return afterColon(text, start, scalar);
  return text.slice(0, start) + scalar + (isBlock ? eol(text, start) : '') + text.slice(end);
}

/** For an empty value: right after the colon, before a comment. */
function afterColon(text: string, offset: number, value: string): string {
  const before = text.slice(0, offset).replace(/[ \t]+$/, '');
  return `${before} ${value}${text.slice(before.length)}`;
}

function withFlowPair(text: string, map: YAMLMap, path: readonly string[], value: string): string {
  const last = map.items.at(-1);
  const at = last ? endOfPair(last) : map.range![0] + 1;
  if (!last) return text.slice(0, at) + yamlFlow(path, value) + text.slice(at);
  const comma = /^\s*,/.exec(text.slice(at))?.[0] ?? '';
  const added = comma ? `${comma} ${yamlFlow(path, value)}` : `, ${yamlFlow(path, value)}`;
  return text.slice(0, at) + added + text.slice(at + comma.length);
}

/** `{ llm: }`: the missing map inside a flow map. */
function withFlowValue(text: string, pair: Pair, path: readonly string[], value: string): string {
  const node = pair.value as Scalar | null;
  const [start, end] = node?.range ?? [endOfPair(pair), endOfPair(pair)];
  const flow = `{ ${yamlFlow(path, value)} }`;
  return start === end ? afterColon(text, start, flow) : text.slice(0, start) + flow + text.slice(end);
}

/** Inserts lines after the line that contains `offset`. */
function withLines(text: string, offset: number, lines: string[]): string {
  if (offset === lineStart(text, offset)) return withLinesAt(text, offset, lines);
  const newline = text.indexOf('\n', offset);
  if (newline >= 0) return withLinesAt(text, newline + 1, lines);
  // The last line has no line end, so the new one gets none either.
  return [text, ...lines].join(eol(text, offset));
}

function withLinesAt(text: string, at: number, lines: string[]): string {
  const end = eol(text, at);
  return text.slice(0, at) + lines.map((line) => line + end).join('') + text.slice(at);
}

function keyStart(pair: Pair): number {
  return (pair.key as Scalar).range![0];
}

/** The end of a pair's text, excluding a trailing comment. */
function endOfPair({ key, value }: Pair): number {
  const node = (value ?? key) as Scalar;
  return node.range![1];
}

function lineStart(text: string, offset: number): number {
  return text.lastIndexOf('\n', offset - 1) + 1;
}

/** The indentation of the map whose key is at `offset`, even if the map starts after `- ` or `: `. */
function lineIndent(text: string, offset: number): string {
  const before = text.slice(lineStart(text, offset), offset).replace('\uFEFF', '');
  return /^ *[-:] +/.test(before) ? ' '.repeat(before.length) : /^ */.exec(before)![0];
}

/** The file's indentation step, taken from the first indented line. */
function indentStep(text: string): string {
  return /^( +)[^\s#-].*:/m.exec(text)?.[1] ?? '  ';
}

/** The line end used at this place. */
function eol(text: string, offset: number): string {
  const before = text.lastIndexOf('\n', offset - 1);
  const newline = before >= 0 ? before : text.indexOf('\n');
  return newline > 0 && text[newline - 1] === '\r' ? '\r\n' : '\n';
}

/** Whether everything else keeps its meaning, for parsers with and without merge keys. */
function isOnlyChange(text: string, candidate: string, edit: YamlEdit): boolean {
  return [false, true].every((merge) => {
    const options = { prettyErrors: false, logLevel: 'error', merge } as const;
    const [before, after] = [text, candidate].map((source) => parseDocument(source, options));
    if (after!.errors.length > 0) return false;
    return isDeepStrictEqual(plain(after!), withPath(plain(before!), edit));
  });
}

/** The data with aliases expanded into copies. */
function plain(document: Document.Parsed): unknown {
  return JSON.parse(JSON.stringify(document.toJS() ?? null));
}

function withPath(data: unknown, { path: [key, ...rest], value }: YamlEdit): unknown {
  if (key === undefined) return value;
  const map = (data ?? {}) as Record<string, unknown>;
  return { ...map, [key]: withPath(map[key], { path: rest, value }) };
}

function refusal(problem: string, place: string): SetupError {
  return new SetupError(`ktx.yaml cannot be edited: ${problem} at ${place}.`, {
    failureClass: 'conflict',
    evidence: [problem, place],
    remedies: [otherRemedy('Edit ktx.yaml by hand, or correct it, and run the command again')],
  });
}
