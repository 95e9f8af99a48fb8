import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';

const IMPORT = /(?:\bfrom\s+|\bimport\s*\(\s*|\bimport\s+)(['"])(\.{1,2}\/[^'"]+)\1/g;

/**
 * Which file imports which, including types and dynamic imports.
 * @param root folder of the package
 * @returns paths relative to it: each source file with the files that it imports
 */
export function readImports(root) {
  const files = ['src', 'screens'].flatMap((folder) => listSources(join(root, folder)));
  return new Map(
    files.map((file) => {
      const targets = [...readFileSync(file, 'utf8').matchAll(IMPORT)]
        .map((match) => resolve(dirname(file), match[2]))
        .filter((target) => existsSync(target));
      return [relative(root, file), [...new Set(targets)].map((target) => relative(root, target))];
    }),
  );
}

function listSources(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.tsx?$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name));
}

/**
 * Groups of nodes that can reach each other (Tarjan's strongly connected components), each with more than one
 * node.
 * @param graph Map from node to the nodes that it points to
 */
export function findCycles(graph) {
  const order = new Map();
  const low = new Map();
  const stack = [];
  const cycles = [];
  const visit = (node) => {
    order.set(node, order.size);
    low.set(node, order.get(node));
    stack.push(node);
    for (const next of graph.get(node) ?? []) {
      if (!order.has(next)) visit(next);
      if (stack.includes(next)) low.set(node, Math.min(low.get(node), low.get(next)));
    }
    if (low.get(node) !== order.get(node)) return;
    const cycle = stack.splice(stack.indexOf(node));
    if (cycle.length > 1) cycles.push(cycle);
  };
  for (const node of graph.keys()) if (!order.has(node)) visit(node);
  return cycles;
}

/** The same graph with folders as nodes. */
export function foldersOf(graph) {
  const folders = new Map();
  for (const [file, targets] of graph) {
    const room = dirname(file);
    const known = folders.get(room) ?? new Set();
    for (const target of targets) if (dirname(target) !== room) known.add(dirname(target));
    folders.set(room, known);
  }
  return folders;
}
