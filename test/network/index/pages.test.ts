import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { EntryTable, newPageBudget, PageLimitError } from '../../../src/network/index/index-entries.ts';
import { MAX_PAGE_BYTES, readIndexPage } from '../../../src/network/index/index-page.ts';
import { createHtmlPageParser } from '../../../src/network/index/index-page-html.ts';
import { createJsonPageParser } from '../../../src/network/index/index-page-json.ts';
import {
  keptPageOf,
  keyOfPage,
  readKeptPages,
  tableOf,
  writeKeptPages,
} from '../../../src/network/index/kept-pages.ts';
import { pageFormat, projectOfFile, sha256Of } from '../../../src/network/index/simple-index.ts';
import { CancelledError } from '../../../src/support/errors.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';

const URL_OF_PAGE = 'https://index.example/simple/demo/';
const DIGEST = 'ab'.repeat(32);
const OTHER = 'cd'.repeat(32);
const MB = 1024 * 1024;

type Format = 'json' | 'html';
const parserOf = (format: Format, table = new EntryTable()) =>
  format === 'json' ? createJsonPageParser(URL_OF_PAGE, table) : createHtmlPageParser(URL_OF_PAGE, table);

/** A page that arrives in pieces of this length. */
function parsed(format: Format, text: string, files: readonly string[], step = text.length || 1) {
  const parser = parserOf(format);
  for (let at = 0; at < text.length; at += step) parser.write(text.slice(at, at + step));
  const soFar = parser.soFar();
  const { baseUrl, entries, isIndex } = parser.end();
  expect([soFar.baseUrl, soFar.entries.size]).toEqual([baseUrl, entries.size]);
  return { baseUrl, isIndex, count: entries.size, entries: files.flatMap((file) => entries.of(file)) };
}

