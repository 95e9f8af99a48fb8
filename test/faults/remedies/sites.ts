import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAst } from 'rolldown/parseAst';
import { messages } from '../../../scripts/messages.mjs';
import { PACKAGE_ROOT } from '../../../src/support/package-root.ts';

/** A place in the sources that tells somebody what to do. */
export interface RemedySite {
  /** The name of a remedy of the catalogue, else `<file>: <label or text>`, with `…` for what is filled in. */
  key: string;
  /** Matches the label, or the text, as it is printed. */
  pattern: RegExp;
}

const CATALOGUE = 'src/support/remedies.ts';
/** Functions that take a label, by the position of the label. */
const MAKERS: Readonly<Record<string, number>> = {
  remedy: 1,
  otherRemedy: 0,
  thenSetup: 0,
  setupAgain: 0,
  byHandThenRetry: 0,
  otherRoot: 0,
  otherPython: 0,
  retryBecause: 0,
  raise: 0,
};
/** Their labels are whole only with what their callers say. */
const HANDED_ON = new Set(['retryBecause', 'byHandThenRetry']);
/** A sentence that ends in a command of ours. */
const COMMAND =
  /(?:[Rr]un|[Rr]etry|then|another one|Restore it|Undo it|Fix it|Stop it|Change it|Change one|found by|Preview with|installing, run):? `?ktx(?: |…)/;

/** Every remedy in the sources, in the order of files: the catalogue, labels of their own, and sentences with a command. */
export function remedySites(): RemedySite[] {
  const sites = new Map<string, RemedySite>();
  const add = (key: string, text: string) => {
    const earlier = sites.get(key)?.pattern.source;
    const pattern = patternOf(text);
    const either = earlier === undefined ? pattern : new RegExp(`${earlier}|${pattern.source}`);
    sites.set(key, { key, pattern: either });
  };
  for (const folder of ['src', 'screens']) {
    const files = readdirSync(join(PACKAGE_ROOT, folder), { recursive: true, encoding: 'utf8' });
    for (const file of files.filter((name) => /\.tsx?$/.test(name)).sort()) {
      const path = join(folder, file);
      const name = path.replace(/\.tsx?$/, '').replace(/^src\//, '');
      for (const { owner, label } of labelsIn(path))
        if (!HANDED_ON.has(owner)) add(path === CATALOGUE ? owner : `${name}: ${label}`, label);
    }
  }
  for (const { path, text } of messages() as { path: string; text: string }[])
    if (path !== CATALOGUE && COMMAND.test(text))
      add(`${path.replace(/\.tsx?$/, '').replace(/^src\//, '')}: ${text}`, text);
  return [...sites.values()];
}

/** `…` stands for anything. */
function patternOf(text: string): RegExp {
  const parts = text.split('…').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(parts.join('[^\\n]*?').replace(/ /g, '\\s+'));
}

// biome-ignore lint/suspicious/noExplicitAny: nodes of a syntax tree
type Node = any;

function labelsIn(path: string): { owner: string; label: string }[] {
  const source = readFileSync(join(PACKAGE_ROOT, path), 'utf8');
  if (!/remed(?:y|ies)\.ts'/.test(source) && path !== CATALOGUE) return [];
  const found: { owner: string; label: string }[] = [];
  const walk = (node: Node, owner: string): void => {
    if (Array.isArray(node)) {
      for (const each of node) walk(each, owner);
      return;
    }
    if (node === null || typeof node !== 'object' || typeof node.type !== 'string') return;
    const named =
      node.type === 'VariableDeclarator' || node.type === 'FunctionDeclaration' ? node.id?.name : null;
    const within = named && owner === '' ? named : owner;
    const at = node.type === 'CallExpression' ? MAKERS[node.callee.name] : undefined;
    if (at !== undefined)
      for (const label of textsOf(node.arguments[at])) found.push({ owner: within, label });
    // `[label, { argv, afterwards }]`, for who makes several of them.
    if (node.type === 'ArrayExpression' && node.elements[1]?.properties?.some(isCommandProperty))
      for (const label of textsOf(node.elements[0])) found.push({ owner: within, label });
    for (const [key, value] of Object.entries(node)) if (key !== 'type') walk(value, within);
  };
  walk(parseAst(source, { lang: path.endsWith('x') ? 'tsx' : 'ts' }), '');
  return found;
}

const isCommandProperty = (property: Node) =>
  property.key?.name === 'afterwards' || property.key?.name === 'argv';

/** The texts that an expression may be; a label that is handed on is none of its own. */
function textsOf(node: Node): string[] {
  if (node?.type === 'Literal' && typeof node.value === 'string') return [node.value];
  if (node?.type === 'TemplateLiteral') return [node.quasis.map(({ value }: Node) => value.cooked).join('…')];
  if (node?.type === 'ConditionalExpression')
    return [...textsOf(node.consequent), ...textsOf(node.alternate)];
  return [];
}
