// Every English text that a catalogue of another language has to hold, from the sources: npm run texts
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAst } from 'rolldown/parseAst';
import { fillingsOf, textOf } from './house/literal-text.mjs';

const ROOT = new URL('..', import.meta.url).pathname;

/** Where texts arise that a screen shows: their literals are looked at, not only `t` and `said`. */
const { files: LITERALS, notShown } = JSON.parse(
  readFileSync(new URL('texts.json', import.meta.url), 'utf8'),
);
/** Names of keys and of commands, and what only our own mistakes would show. */
const NOT_SHOWN_TEXTS = new Set(notShown);
/** Values of these properties are shown, however short they are. */
const SHOWN = new Set([
  'label',
  'hint',
  'title',
  'description',
  'detail',
  'text',
  'what',
  'about',
  'group',
  'fix',
  'untouched',
  'notice',
]);
/** The same where a text stands there, and not what draws a state of this name. */
const SHOWN_AS_TEXT = new Set(['running', 'yes', 'stopped', 'word']);
/** Two words at least, one of small letters. */
const PROSE = /[A-Za-z…}][^\n]* [^\n]*[a-z]{2}/;
/** Programs, statements and formats of others. */
const FOREIGN =
  /^\s*(?:import |from |SELECT |#!|\{"|if |print\(|def |set -|exec |cat |mkdir )|[\n\u001b]|=>|^[\^(\\]/;
/** Their words are for programs: a type error, an assertion of our own. */
const NOT_SHOWN = new Set(['TypeError', 'RangeError', 'RegExp']);

/**
 * The texts in the order of files and lines.
 *
 * @returns {{ path: string, line: number, text: string }[]} `{}` stands for each value, and `a | b` for singular and plural.
 */
export function texts() {
  const files = globSync(['src/**/*.{ts,tsx}', 'screens/**/*.{ts,tsx}'], { cwd: ROOT }).sort();
  return files.flatMap((path) => {
    const source = readFileSync(join(ROOT, path), 'utf8');
    const isLooked = LITERALS.some((part) => path === part || path.startsWith(`${part}/`));
    if (!isLooked && !/language\/translate/.test(source)) return [];
    const found = [];
    const add = (text, start) => {
      const trimmed = text.replace(/\s+/g, ' ').trim();
      if (/[A-Za-z]{2}/.test(trimmed.replaceAll('{}', '')) && !NOT_SHOWN_TEXTS.has(trimmed))
        found.push({ path, line: source.slice(0, start).split('\n').length, text: trimmed });
    };
    walk(parseAst(source, { lang: path.endsWith('x') ? 'tsx' : 'ts' }), add, isLooked);
    return found;
  });
}

function walk(node, add, isLooked, isShown = false) {
  if (Array.isArray(node)) {
    for (const each of node) walk(each, add, isLooked, isShown);
    return;
  }
  if (node === null || typeof node !== 'object' || typeof node.type !== 'string') return;
  if (/^(?:Import|ExportAll|TS(?!As|Satisfies|NonNull))/.test(node.type)) return;
  if (node.type === 'TaggedTemplateExpression') {
    if (node.tag.name === 't') add(textOf(node.quasi, '{}'), node.start);
    walk(node.quasi.expressions, add, isLooked);
    return;
  }
  if (node.type === 'CallExpression' || node.type === 'NewExpression') {
    const name = node.callee.name ?? node.callee.property?.name;
    if (NOT_SHOWN.has(name)) return;
    if (name === 'formatCount') {
      if (isLooked) addCount(node.arguments, add);
      return walk(node.arguments[0], add, isLooked);
    }
    if (name === 'said' || name === 'translatable') walk(node.arguments, add, true, true);
    else walk(node.arguments, add, isLooked, false);
    walk(node.callee, add, isLooked);
    return;
  }
  if (node.type === 'BinaryExpression' && /^(?:[!=]==?|in)$/.test(node.operator)) return;
  if (node.type === 'SwitchCase') return walk(node.consequent, add, isLooked);
  if (node.type === 'Property') {
    // Why there is a check is read in `ktx doctor --list` alone.
    if (node.key.name === 'why') return;
    const isText = SHOWN_AS_TEXT.has(node.key.name) && textOf(node.value, '{}') !== null;
    walk(node.value, add, isLooked, SHOWN.has(node.key.name) || isText || isShown);
    return;
  }
  const text = textOf(node, '{}');
  if (text !== null) {
    if (isLooked && (isShown || PROSE.test(text)) && !FOREIGN.test(text)) add(text, node.start);
    for (const inner of fillingsOf(node)) walk(inner, add, isLooked);
    return;
  }
  for (const [key, value] of Object.entries(node))
    if (key !== 'type') walk(value, add, isLooked, isShown && node.type !== 'ArrowFunctionExpression');
}

function addCount([, singular, plural], add) {
  if (singular?.type !== 'Literal') return;
  add(`{} ${singular.value} | {} ${plural?.value ?? `${singular.value}s`}`, singular.start);
}

if (import.meta.filename === process.argv[1]) {
  const part = process.argv[2] ?? '';
  let last = '';
  for (const { path, line, text } of texts().filter(({ path }) => path.includes(part))) {
    if (path !== last) console.log(`\n${path}`);
    last = path;
    console.log(`${String(line).padStart(5)}  ${text}`);
  }
}
