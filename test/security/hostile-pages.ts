/** Pages of a package index that try to keep the program busy, by how much of it there is. */

const FILE = 'my_pkg-1.0-py3-none-any.whl';
const digestOf = (number: number) => number.toString(16).padStart(64, '0');

export type PageFormat = 'html' | 'json';
export interface HostilePage {
  name: string;
  format: PageFormat;
  /** About as long as `count` says; generated piece by piece, so that it costs its server no memory. */
  pieces(count: number): Iterable<string>;
}

function* repeat(count: number, piece: (index: number) => string): Iterable<string> {
  for (let index = 0; index < count; index++) yield piece(index);
}

function* joined(...parts: (string | Iterable<string>)[]): Iterable<string> {
  for (const part of parts) {
    if (typeof part === 'string') yield part;
    else yield* part;
  }
}

export const HOSTILE_PAGES: readonly HostilePage[] = [
  {
    name: 'one name in every link',
    format: 'html',
    pieces: (count) =>
      joined(
        '<title>Links</title>',
        repeat(count, () => `<a href="${FILE}">${FILE}</a>\n`),
      ),
  },
  {
    name: 'one name in every link, each with another digest',
    format: 'html',
    pieces: (count) => repeat(count, (index) => `<a href="${FILE}#sha256=${digestOf(index)}">x</a>\n`),
  },
  {
    name: 'one name over and over, outside of links',
    format: 'html',
    pieces: (count) =>
      joined(
        `<a href="${FILE}">`,
        repeat(count, () => `${FILE} `),
      ),
  },
  {
    name: 'one name over and over in one link that never ends',
    format: 'html',
    pieces: (count) =>
      joined(
        '<a ',
        repeat(count, () => `${FILE} `),
      ),
  },
  { name: 'nested divisions', format: 'html', pieces: (count) => repeat(count, () => '<div><p><b>') },
  { name: 'closing tags of nothing', format: 'html', pieces: (count) => repeat(count, () => '</div></p>') },
  {
    name: 'attributes without end',
    format: 'html',
    pieces: (count) =>
      joined(
        '<a ',
        repeat(count, (index) => `href${index}="${FILE}" `),
      ),
  },
  {
    name: 'a value without end',
    format: 'html',
    pieces: (count) =>
      joined(
        '<a href="',
        repeat(count, () => '&amp;<a href='),
      ),
  },
  {
    name: 'comments that begin and do not end',
    format: 'html',
    pieces: (count) => repeat(count, () => `<!-- <a href="${FILE}"> --`),
  },
  {
    name: 'values full of entities and tags',
    format: 'html',
    pieces: (count) => repeat(count, () => `<a href='${'<b>&amp;'.repeat(20)}${FILE}'>`),
  },
  {
    name: 'one name in every entry',
    format: 'json',
    pieces: (count) =>
      joined(
        '{"files":[',
        repeat(
          count,
          (index) => `{"filename":"${FILE}","url":"x","hashes":{"sha256":"${digestOf(index)}"}},`,
        ),
        'null]}',
      ),
  },
  {
    name: 'incomplete entries',
    format: 'json',
    pieces: (count) =>
      joined(
        '{"files":[',
        repeat(count, (index) => `{"filename":"${index}"},`),
        'null]}',
      ),
  },
  { name: 'nested lists', format: 'json', pieces: (count) => repeat(count, () => '{"files":[[[[') },
  {
    name: 'nested lists in an entry',
    format: 'json',
    pieces: (count) =>
      joined(
        '{"files":[{"filename":',
        repeat(count, () => '[[[['),
      ),
  },
  {
    name: 'one string without end',
    format: 'json',
    pieces: (count) =>
      joined(
        '{"files":["',
        repeat(count, () => '\\"{['),
      ),
  },
  {
    name: 'one entry without end',
    format: 'json',
    pieces: (count) =>
      joined(
        '{"files":[{"filename":"',
        repeat(count, () => FILE),
      ),
  },
];

export const CONTENT_TYPES: Record<PageFormat, string> = {
  html: 'text/html',
  json: 'application/vnd.pypi.simple.v1+json',
};
