import { describe, expect, it } from 'vitest';
import { type Chunk, planMerges } from '../../scripts/chunks/plan.mjs';

/** `'a: b c > d'`: a chunk that loads b and c with it, and d when needed. Each exports its own name. */
function graph(...lines: string[]): Map<string, Chunk> {
  return new Map(
    lines.map((line) => {
      const [, name, imports, lazyImports] = /^(\S+):\s*([^>]*?)\s*(?:>\s*(.*))?$/.exec(line) as string[];
      const list = (text = '') => text.split(' ').filter(Boolean);
      return [
        name as string,
        {
          sizeBytes: name!.startsWith('big') ? 50_000 : 1_000,
          imports: list(imports),
          lazyImports: list(lazyImports),
          exports: new Map([[name as string, `${name}#${name}`]]),
        },
      ];
    }),
  );
}

const DEFAULT_EXPORT = new Map([['default', 'a#default']]);

const sorted = (files: string[][]) => files.map((file) => file.sort().join(' ')).sort();
const plan = (chunks: Map<string, Chunk>, startUp: string[] = []) =>
  sorted(planMerges(chunks, ['entry'], startUp));

describe('planMerges', () => {
  it('merges what is loaded together, and leaves the entry point alone', () => {
    expect(plan(graph('entry: a b', 'a:', 'b:'))).toEqual(['a b']);
  });

  it('merges a lazy import with what only it loads', () => {
    expect(plan(graph('entry: > lazy', 'lazy: shared', 'shared:'))).toEqual(['lazy shared']);
  });

  it('does not count what the importer has loaded already', () => {
    // Of the two only a names big, but the entry point has loaded it before either.
    expect(plan(graph('entry: big > a b', 'big:', 'a: big', 'b:'), ['entry'])).toEqual(['a b']);
  });

  it('keeps a small chunk apart when whoever loads it would load much in vain', () => {
    expect(plan(graph('entry: > a b', 'a:', 'b: big', 'big:'))).toEqual(['b big']);
  });

  it('makes no cycle: a needs a chunk that needs b', () => {
    const chunks = graph('entry: a between', 'a: between', 'between: b', 'b:');
    chunks.set('between', { ...(chunks.get('between') as Chunk), exports: DEFAULT_EXPORT });
    expect(plan(chunks)).toEqual([]);
  });

  it('lets nothing grow that is loaded at the start', () => {
    const chunks = () => graph('entry: > start other', 'start: s', 's:', 'other: o', 'o:');
    expect(plan(chunks())).toEqual(['o other s start']);
    expect(plan(chunks(), ['start'])).toEqual(['o other', 's start']);
  });

  it('never gives one name two meanings', () => {
    const chunks = graph('entry: a b', 'a:', 'b:');
    const twice = (origin: string) =>
      new Map(
        [...chunks].map(([name, chunk]) => [
          name,
          { ...chunk, exports: new Map([['run', origin || `${name}#run`]]) },
        ]),
      );
    expect(plan(twice(''))).toEqual([]);
    expect(plan(twice('a#run'))).toEqual(['a b']);
    // The same, but from a third file: the bundler sees two imports of the name.
    expect(plan(twice('entry#run'))).toEqual([]);
  });

  it('leaves a default export alone: `export *` has none', () => {
    const chunks = graph('entry: a b', 'a:', 'b:');
    chunks.set('a', { ...(chunks.get('a') as Chunk), exports: DEFAULT_EXPORT });
    expect(plan(chunks)).toEqual([]);
  });
});
