import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { FLOORS, floorOf } from '../../scripts/house/floors.mjs';
import { findCycles, foldersOf, readImports } from '../../scripts/house/imports.mjs';
import { renderLinterRules, withPicture } from '../../scripts/house/render.mjs';
import { PACKAGE_ROOT } from '../../src/support/package-root.ts';

const imports = readImports(PACKAGE_ROOT);

test('no cycle among files, types and lazy imports included', () => {
  expect(findCycles(imports)).toEqual([]);
});

test('no cycle among folders', () => {
  expect(findCycles(foldersOf(imports))).toEqual([]);
});

test('a cycle is found where there is one', () => {
  const graph = new Map([
    ['a', ['b']],
    ['b', ['c']],
    ['c', ['a', 'd']],
    ['d', []],
  ]);
  expect(findCycles(graph).map((cycle) => cycle.sort())).toEqual([['a', 'b', 'c']]);
});

test('every source file is in a room of the list', () => {
  expect([...imports.keys()].filter((file) => floorOf(dirname(file)) < 0)).toEqual([]);
});

test('imports lead to a lower floor, or stay in the room', () => {
  const wrong = [...imports].flatMap(([file, targets]) =>
    targets
      .filter((target) => dirname(target) !== dirname(file))
      .filter((target) => floorOf(dirname(target)) >= floorOf(dirname(file)))
      .map((target) => `${file} -> ${target}`),
  );
  expect(wrong).toEqual([]);
});

test('no room holds more than 16 files', () => {
  const sizes = new Map<string, number>();
  for (const file of imports.keys()) sizes.set(dirname(file), (sizes.get(dirname(file)) ?? 0) + 1);
  expect([...sizes].filter(([, size]) => size > 16)).toEqual([]);
});

test('each room is named once', () => {
  const rooms = FLOORS.flatMap((floor) => floor.map(([room]) => room));
  expect(new Set(rooms).size).toBe(rooms.length);
});

test("the linter's rules and the picture in ARCHITECTURE.md are those of the list", () => {
  const read = (name: string) => readFileSync(join(PACKAGE_ROOT, name), 'utf8');
  expect(read('biome.floors.json')).toBe(renderLinterRules());
  expect(read('ARCHITECTURE.md')).toBe(withPicture(read('ARCHITECTURE.md')));
});
