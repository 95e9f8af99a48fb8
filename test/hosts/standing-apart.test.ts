import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { expect, it } from 'vitest';
import { readImports } from '../../scripts/house/imports.mjs';
import { PACKAGE_ROOT } from '../../src/support/package-root.ts';

it('model hosts depend on processes and helpers, not on the runtime', () => {
  const strangers = [...readImports(PACKAGE_ROOT)]
    .filter(([file]) => file.startsWith('src/hosts/'))
    .flatMap(([file, targets]) => targets.map((target) => `${file}: ${target}`))
    .filter((line) => !/: src\/(?:hosts|process|support)\//.test(line));
  expect(strangers).toEqual([]);
});

it('neither the program nor the library loads them at start-up', () => {
  const bundle = join(PACKAGE_ROOT, 'dist');
  // One text of theirs, and one of the validator.
  const marks = [/StrictHostKeyChecking/, /must have required property/];
  const holders = readdirSync(bundle).filter((name) => {
    const text = name.endsWith('.js') ? readFileSync(join(bundle, name), 'utf8') : '';
    return marks.some((mark) => mark.test(text));
  });
  for (const entry of ['cli.js', 'index.js', 'internal.js']) {
    const loaded = staticImports(join(bundle, entry), new Set());
    expect(holders.filter((name) => loaded.has(join(bundle, name)))).toEqual([]);
  }
  const theirs = staticImports(join(bundle, 'hosts.js'), new Set());
  expect(holders.filter((name) => theirs.has(join(bundle, name))).length).toBeGreaterThan(0);
});

/** A chunk and everything it imports statically, without `import(…)`. */
function staticImports(path: string, seen: Set<string>): Set<string> {
  if (seen.has(path)) return seen;
  seen.add(path);
  for (const [, name] of readFileSync(path, 'utf8').matchAll(/(?:from|import)"(\.\/[^"]+)"/g))
    staticImports(resolve(dirname(path), name!), seen);
  return seen;
}
