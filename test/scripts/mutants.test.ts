import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseAst } from 'rolldown/parseAst';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';
import { drawMutants, givenMutants, roomOf } from '../mutants/choose.ts';
import { instrument } from '../mutants/instrument.ts';
import { type Mutant, mutantsOf } from '../mutants/operators.ts';
import { tableOf } from '../mutants/table.ts';

const changes = (source: string) =>
  mutantsOf('src/a/b.ts', source).map(({ operator, was, becomes, isStatement }) =>
    isStatement ? `${operator}: ${was}` : `${operator}: ${was} -> ${becomes}`,
  );

test.each([
  ['if (a) b();', ['drop guard: if (a) b();', 'negate: a -> !(a)', 'drop statement: b();']],
  ['x = a && b || c;', ['(a && b) && (c)', '(a) || (b)']],
  ['x = (a || b) && c;', ['(a || b) || (c)', '(a) && (b)']],
  ['x = a <= 3;', ['boundary: a <= 3 -> (a) < (3)', 'number: 3 -> (3 * 10)']],
  ['x = a ?? 5;', ['drop default: a ?? 5 -> a']],
  ["x = a === 'b' ? 0 : 1;", ["negate: a === 'b' -> !(a === 'b')", 'number: 0 -> 1', 'number: 1 -> 2']],
  ['x = [a, ...b];', ['drop element: [a, ...b] -> [...b]', 'drop element: [a, ...b] -> [a]']],
  ['x = /^a\\$$/.test(b);', ['anchor: /^a\\$$/ -> /a\\$$/', 'anchor: /^a\\$$/ -> /^a\\$/']],
  ['await a();', ['drop statement: await a();', 'drop await: await a() -> a()']],
  ['for (const a of b) c(a);', ['drop loop: for (const a of b) c(a);']],
  ['x = a.length - 1;', ['arithmetic: a.length - 1 -> (a.length) + (1)']],
  ['x = true;', ['true false: true -> false']],
])('changes of %s', (source, expected) => {
  const found = changes(source);
  for (const each of expected)
    expect(
      found.some((change) => change.includes(each)),
      each,
    ).toBe(true);
});

test('types, texts, imports and names stay as they are', () => {
  const source =
    "import a from 'b' with { type: 'json' };\ntype C = [1, true];\nlet d: C; const e = { 1: 'f' as string };";
  expect(changes(source)).toEqual([]);
});

const SOURCE = `export function f(a) {
  const out = [];
  if (a > 1 && (a < 9 || a === 20)) { out.push('in'); if (a === 5) return ['five', ...out]; }
  for (let i = 0; i < a; i++) out.push(i);
  return out;
}`;

/** Runs the function with one mutant on, which is how the copy of the sources does it. */
function withMutant(id: number | null, mutants: readonly Mutant[]): (a: number) => unknown {
  const numbered = mutants.map((each, index) => ({ ...each, id: index }));
  const text = instrument('src/a/b.ts', SOURCE, numbered, 'src/switch.ts');
  expect(text).toMatch(/^import \{ isOn as __isOn \} from '..\/switch.ts'; export/);
  const body = text.replace(/^import.*?; export/, 'return');
  return new Function('__isOn', body)((asked: number) => asked === id);
}

test('a source with every mutant in it, none of them on, does what it did', () => {
  const changed = withMutant(null, mutantsOf('src/a/b.ts', SOURCE));
  const original = new Function(SOURCE.replace('export', 'return'))();
  for (const a of [0, 1, 2, 5, 9, 20]) expect(changed(a)).toEqual(original(a));
});

test('each mutant does what it says, whatever else lies around it', () => {
  const mutants = mutantsOf('src/a/b.ts', SOURCE);
  for (const [id, { start, end, becomes, isStatement }] of mutants.entries()) {
    const text = `${SOURCE.slice(0, start)}${isStatement ? '{}' : `(${becomes})`}${SOURCE.slice(end)}`;
    const [expected, actual] = [new Function(text.replace('export', 'return'))(), withMutant(id, mutants)];
    for (const a of [0, 2, 5, 9]) expect(resultOf(actual, a)).toEqual(resultOf(expected, a));
  }
});

function resultOf(run: (a: number) => unknown, a: number): unknown {
  try {
    return run(a);
  } catch (error) {
    return String(error);
  }
}

test('JSX and a first line for the system are kept', () => {
  const source = '#!/usr/bin/env node\nexport const a = <Box width={3}>{b && <Text>c</Text>}</Box>;\n';
  const mutants = mutantsOf('screens/a.tsx', source).map((each, id) => ({ ...each, id }));
  expect(mutants.length).toBeGreaterThan(1);
  const text = instrument('screens/a.tsx', source, mutants, 'src/switch.ts');
  expect(
    text.startsWith("#!/usr/bin/env node\nimport { isOn as __isOn } from '../src/switch.ts'; export"),
  ).toBe(true);
  parseAst(text, { lang: 'tsx' });
});

test('a change that is given by its text must stand there once', async () => {
  const root = await temporaryFolder();
  await mkdir(join(root, 'src'));
  await writeFile(join(root, 'src/a.ts'), 'one();\ntwo();\ntwo();\n');
  const one = { file: 'src/a.ts', was: 'one();', becomes: '', isStatement: true };
  expect(givenMutants(root, [one])).toMatchObject([{ id: 1, line: 1, start: 0, end: 6 }]);
  expect(() => givenMutants(root, [{ ...one, was: 'two();' }])).toThrow('has this 2 times');
});

test('the table counts by room, and a mutant whose tests stood still as killed', () => {
  expect(['src/a/b/c.ts', 'screens/a/b.tsx', 'src/index.ts'].map(roomOf)).toEqual([
    'src/a',
    'screens',
    'src',
  ]);
  const [mutant] = mutantsOf('src/a/b.ts', 'x = true;');
  const mutants = [1, 2, 3, 4].map((id) => ({ ...mutant!, id }));
  const verdicts = ['killed', 'stopped', 'alive', 'unreached'] as const;
  const rows = new Map(
    mutants.map(({ id }, index) => [id, { id, verdict: verdicts[index]!, by: '', atMs: 0 }]),
  );
  const { text, share } = tableOf(mutants, rows);
  expect(share).toBe(50);
  expect(text.split('\n').at(-1)).toMatch(/^all +4 +2 +1 +1 +0 +0 +50 %$/);
});

test('a draw takes of each room in proportion, at least four, and the same for the same seed', () => {
  const [mutant] = mutantsOf('src/a/b.ts', 'x = true;');
  const room = (name: string, count: number) =>
    Array.from({ length: count }, () => ({ ...mutant!, file: `src/${name}/b.ts` }));
  const pool = [...room('large', 900), ...room('small', 97), ...room('tiny', 3)].map((each, id) => ({
    ...each,
    id,
  }));
  const draw = (seed: number) => drawMutants(pool, { count: 100, seed });
  const counts = Map.groupBy(draw(7), ({ file }) => roomOf(file));
  expect([...counts].map(([name, own]) => [name, own.length])).toEqual([
    ['src/large', 90],
    ['src/small', 10],
    ['src/tiny', 3],
  ]);
  expect(new Set(draw(7).map(({ id }) => id)).size).toBe(103);
  expect(draw(7)).toEqual(draw(7));
  expect(draw(8)).not.toEqual(draw(7));
});
