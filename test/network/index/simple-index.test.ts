import { describe, expect, it } from 'vitest';
import {
  excerptFor,
  normaliseProject,
  pageFormat,
  parseSimpleHtml,
  parseSimpleJson,
  projectOfFile,
} from '../../../src/network/index/simple-index.ts';

const DIGEST = 'a'.repeat(64);
const PAGE = 'https://index.example/simple/pkg/';

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
    const page = await parseSimpleHtml(html, PAGE);
    expect(page.entries.map(({ file, href, sha256 }) => ({ file, href, sha256 }))).toEqual(expected);
    expect(page.isIndex).toBe(true);
  });

  it('obeys the first base', async () => {
    const page = await parseSimpleHtml(
      '<base href="/elsewhere/"><base href="https://b.example/"><a href="p-1.whl">x</a>',
      PAGE,
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
    expect((await parseSimpleHtml(html, PAGE)).isIndex).toBe(isIndex);
  });
});

describe('the part of a page that is about one file', () => {
  const link = (file: string) =>
    `<a href="../${file}#sha256=${DIGEST}" data-requires-python="&gt;=3.9">${file}</a>`;
  const page = (...files: string[]) =>
    `<html><head><base href="/b/"><title>Links for pkg</title></head><body>\n${files.map(link).join('<br/>\n')}</body></html>`;
  const FILE = 'pkg-1.0-py3-none-any.whl';

  it.each<[string, string]>([
    ['among others', page('pkg-0.9.zip', FILE, `${FILE}.metadata`, 'pkg-2.0.zip')],
    ['the first', page(FILE, 'pkg-2.0.zip')],
    ['twice', page('pkg-0.9.zip', FILE, FILE)],
    ['inside the name of another', page('pkg-0.9.zip', `my-${FILE}`, FILE)],
    ['before a comment', `${page('pkg-0.9.zip', FILE)}<!--SERIAL 123-->`],
  ])('says of it what the whole page says: %s', async (_, html) => {
    const [part, whole] = [
      await parseSimpleHtml(excerptFor(html, FILE)!, PAGE),
      await parseSimpleHtml(html, PAGE),
    ];
    expect(part.baseUrl).toBe(whole.baseUrl);
    expect(part.isIndex).toBe(true);
    const wanted = whole.entries.filter(({ file }) => file === FILE);
    expect(wanted.length).toBeGreaterThan(0);
    expect(part.entries.filter(({ file }) => file === FILE)).toEqual(expect.arrayContaining(wanted));
  });

  it('leaves the other links out', () => {
    const html = page(...Array.from({ length: 1000 }, (_, minor) => `pkg-0.${minor}.zip`), FILE);
    expect(excerptFor(html, FILE)!.length).toBeLessThan(600);
  });

  it.each([
    ['not in the page', page('pkg-2.0.zip')],
    ['written in another way', `<a href="pkg-1.0%2Dpy3-none-any.whl">pkg</a>`],
    ['in no link', `<title>${FILE}</title><a href="pkg-2.0.zip">x</a>${FILE}<br>`],
    ['no links', FILE],
    ['in a comment', page('pkg-0.9.zip', 'COMMENT', FILE).replace(link('COMMENT'), `<!-- ${link(FILE)} -->`)],
  ])('%s: nothing', (_, html) => {
    expect(excerptFor(html, FILE)).toBeNull();
  });
});

describe('index pages in JSON', () => {
  it('gives files with digest and size', () => {
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
    const read = parseSimpleJson(text, PAGE);
    expect(read('pkg-1.0.whl').entries).toEqual([
      { file: 'pkg-1.0.whl', href: '../pkg-1.0.whl', sha256: DIGEST, sizeBytes: 7 },
    ]);
    expect(read('pkg-2.0.whl').entries).toEqual([
      { file: 'pkg-2.0.whl', href: 'https://f.example/pkg-2.0.whl', sha256: null, sizeBytes: null },
    ]);
    expect(read('pkg-3.0.whl').entries).toEqual([]);
  });

  it.each(['', 'no', '{}', '{"files":{}}'])('refuses %j', (text) => {
    expect(() => parseSimpleJson(text, PAGE)).toThrow();
  });

  it.each([
    '{"filename":"a.whl"}',
    '{"filename":"a.whl","url":7}',
    '{"filename":"a.whl","url":"a","hashes":[]}',
  ])('refuses %s, but neither another entry of that file nor the page', (bad) => {
    const good = '{"filename":"a.whl","url":"good"}';
    const other = '{"filename":"b.whl","url":"b"}';
    const page = (...entries: string[]) => parseSimpleJson(`{"files":[{},null,7,${entries.join()}]}`, PAGE);
    expect(() => page(bad, other)('a.whl')).toThrow('a.whl is incomplete');
    expect(page(bad, other)('b.whl').entries).toHaveLength(1);
    expect(page(bad, good)('a.whl').entries.map(({ href }) => href)).toEqual(['good']);
  });

  it.each([
    '"hashes":null',
    '"hashes":{"sha256":7}',
    '"size":-1',
    '"size":"7"',
    '"size":1e308',
    '"size":null',
  ])('does without %s', (field) => {
    const text = `\uFEFF{"files":[{"filename":"a.whl","url":"a",${field}}]}`;
    expect(parseSimpleJson(text, PAGE)('a.whl').entries).toEqual([
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
