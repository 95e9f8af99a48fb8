import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { newPageBudget } from '../../../src/network/index/index-entries.ts';
import { readIndexPage } from '../../../src/network/index/index-page.ts';
import { pageFormat, projectOfFile } from '../../../src/network/index/simple-index.ts';
import { normaliseProject } from '../../../src/support/text/project-name.ts';

const DIGEST = 'a'.repeat(64);
const PAGE = 'https://index.example/simple/pkg/';

/** The page in pieces of this many bytes, as a network may deliver it. */
async function readPage(text: string, contentType = 'text/html', pieceBytes = text.length + 3) {
  const bytes = Buffer.from(text);
  const pieces = (async function* () {
    for (let at = 0; at < bytes.length; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes);
  })();
  const page = await readIndexPage(pieces, { url: PAGE, contentType });
  if (page === null || page === 'unknown') throw new Error(`read as ${page}`);
  return page;
}

const PIECES = [1, 2, 7, 64, 100_000];

describe('index pages in HTML', () => {
  it.each<[string, string, { file: string; href: string; sha256: string | null }[]]>([
    [
      'relative link with a digest',
      `<a href="../../files/pkg-1.0-py3-none-any.whl#sha256=${DIGEST}">pkg</a>`,
      [{ file: 'pkg-1.0-py3-none-any.whl', href: '../../files/pkg-1.0-py3-none-any.whl', sha256: DIGEST }],
    ],
    [
      'percent-encoded name, query, capital digest, single quotes',
      `<A HREF='https://f.example/pkg-1.0%2Bcpu-py3-none-any.whl?sig=x&amp;y=1#sha256=${DIGEST.toUpperCase()}'>x</A>`,
      [
        {
          file: 'pkg-1.0+cpu-py3-none-any.whl',
          href: 'https://f.example/pkg-1.0%2Bcpu-py3-none-any.whl?sig=x&y=1',
          sha256: DIGEST,
        },
      ],
    ],
    [
      'no digest, and one of another kind',
      '<a href="pkg-1.0.tar.gz">x</a><a href="pkg-2.0.zip#md5=00">y</a>',
      [
        { file: 'pkg-1.0.tar.gz', href: 'pkg-1.0.tar.gz', sha256: null },
        { file: 'pkg-2.0.zip', href: 'pkg-2.0.zip', sha256: null },
      ],
    ],
    [
      'a link in a comment is none, a metadata file neither',
      '<!-- <a href="pkg-1.0.whl">x</a> --><a href="pkg-1.0.whl.metadata">m</a><title>Links for pkg</title>',
      [],
    ],
    [
      'a name that is not encoded right',
      '<a href="pkg-%zz.whl">x</a>',
      [{ file: 'pkg-%zz.whl', href: 'pkg-%zz.whl', sha256: null }],
    ],
  ])('%s', async (_, html, expected) => {
    for (const pieceBytes of PIECES) {
      const page = await readPage(html, 'text/html', pieceBytes);
      expect(page.entries.size).toBe(expected.length);
      for (const entry of expected)
        expect(page.entries.of(entry.file)).toEqual([{ ...entry, sizeBytes: null }]);
      expect(page.isIndex).toBe(true);
    }
  });

  it('obeys the first base', async () => {
    const page = await readPage(
      '<base href="/elsewhere/"><base href="https://b.example/"><a href="p-1.whl">x</a>',
    );
    expect(page.baseUrl).toBe('https://index.example/elsewhere/');
  });

  it.each([
    [
      'a sign-in page',
      '<html><title>Sign in</title><a href="/help.html">help</a><form></form></html>',
      false,
    ],
    ['an empty project', '<html><title>Links for pkg</title></html>', true],
    [
      'an empty project with the mark of the standard',
      '<meta name="pypi:repository-version" content="1.0">',
      true,
    ],
  ])('%s', async (_, html, isIndex) => {
    for (const pieceBytes of PIECES)
      expect((await readPage(html, 'text/html', pieceBytes)).isIndex).toBe(isIndex);
  });
});

const JSON_TYPE = 'application/vnd.pypi.simple.v1+json';

