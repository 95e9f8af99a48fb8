import { QuoteType, Tokenizer, type TokenizerCallbacks } from 'htmlparser2';
import type { EntryTable, IndexEntry, PageParser } from './index-entries.ts';
import { sha256Of } from './simple-index.ts';

const MARK = /\b(Links for|Simple index|Index of|Directory listing)\b/i;
const PACKAGE_FILE = /\.(whl|zip|tar\.(gz|bz2|xz|zst)|tgz)$/i;
/** Longer tag names, attribute names and values are irrelevant here. */
const MAX_VALUE_CHARS = 16 * 1024;
const MAX_TITLE_CHARS = 1024;

type Attribute = 'href' | 'name';
/** The attribute to read, by tag. The rest of a page is only skipped. */
const WANTED: Readonly<Record<string, Attribute | undefined>> = {
  __proto__: null as never,
  a: 'href',
  base: 'href',
  meta: 'name',
};
const MAX_TAG_CHARS = 'title'.length;

const nothing = () => {};
const NO_CALLBACKS: TokenizerCallbacks = {
  onattribdata: nothing,
  onattribend: nothing,
  onattribentity: nothing,
  onattribname: nothing,
  oncdata: nothing,
  onclosetag: nothing,
  oncomment: nothing,
  ondeclaration: nothing,
  onend: nothing,
  onopentagend: nothing,
  onopentagname: nothing,
  onprocessinginstruction: nothing,
  onselfclosingtag: nothing,
  ontext: nothing,
  ontextentity: nothing,
};

/**
 * Incremental parser for PEP 503 and pages of links: every `<a href>` whose path ends in a package file name.
 * Uses only the tokenizer, because the full parser keeps a stack of open tags and slows down with nesting.
 */
export function createHtmlPageParser(url: string, entries: EntryTable): PageParser {
  let text = '';
  let textStart = 0;
  let baseUrl: string | null = null;
  let isMarked = false;
  /** Text of the open title or heading, else `null`. */
  let title: string | null = null;
  let tag = '';
  let attribute: Attribute | null = null;
  let value = '';
  /** Of the open tag; the first of duplicate attributes wins. */
  let href: string | null = null;
  let name: string | null = null;

  /** A part that started before the buffer is too long to matter. */
  const slice = (start: number, end: number) =>
    start < textStart ? '' : text.slice(start - textStart, end - textStart);

  function openTag(): void {
    title = tag === 'title' || tag === 'h1' ? '' : null;
    if (tag === 'meta' && name === 'pypi:repository-version') isMarked = true;
    // The first one wins; an invalid base is ignored.
    else if (tag === 'base' && href && baseUrl === null)
      baseUrl = URL.canParse(href, url) ? new URL(href, url).href : null;
    else if (tag === 'a' && href) {
      const entry = entryOfLink(href.includes('&') ? withoutEntities(href) : href);
      if (entry) entries.add(entry);
    }
  }

  const tokenizer = new Tokenizer(
    // Decoding everything takes three times as long: each of 15,000 links has
    // `data-requires-python="&gt;=3.9"`.
    { decodeEntities: false },
    {
      ...NO_CALLBACKS,
      onopentagname(start, end) {
        tag = end - start > MAX_TAG_CHARS ? '' : slice(start, end).toLowerCase();
        href = null;
        name = null;
      },
      onattribname(start, end) {
        const wanted = WANTED[tag];
        attribute =
          wanted !== undefined &&
          wanted.length === end - start &&
          (wanted === 'href' ? href : name) === null &&
          slice(start, end).toLowerCase() === wanted
            ? wanted
            : null;
        value = '';
      },
      onattribdata(start, end) {
        if (attribute !== null && value.length <= MAX_VALUE_CHARS) value += slice(start, end);
      },
      onattribend(quote) {
        if (attribute === null || quote === QuoteType.NoValue || value.length > MAX_VALUE_CHARS) return;
        if (attribute === 'href') href = value;
        else name = value;
      },
      onopentagend: openTag,
      onselfclosingtag: openTag,
      onclosetag() {
        title = null;
      },
      ontext(start, end) {
        if (title === null || title.length > MAX_TITLE_CHARS) return;
        title += slice(start, end);
        if (MARK.test(title)) isMarked = true;
      },
    },
  );

  return {
    write(piece) {
      const dropped = Math.max(0, text.length - MAX_VALUE_CHARS);
      text = text.slice(dropped) + piece;
      textStart += dropped;
      tokenizer.write(piece);
    },
    end() {
      tokenizer.end();
      return { baseUrl: baseUrl ?? url, entries, isIndex: isMarked || entries.size > 0 };
    },
    soFar: () => ({ baseUrl: baseUrl ?? url, entries }),
  };
}

/** Decodes an attribute value as a browser does. */
function withoutEntities(value: string): string {
  const source = `<a x="${value.replaceAll('"', '&quot;')}">`;
  let decoded = '';
  const tokenizer = new Tokenizer(
    { decodeEntities: true },
    {
      ...NO_CALLBACKS,
      onattribdata(start, end) {
        decoded += source.slice(start, end);
      },
      onattribentity(codePoint) {
        decoded += String.fromCodePoint(codePoint);
      },
    },
  );
  tokenizer.write(source);
  tokenizer.end();
  return decoded;
}

function entryOfLink(href: string): IndexEntry | null {
  const [address = '', fragment = ''] = href.trim().split('#', 2);
  const segment = address.split('?', 1)[0]!.split('/').at(-1)!;
  if (segment === '') return null;
  let file: string;
  try {
    file = decodeURIComponent(segment);
  } catch {
    file = segment;
  }
  if (!PACKAGE_FILE.test(file)) return null;
  const sha256 = sha256Of(/(?:^|&)sha256=([^&]+)/i.exec(fragment)?.[1]);
  return { file, href: address, sha256, sizeBytes: null };
}