describe('a page in JSON', () => {
  const PAGE = JSON.stringify({
    meta: { 'api-version': '1.1', files: [{ filename: 'no.whl', url: 'no' }] },
    name: 'a "quoted\\" name: {[',
    versions: ['1', '2'],
    files: [
      { filename: 'a.whl', url: 'a.whl', hashes: { sha256: DIGEST.toUpperCase() }, size: 7 },
      { filename: 'b.whl', url: 'x/b"\\.whl', hashes: { md5: 'x' }, extra: [{ deep: ['}'] }] },
      { filename: 'c.whl', url: 'c.whl', hashes: null, size: -1 },
      { filename: 'd.whl', url: 'd.whl', size: 1.5 },
      { filename: 'lost.whl' },
      { url: 'nameless' },
      [{ filename: 'nested.whl', url: 'no' }],
      7,
    ],
    more: [{ filename: 'more.whl', url: 'no' }],
  });
  const FILES = ['a.whl', 'b.whl', 'c.whl', 'd.whl', 'lost.whl', 'nested.whl', 'no.whl', 'more.whl'];
  const EXPECTED = {
    baseUrl: URL_OF_PAGE,
    isIndex: true,
    count: 4,
    entries: [
      { file: 'a.whl', href: 'a.whl', sha256: DIGEST, sizeBytes: 7 },
      { file: 'b.whl', href: 'x/b"\\.whl', sha256: null, sizeBytes: null },
      { file: 'c.whl', href: 'c.whl', sha256: null, sizeBytes: null },
      { file: 'd.whl', href: 'd.whl', sha256: null, sizeBytes: null },
    ],
  };

  it.each([1, 2, 3, 5, 8, 64, 10_000])('in pieces of %i characters', (step) => {
    expect(parsed('json', PAGE, FILES, step)).toEqual(EXPECTED);
    expect(parsed('json', ` \n${PAGE}\n `, FILES, step)).toEqual(EXPECTED);
  });

  it.each<[string, string]>([
    ['{"files": []} x', 'it is not a JSON object'],
    ['{"files": []} {}', 'it is not a JSON object'],
    ['{"files": []} ""', 'it is not a JSON object'],
    ['{"files": []} []', 'it is not a JSON object'],
    ['[{"files": []}]', 'it is not a JSON object'],
    ['"files"', 'it is not a JSON object'],
    ['x{"files": []}', 'it is not a JSON object'],
    ['7', 'it is not a JSON object'],
    ['}', 'it closes more than it opens'],
    ['{"files": []}}', 'it closes more than it opens'],
    ['{"files": [', 'it ends in the middle'],
    ['', 'it ends in the middle'],
    ['{}', 'it has no list of files'],
    ['{"files": {}}', 'it has no list of files'],
    ['{"files ": []}', 'it has no list of files'],
    ['{"x": {"files": []}}', 'it has no list of files'],
    ['{"x": "files", "y": []}', 'it has no list of files'],
    [`{"${'x'.repeat(100)}files": []}`, 'it has no list of files'],
  ])('%s is refused: %s', (text, message) => {
    for (const step of [1, text.length || 1]) {
      let thrown: unknown = null;
      try {
        parsed('json', text, [], step);
      } catch (error) {
        thrown = error;
      }
      expect(thrown).toBeInstanceOf(SyntaxError);
      expect((thrown as Error).message).toBe(message);
    }
  });

  it('a bad entry is an error of the page', () => {
    expect(() => parsed('json', '{"files": [{bad}]}', [])).toThrow(SyntaxError);
  });

  it('the key of its files may be written with escapes', () => {
    const text = '{"\\u0066iles": [{"filename": "a.whl", "url": "a"}]}';
    for (const step of [1, 100]) expect(parsed('json', text, ['a.whl'], step).count).toBe(1);
  });

  it('nests at most 64 levels', () => {
    const nested = (levels: number) =>
      `{"x": ${'['.repeat(levels - 1)}${']'.repeat(levels - 1)}, "files": []}`;
    expect(parsed('json', nested(64), []).isIndex).toBe(true);
    expect(() => parsed('json', nested(65), [])).toThrow(new PageLimitError('nests deeper than 64 levels'));
  });

  it('has entries of at most 256 kB', () => {
    const frame = '{"filename": "a.whl", "url": ""}'.length;
    const sized = (chars: number) =>
      `{"files": [{"filename": "a.whl", "url": "${'x'.repeat(chars - frame)}"}]}`;
    // The last bracket is not kept.
    expect(parsed('json', sized(256 * 1024 + 1), ['a.whl']).count).toBe(1);
    expect(() => parsed('json', sized(256 * 1024 + 2), [])).toThrow(
      new PageLimitError('has an entry of more than 256 kB'),
    );
    expect(() => parsed('json', sized(256 * 1024 + 2), [], 1000)).toThrow(PageLimitError);
  });
});

