import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { PACKAGE_ROOT } from '../../src/support/package-root.ts';

const read = (path: string) => readFile(join(PACKAGE_ROOT, path), 'utf8');
const below = async (folder: string, ends: RegExp) =>
  (await readdir(join(PACKAGE_ROOT, folder), { recursive: true }))
    .filter((path) => ends.test(path))
    .map((path) => join(folder, path));

const documents = [
  ...(await readdir(PACKAGE_ROOT)).filter((name) => name.endsWith('.md')),
  ...(await below('docs', /\.md$/)),
  ...(await below('skills', /\.md$/)),
];

describe('documents', () => {
  it.each(documents)('%s cites only files that are in the repository', async (document) => {
    const text = await read(document);
    const links = [...text.matchAll(/\]\((?!https?:|#)([^)#\s]+)/g)].map(([, path]) =>
      join(dirname(document), path!),
    );
    const paths = [
      ...text.matchAll(/`((?:src|test|screens|scripts|docs|assets\/python|skills)\/[\w./-]*)`/g),
    ].map(([, path]) => path!);
    expect([...links, ...paths].filter((path) => !existsSync(join(PACKAGE_ROOT, path)))).toEqual([]);
  });

  it.each(documents)('%s names only npm scripts that exist', async (document) => {
    const { scripts } = JSON.parse(await read('package.json')) as { scripts: Record<string, string> };
    const named = [...(await read(document)).matchAll(/npm run ([\w:-]+)/g)].map(([, name]) => name!);
    expect(named.filter((name) => !(name in scripts))).toEqual([]);
  });
});

/** What a stranger cannot look up: a contract or design that is not here. */
const CITATION =
  /\b(?:contract|promise|library|daemon|commands|compute|runtime-library),? section \d|\bDESIGN section|\bpromise \d|\bContract:/;

describe('comments', () => {
  it('cite nothing that is not in the repository', async () => {
    const files = (
      await Promise.all([
        ...['src', 'screens', 'scripts', 'bin', 'test'].map((folder) => below(folder, /\.(?:tsx?|mjs|cjs)$/)),
        below('assets', /\.py$/),
      ])
    ).flat();
    const found = await Promise.all(
      files.map(async (file) =>
        (await read(file))
          .split('\n')
          .flatMap((line, at) =>
            CITATION.test(line) && !/PEP|RFC/.test(line) ? [`${file}:${at + 1}: ${line.trim()}`] : [],
          ),
      ),
    );
    expect(found.flat().filter((line) => !line.startsWith('test/scripts/documents.test.ts'))).toEqual([]);
  });
});