describe('index pages in JSON', () => {
  it('gives files with digest and size', async () => {
    const text = JSON.stringify({
      meta: { 'api-version': '1.1' },
      name: 'pkg',
      files: [
        {
          filename: 'pkg-1.0.whl',
          url: '../pkg-1.0.whl',
          hashes: { sha256: DIGEST },
          size: 7,
          yanked: false,
        },
        { filename: 'pkg-2.0.whl', url: 'https://f.example/pkg-2.0.whl', hashes: {} },
      ],
    });
    for (const pieceBytes of PIECES) {
      const { entries } = await readPage(text, JSON_TYPE, pieceBytes);
      expect(entries.of('pkg-1.0.whl')).toEqual([
        { file: 'pkg-1.0.whl', href: '../pkg-1.0.whl', sha256: DIGEST, sizeBytes: 7 },
      ]);
      expect(entries.of('pkg-2.0.whl')).toEqual([
        { file: 'pkg-2.0.whl', href: 'https://f.example/pkg-2.0.whl', sha256: null, sizeBytes: null },
      ]);
      expect(entries.of('pkg-3.0.whl')).toEqual([]);
    }
  });

  it('says what JSON.parse says, wherever it is cut', async () => {
    const file = fc.record({
      filename: fc.string({ minLength: 1 }),
      url: fc.string(),
      hashes: fc.constantFrom({}, { sha256: DIGEST }, { md5: '"]}' }),
      other: fc.jsonValue({ maxDepth: 3 }),
    });
    const member = fc.tuple(fc.string(), fc.jsonValue({ maxDepth: 3 }));
    const document = fc.tuple(fc.array(member), fc.array(file), fc.array(member));
    await fc.assert(
      fc.asyncProperty(
        document,
        fc.integer({ min: 1, max: 40 }),
        fc.boolean(),
        async (parts, pieceBytes, isSpaced) => {
          const [before, files, after] = parts;
          const value = { ...Object.fromEntries(before), ...Object.fromEntries(after), files };
          const { entries } = await readPage(
            JSON.stringify(value, null, isSpaced ? 2 : 0),
            JSON_TYPE,
            pieceBytes,
          );
          for (const { filename } of files)
            expect(entries.find(filename, DIGEST)?.sha256 ?? null).toBe(
              files.some((each) => each.filename === filename && 'sha256' in each.hashes) ? DIGEST : null,
            );
          expect(entries.size).toBe(
            new Set(files.map(({ filename, hashes }) => `${filename}\n${'sha256' in hashes}`)).size,
          );
        },
      ),
      { numRuns: 300 },
    );
  });

  it.each([
    'no',
    '{}',
    '{"files":{}}',
    '[]',
    '"files"',
    '{"files":[]',
    '{"files":[]}}',
    '{"x":{"files":[]}}',
  ])('refuses %j', async (text) => {
    await expect(readPage(text, JSON_TYPE)).rejects.toThrow();
  });

  it('refuses what nests deeper than any index', async () => {
    const nested = `${'['.repeat(100)}${']'.repeat(100)}`;
    await expect(readPage(`{"x":${nested},"files":[]}`, JSON_TYPE)).rejects.toThrow(
      'nests deeper than 64 levels',
    );
  });

  it.each([
    '{"filename":"a.whl"}',
    '{"filename":"a.whl","url":7}',
    '{"filename":"a.whl","url":"a","hashes":[]}',
  ])('refuses %s, but neither another entry of that file nor the page', async (bad) => {
    const good = '{"filename":"a.whl","url":"good"}';
    const other = '{"filename":"b.whl","url":"b"}';
    const read = async (...entries: string[]) =>
      (await readPage(`{"files":[{},null,7,${entries.join()}]}`, JSON_TYPE)).entries;
    expect((await read(bad, other)).isIncomplete('a.whl')).toBe(true);
    expect((await read(bad, other)).of('b.whl')).toHaveLength(1);
    expect((await read(bad, good)).isIncomplete('a.whl')).toBe(false);
    expect((await read(bad, good)).of('a.whl').map(({ href }) => href)).toEqual(['good']);
  });

  it.each([
    '"hashes":null',
    '"hashes":{"sha256":7}',
    '"size":-1',
    '"size":"7"',
    '"size":1e308',
    '"size":null',
  ])('does without %s', async (field) => {
    const text = `\uFEFF{"files":[{"filename":"a.whl","url":"a",${field}}]}`;
    expect((await readPage(text, JSON_TYPE)).entries.of('a.whl')).toEqual([
      { file: 'a.whl', href: 'a', sha256: null, sizeBytes: null },
    ]);
  });
});