describe('a page in HTML', () => {
  const PAGE = `<!DOCTYPE html><html><head><title>Demo</title>
    <meta charset="utf-8"><base href="../files/"><base href="/late/"></head><body>
    <a href="a-1.whl#sha256=${DIGEST}">x</a> <A HREF='b-1.tar.gz#md5=1&amp;sha256=${OTHER}'>y</A>
    <a name="x" href="c%20c-1.zip?x=1">c</a> <a title="t" href=d-1.tgz>d</a>
    <a href="e-1.whl" href="late.whl">e</a> <a href>none</a> <a href="">empty</a> <a hrefs="f-1.whl">f</a>
    <a href="dir/">folder</a> <a href="notes.txt">notes</a> <a href="%E0-1.whl">odd</a>
    <area href="g-1.whl"><a data-requires-python="&gt;=3.9" href="h-1.tar.zst"/>
    <a href=" i-1.tar.bz2 ">i</a><a href="j-1.WHL">j</a><a href="k-1.whl.sig">k</a></body></html>`;
  const FILES = [
    'a-1.whl',
    'b-1.tar.gz',
    'c c-1.zip',
    'd-1.tgz',
    'e-1.whl',
    'late.whl',
    'f-1.whl',
    '%E0-1.whl',
  ];
  const MORE = ['g-1.whl', 'h-1.tar.zst', 'i-1.tar.bz2', 'j-1.WHL', 'k-1.whl.sig', 'notes.txt', ''];
  const entry = (file: string, href = file, sha256: string | null = null) => ({
    file,
    href,
    sha256,
    sizeBytes: null,
  });

  it.each([1, 2, 3, 5, 8, 64, 10_000])('in pieces of %i characters', (step) => {
    expect(parsed('html', PAGE, [...FILES, ...MORE], step)).toEqual({
      baseUrl: 'https://index.example/simple/files/',
      isIndex: true,
      count: 9,
      entries: [
        entry('a-1.whl', 'a-1.whl', DIGEST),
        entry('b-1.tar.gz', 'b-1.tar.gz', OTHER),
        entry('c c-1.zip', 'c%20c-1.zip?x=1'),
        entry('d-1.tgz'),
        entry('e-1.whl'),
        entry('%E0-1.whl'),
        entry('h-1.tar.zst'),
        entry('i-1.tar.bz2'),
        entry('j-1.WHL'),
      ],
    });
  });

  it.each([
    ['<meta name="pypi:repository-version" content="1.0">', true],
    ['<meta content="1.0" name="pypi:repository-version"/>', true],
    ['<META NAME="pypi:repository-version">', true],
    ['<meta name="x" name="pypi:repository-version">', false],
    ['<meta name="x"><meta content="pypi:repository-version">', false],
    ['<meta name="pypi:repository-version"', false],
    ['<a name="pypi:repository-version">', false],
    ['<title>Links for demo</title>', true],
    ['<h1>Index of /demo</h1>', true],
    ['<h1 class="x">Directory listing</h1>', true],
    ['<title>Simple index</title>', true],
    ['<h2>Index of /demo</h2>', false],
    ['<title>Log in</title><p>Index of all</p>', false],
    ['<title>Log in<br>Index of all</title>', true],
    ['<title>Reindex office</title>', false],
    ['<h1>Log in</h1> Index of', false],
    ['<h1>Log in<p>Index of', false],
    ['<p>nothing</p>', false],
    ['', false],
  ])('%s marks an index: %s', (text, expected) => {
    expect(parsed('html', text, []).isIndex).toBe(expected);
  });

  it.each([
    ['<base href="https://files.example/x/">', 'https://files.example/x/'],
    ['<base href="http://[bad"><base href="/two/">', 'https://index.example/two/'],
    ['<base href="">', URL_OF_PAGE],
    ['<base>', URL_OF_PAGE],
    ['<base target="x">', URL_OF_PAGE],
  ])('%s is the base %s', (text, baseUrl) => expect(parsed('html', text, []).baseUrl).toBe(baseUrl));

  it.each([
    ['<a href="x&#45;1.whl">', 'x-1.whl'],
    ['<a href="x&amp;y-1.whl">', 'x&y-1.whl'],
    ["<a href='x&quot;&lt;-1.whl'>", 'x"<-1.whl'],
    ["<a href='x\"&lt;-1.whl'>", 'x"<-1.whl'],
  ])('%s is read as a browser reads it', (text, file) => {
    expect(parsed('html', text, [file]).entries).toEqual([entry(file)]);
  });

  it('has names and addresses of at most 16 kB, whatever else it holds', () => {
    const long = (chars: number) => `<a href="${'x'.repeat(chars - '.whl'.length)}.whl">`;
    for (const step of [100, 100_000]) {
      expect(parsed('html', long(16 * 1024), [], step).count).toBe(1);
      expect(parsed('html', long(16 * 1024 + 101), [], step).count).toBe(0);
    }
    expect(parsed('html', `${long(50_000)}<a href="a-1.whl">`, ['a-1.whl'], 1000).count).toBe(1);
    expect(parsed('html', `<title>${'x'.repeat(1024)} Index of</title>`, [], 100).isIndex).toBe(true);
    expect(parsed('html', `<title>${'x '.repeat(1024)} Index of</title>`, [], 100).isIndex).toBe(false);
  });
});

