// Prints every user-facing text with its location: npm run messages [part of a path]
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAst } from 'rolldown/parseAst';
import { fillingsOf, textOf } from './house/literal-text.mjs';

const ROOT = new URL('..', import.meta.url).pathname;
const FOLDERS = ['src', 'screens'];
/** Properties whose values are for programs. */
const KEYS = new Set(['type', 'kind', 'id', 'cause', 'code', 'name', 'encoding', 'signal', 'event']);
/** At least two words, one of them in lower case. */
const PROSE = /[A-Za-z…}][^\n]* [^\n]*[a-z]{2}/;
/** Code, statements and formats of other programs. */
const FOREIGN =
  /^\s*(?:import |from |SELECT |WITH |#!|\{|<|if |print\(|def |set -|exec |cat |mkdir )|\n\s*(?:import |def |if |for )|; do |\$\(|\bjson\.dumps/;

/**
 * Every text in the sources, in the order of files and lines.
 *
 * @returns {{ path: string, line: number, text: string }[]} `…` stands for what is filled in.
 */
export function messages() {
  const found = [];
  for (const folder of FOLDERS) {
    const files = readdirSync(join(ROOT, folder), { recursive: true }).filter((file) => /\.tsx?$/.test(file));
    for (const file of files.sort()) found.push(...messagesOf(join(folder, file)));
  }
  return found;
}

function messagesOf(path) {
  const source = readFileSync(join(ROOT, path), 'utf8');
  const found = [];
  const add = (text, start) => {
    const trimmed = text.replace(/\s+/g, ' ').trim();
    if (!PROSE.test(trimmed) || FOREIGN.test(text)) return;
    found.push({ path, line: source.slice(0, start).split('\n').length, text: trimmed });
  };
  walk(parseAst(source, { lang: path.endsWith('x') ? 'tsx' : 'ts' }), add);
  return found.sort((a, b) => a.line - b.line);
}

function walk(node, add) {
  if (Array.isArray(node)) {
    for (const each of node) walk(each, add);
    return;
  }
  if (node === null || typeof node !== 'object' || typeof node.type !== 'string') return;
  if (/^(?:Import|ExportAll|TS(?!As|Satisfies|NonNull))/.test(node.type)) return;
  if (node.type === 'Property' && node.value.type === 'Literal' && KEYS.has(node.key.name)) return;
  if (node.type === 'BinaryExpression' && /^[!=]==?$/.test(node.operator)) return;
  const text = node.type === 'JSXText' ? node.value : textOf(node, '…');
  if (text !== null) {
    add(text, node.start);
    // Interpolated expressions may contain texts of their own.
    for (const inner of fillingsOf(node)) walk(inner, add);
    return;
  }
  for (const [key, value] of Object.entries(node)) if (key !== 'type') walk(value, add);
}

if (import.meta.filename === process.argv[1]) {
  const part = process.argv[2] ?? '';
  const wanted = messages().filter(({ path }) => path.includes(part));
  let last = '';
  for (const { path, line, text } of wanted) {
    if (path !== last) console.log(`\n${path}`);
    last = path;
    console.log(`${String(line).padStart(5)}  ${text}`);
  }
  console.log(`\n${wanted.length} texts`);
}