it.each([
  ['application/vnd.pypi.simple.v1+json', '', 'json'],
  ['application/json; charset=utf-8', '', 'json'],
  ['application/vnd.pypi.simple.v1+html', '', 'html'],
  ['text/html; charset=UTF-8', '', 'html'],
  ['text/plain', '<a>', null],
  [null, ' {"files":[]}', 'json'],
  [null, '<!DOCTYPE html>', 'html'],
  [null, 'hello', null],
])('%s with %j is %s', (type, body, expected) => {
  expect(pageFormat(type, body)).toBe(expected);
});

it('normalises names', () => {
  expect(['Foo.Bar', 'foo__bar', 'FOO-._bar'].map(normaliseProject)).toEqual([
    'foo-bar',
    'foo-bar',
    'foo-bar',
  ]);
  expect(projectOfFile('pydantic_core-2.0-cp313-cp313-win_amd64.whl')).toBe('pydantic-core');
  expect(projectOfFile('foo-bar-1.0.tar.gz')).toBe('foo-bar');
});

describe('what no page of an index may cost', () => {
  const MiB = 1024 * 1024;
  async function read(pieces: () => Iterable<string>, contentType: string, budget = newPageBudget()) {
    const body = (async function* () {
      for (const piece of pieces()) yield Buffer.from(piece);
    })();
    return readIndexPage(body, { url: PAGE, contentType, budget });
  }
  function* blanks(sizeBytes: number) {
    yield '<title>Links</title>';
    for (let sent = 0; sent < sizeBytes; sent += MiB) yield ' '.repeat(MiB);
  }
  function* entries(count: number, entry: (index: number) => string) {
    yield '{"files":[';
    for (let at = 0; at < count; at += 1000)
      yield Array.from({ length: 1000 }, (_, index) => `${entry(at + index)},`).join('');
  }
  const digest = (index: number) => index.toString(16).padStart(64, '0');

  it.each<[string, () => Iterable<string>, string]>([
    ['is longer than 32 MB', () => blanks(33 * MiB), 'text/html'],
    ['has an entry of more than 256 kB', () => ['{"files":[{"filename":"', 'x'.repeat(MiB)], JSON_TYPE],
    [
      'lists too many files',
      () => entries(150_000, (at) => `{"filename":"a.whl","url":"x","hashes":{"sha256":"${digest(at)}"}}`),
      JSON_TYPE,
    ],
    ['has more than 1000 incomplete entries', () => entries(2000, (at) => `{"filename":"${at}"}`), JSON_TYPE],
  ])('a page that %s', async (message, pieces, contentType) => {
    await expect(read(pieces, contentType)).rejects.toThrow(message);
  });

  it('of a page that holds enough, the rest is read to its end only when it is short', async () => {
    const readOf = async (sizeBytes: number) => {
      let readBytes = 0;
      const body = (async function* () {
        yield Buffer.from('{"files":[');
        for (let sent = 0; sent < sizeBytes; sent += 1024, readBytes += 1024) yield Buffer.alloc(1024, ' ');
      })();
      const page = await readIndexPage(body, { url: PAGE, contentType: JSON_TYPE, isEnough: () => true });
      expect(page).toMatchObject({ isPartial: true });
      return readBytes;
    };
    expect(await readOf(200 * 1024)).toBe(200 * 1024);
    expect(await readOf(10 * MiB)).toBe(256 * 1024);
  });

  it('long pages are counted together', async () => {
    const budget = newPageBudget();
    const page = () => read(() => blanks(30 * MiB), 'text/html', budget);
    for (let count = 1; count <= 2; count++) await page();
    await expect(page()).rejects.toThrow('is longer than 4 MB, and so are too many others');
  });

  it('a signal gets its turn while a page is read', async () => {
    let turns = 0;
    const count = () => {
      turns++;
      timer = setImmediate(count);
    };
    let timer = setImmediate(count);
    const one = `{"filename":"a.whl","url":"x","hashes":{"sha256":"`;
    const pieces = () => entries(30_000, (at) => `${one}${digest(at)}"}}`);
    await read(pieces, JSON_TYPE).catch(() => {});
    clearImmediate(timer);
    expect(turns).toBeGreaterThan(2);
  });
});