describe('a page that arrives', () => {
  async function* pieces(...parts: readonly (string | Uint8Array)[]) {
    for (const part of parts) yield typeof part === 'string' ? Buffer.from(part) : part;
  }
  const JSON_PAGE = '{"files": [{"filename": "é.whl", "url": "a"}, {"filename": "b.whl", "url": "b"}]}';
  const read = (body: AsyncIterable<Uint8Array>, more: Partial<Parameters<typeof readIndexPage>[1]> = {}) =>
    readIndexPage(body, { url: URL_OF_PAGE, contentType: 'application/json', ...more });

  it('is read whole, a character in two pieces too', async () => {
    const bytes = Buffer.from(JSON_PAGE);
    const cut = bytes.indexOf(0xc3) + 1;
    const page = await read(pieces(' \n', bytes.subarray(0, cut), bytes.subarray(cut)));
    expect(page).toMatchObject({ format: 'json', baseUrl: URL_OF_PAGE, isIndex: true, isPartial: false });
    expect((page as { entries: EntryTable }).entries.find('é.whl', DIGEST)).toMatchObject({ href: 'a' });
    expect(await read(pieces('<title>Index of</title>'), { contentType: null })).toMatchObject({
      format: 'html',
      isIndex: true,
      isPartial: false,
    });
  });

  it('is blank or unknown', async () => {
    expect(await read(pieces())).toBeNull();
    expect(await read(pieces(' ', '\n'))).toBeNull();
    expect(await read(pieces('words'), { contentType: 'text/plain' })).toBe('unknown');
    expect(await read(pieces('words'), { contentType: null })).toBe('unknown');
  });

  it('that breaks off in a character is damaged', async () => {
    const cut = pieces('{"files": []}', Buffer.from([0xc3]));
    await expect(read(cut)).rejects.toThrow('it is not a JSON object');
  });

  it('is not read further than needed', async () => {
    const seen: number[] = [];
    const body = async function* () {
      for (let at = 0; at < 6; at++) {
        seen.push(at);
        yield Buffer.from(at === 0 ? JSON_PAGE.slice(0, -10) : ' '.repeat(100 * 1024));
      }
    };
    const page = await read(body(), { isEnough: (entries) => entries.size > 0 });
    expect(page).toMatchObject({ format: 'json', isIndex: true, isPartial: true });
    // A rest of up to 256 kB is taken, so that the connection can be used again.
    expect(seen).toEqual([0, 1, 2, 3]);
  });

  it('is not enough until it is', async () => {
    let asked = 0;
    const page = await read(pieces(JSON_PAGE.slice(0, 50), JSON_PAGE.slice(50)), {
      isEnough: () => ++asked > 5,
    });
    expect(page).toMatchObject({ isPartial: false });
    expect(asked).toBe(2);
  });

  it('lets a cancel through between two slices', async () => {
    const controller = new AbortController();
    async function* endless() {
      yield Buffer.from('{"files": [');
      for (;;) {
        const until = performance.now() + 16;
        while (performance.now() < until);
        controller.abort();
        yield Buffer.from(' ');
      }
    }
    await expect(read(endless(), { signal: controller.signal })).rejects.toThrow(CancelledError);
  });

  async function* blank(sizeBytes: number) {
    yield Buffer.from('<p>');
    yield Buffer.alloc(4 * MB - 3);
    if (sizeBytes > 4 * MB) yield Buffer.alloc(sizeBytes - 4 * MB);
  }
  const long = (sizeBytes: number, longBytes = 0) => {
    const budget = { ...newPageBudget(), longBytes };
    const page = read(blank(sizeBytes), { contentType: 'text/html', isEnough: () => false, budget });
    return page.then(
      () => budget.longBytes,
      (error: Error) => [error instanceof PageLimitError, error.message],
    );
  };

  it('counts against the run only beyond 4 MB', async () => {
    expect(await long(4 * MB)).toBe(0);
    expect(await long(4 * MB + 7)).toBe(7);
    expect(newPageBudget()).toEqual({ keptBytes: 0, longBytes: 0 });
  });

  it('is refused when all long ones together have more than 64 MB', async () => {
    expect(await long(4 * MB, 64 * MB)).toBe(64 * MB);
    expect(await long(4 * MB + 1, 64 * MB)).toEqual([
      true,
      'is longer than 4 MB, and so are too many others',
    ]);
  });

  it('has at most 32 MB', async () => {
    expect(MAX_PAGE_BYTES).toBe(32 * MB);
    async function* body(last: number) {
      yield Buffer.from('x');
      // Nobody reads what is in it.
      yield { byteLength: 32 * MB - 1, subarray: () => new Uint8Array(0) } as unknown as Uint8Array;
      yield new Uint8Array(last);
    }
    const options = { contentType: 'text/html' };
    expect(await read(body(0), options)).toMatchObject({ isPartial: false });
    await expect(read(body(1), options)).rejects.toThrow(new PageLimitError('is longer than 32 MB'));
  });
});

describe('the table of a page', () => {
  const entry = (file: string, sha256: string | null = null, href = file) => ({
    file,
    href,
    sha256,
    sizeBytes: 1,
  });

  it('keeps the first of identical entries, and finds a file by its digest or without any', () => {
    const budget = newPageBudget();
    const table = new EntryTable(budget);
    table.add(entry('a.whl', DIGEST));
    const { keptBytes } = budget;
    expect(keptBytes).toBe(256 + 'a.whl\n'.length + 64 + 'a.whl'.length);
    table.add(entry('a.whl', DIGEST, 'late.whl'));
    expect([table.size, budget.keptBytes]).toEqual([1, keptBytes]);
    table.add(entry('a.whl', null, 'plain.whl'));
    table.add(entry('a.whl2', OTHER));
    expect(table.find('a.whl', DIGEST)).toEqual(entry('a.whl', DIGEST));
    expect(table.find('a.whl', OTHER)).toEqual(entry('a.whl', null, 'plain.whl'));
    expect(table.find('b.whl', OTHER)).toBeNull();
    expect(table.exactly('a.whl', OTHER)).toBeNull();
    expect(table.exactly('a.whl', null)).toMatchObject({ href: 'plain.whl' });
    expect(table.of('a.whl')).toEqual([entry('a.whl', DIGEST), entry('a.whl', null, 'plain.whl')]);
    expect(table.of('a')).toEqual([]);
    table.add(entry('a\nb.whl', DIGEST));
    expect(table.of('a')).toEqual([]);
  });

  it('knows files that have incomplete entries alone', () => {
    const budget = newPageBudget();
    const table = new EntryTable(budget);
    table.addIncomplete('a.whl');
    expect(budget.keptBytes).toBe(256 + 'a.whl'.length);
    expect(table.isIncomplete('a.whl')).toBe(true);
    expect(table.isIncomplete('b.whl')).toBe(false);
    table.add(entry('a.whl'));
    expect(table.isIncomplete('a.whl')).toBe(false);
    expect(table.find('a.whl', DIGEST)).toMatchObject({ href: 'a.whl' });
  });

  it('holds at most 1000 incomplete entries', () => {
    const table = new EntryTable();
    for (let at = 0; at < 1000; at++) table.addIncomplete(`${at}.whl`);
    expect(() => table.addIncomplete('more.whl')).toThrow(
      new PageLimitError('has more than 1000 incomplete entries'),
    );
  });

  it('shares 32 MB with the others of a run', () => {
    const spent = (keptBytes: number) => new EntryTable({ ...newPageBudget(), keptBytes });
    const one = 256 + 'a\n'.length + 'a'.length;
    spent(32 * MB - one).add(entry('a'));
    expect(() => spent(32 * MB - one + 1).add(entry('a'))).toThrow(
      new PageLimitError('lists too many files'),
    );
  });

  it.each([10, 5461, 5462, 16_384, 20_000])('keeps a name of %i characters', (length) => {
    const file = `${'é'.repeat(length - 1)}x`;
    const table = new EntryTable();
    table.add(entry(file, DIGEST));
    expect(table.of(file)).toEqual([entry(file, DIGEST)]);
  });
});

describe('what is kept of a page', () => {
  const entry = { file: 'a.whl', href: 'a.whl', sha256: DIGEST, sizeBytes: 1 };
  const page = { etag: '"x"', baseUrl: URL_OF_PAGE, entries: [entry] };

  it.each<[string, ReturnType<typeof keptPageOf>, unknown]>([
    ['all of it', keptPageOf('"x"', URL_OF_PAGE, [entry]), page],
    ['nothing without a tag', keptPageOf(undefined, URL_OF_PAGE, [entry]), null],
    ['nothing without entries', keptPageOf('"x"', URL_OF_PAGE, []), null],
    ['nothing with a login in its address', keptPageOf('"x"', 'https://u@a.example/', [entry]), null],
    ['nothing with a token in a link', keptPageOf('"x"', URL_OF_PAGE, [{ ...entry, href: 'a?t=1' }]), null],
  ])('is %s', (_, kept, expected) => expect(kept).toEqual(expected));

  it('is found again by the digest of its address', async () => {
    const path = join(await temporaryFolder(), 'new', 'pages.json');
    const key = keyOfPage(URL_OF_PAGE);
    expect(key).toMatch(/^[a-f0-9]{64}$/);
    await writeKeptPages(path, new Map([[key, page]]));
    expect(await readKeptPages(path)).toEqual(new Map([[key, page]]));
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(JSON.parse(await readFile(path, 'utf8'))).toEqual({ schemaVersion: 1, pages: { [key]: page } });
    expect(tableOf(page).of('a.whl')).toEqual([entry]);
  });

  it.each([
    ['no file', null],
    ['no JSON', '{'],
    ['another version', JSON.stringify({ schemaVersion: 2, pages: { x: page } })],
    [
      'no digest',
      JSON.stringify({ schemaVersion: 1, pages: { x: { ...page, entries: [{ ...entry, sha256: '1' }] } } }),
    ],
    [
      'a longer digest',
      JSON.stringify({
        schemaVersion: 1,
        pages: { x: { ...page, entries: [{ ...entry, sha256: `${DIGEST}0` }] } },
      }),
    ],
    [
      'an early digest',
      JSON.stringify({
        schemaVersion: 1,
        pages: { x: { ...page, entries: [{ ...entry, sha256: `0${DIGEST}` }] } },
      }),
    ],
  ])('%s counts as nothing', async (_, text) => {
    const path = join(await temporaryFolder(), 'pages.json');
    if (text !== null) await writeFile(path, text);
    expect(await readKeptPages(path)).toEqual(new Map());
  });

  it('is read up to 4 MB, and a write that fails is no failure', async () => {
    const path = join(await temporaryFolder(), 'pages.json');
    const text = JSON.stringify({ schemaVersion: 1, pages: { x: page } });
    await writeFile(path, text.padEnd(4 * MB));
    expect((await readKeptPages(path)).size).toBe(1);
    await writeFile(path, text.padEnd(4 * MB + 1));
    expect((await readKeptPages(path)).size).toBe(0);
    await mkdir(join(path, '..', 'folder'));
    await expect(writeKeptPages(join(path, '..', 'folder'), new Map())).resolves.toBeUndefined();
  });
});

it.each<[string | null, string, 'json' | 'html' | null]>([
  ['application/json; charset=utf-8', '', 'json'],
  ['application/vnd.x+json', '', 'json'],
  ['application/vnd.x+html', '', 'html'],
  ['Text/HTML;\n x', '', 'html'],
  ['application/xhtml+xml', '', 'html'],
  ['text/plain', '{', null],
  ['application/json2', '{', null],
  [null, ' {', 'json'],
  [null, '\n<', 'html'],
  ['', '<', 'html'],
  [null, 'x', null],
  [null, '', null],
])('%s with %j is %s', (type, body, format) => expect(pageFormat(type, body)).toBe(format));

it.each([
  ['Demo_Pkg-1.0-py3-none-any.whl', 'demo-pkg'],
  ['demo-pkg-1.0.tar.gz', 'demo-pkg'],
  ['demo.pkg-1.0.zip', 'demo-pkg'],
  ['demo', 'demo'],
])('%s is of the project %s', (file, project) => expect(projectOfFile(file)).toBe(project));

it.each<[unknown, string | null]>([
  [DIGEST, DIGEST],
  [DIGEST.toUpperCase(), DIGEST],
  [`${DIGEST}0`, null],
  [`0${DIGEST}`, null],
  [DIGEST.slice(1), null],
  ['x'.repeat(64), null],
  [7, null],
  [undefined, null],
  [{ toString: () => DIGEST }, null],
])('%s is the digest %s', (value, expected) => expect(sha256Of(value)).toBe(expected));
