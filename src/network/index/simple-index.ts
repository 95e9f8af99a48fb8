import type { Parser } from 'htmlparser2';
import * as z from 'zod/mini';

/** One file that a page of an index, or of links, offers. */
export interface IndexEntry {
  file: string;
  /** As it stands in the page: may be relative. */
  href: string;
  /** `null` when the page does not say. */
  sha256: string | null;
  sizeBytes: number | null;
}

export interface IndexPage {
  /** What relative `href`s are relative to. */
  baseUrl: string;
  entries: IndexEntry[];
  /** False for a page that shows no sign of being an index: no file, and none of the marks of an empty one. */
  isIndex: boolean;
}

/** PEP 691. Unknown fields are allowed: indexes add their own. */
const simpleJsonSchema = z.object({ files: z.array(z.unknown()) });
const simpleJsonFileSchema = z.object({
  filename: z.string(),
  url: z.string(),
  hashes: z.nullish(z.record(z.string(), z.unknown())),
  // Only shown, and what arrives is counted anyway.
  size: z.catch(z.nullish(z.int().check(z.nonnegative())), null),
});

/** What to ask an index for: JSON rather than HTML, and HTML from those that know no other. */
export const INDEX_ACCEPT =
  'application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1';

/** Project names that mean the same give the same text (PEP 503). */
export function normaliseProject(name: string): string {
  return name.replace(/[-_.]+/g, '-').toLowerCase();
}

/** The normalised project that a wheel's or a source archive's file name begins with. */
export function projectOfFile(file: string): string {
  const [name] = file.endsWith('.whl') ? file.split('-', 1) : [file.replace(/-[^-]+$/, '')];
  return normaliseProject(name ?? file);
}

/** `json`, `html`, or `null` for what no index sends. Without a type, the first character decides. */
export function pageFormat(contentType: string | null, body: string): 'json' | 'html' | null {
  const type = contentType?.replace(/;.*/s, '').trim().toLowerCase();
  if (type) {
    if (type.endsWith('+json') || type === 'application/json') return 'json';
    if (type.endsWith('+html') || type === 'text/html' || type === 'application/xhtml+xml') return 'html';
    return null;
  }
  const start = body.trimStart()[0];
  return start === '{' ? 'json' : start === '<' ? 'html' : null;
}

/**
 * PEP 691. Only what the page says of the file that is looked for is checked and kept: a project has up to 15,000 files, of which
 * one is wanted, and what is wrong with another entry is no reason to do without it.
 * @returns what gives the part of the page that is about a file; it throws Error when no entry of it is what the standard says.
 * @throws SyntaxError or ZodError when the page is not what the standard says.
 */
export function parseSimpleJson(text: string, url: string): (file: string) => IndexPage {
  const { files } = simpleJsonSchema.parse(JSON.parse(text.replace(/^\uFEFF/, '')));
  return (file) => {
    const named = files.filter((entry) => isNamed(entry, file));
    const entries = named.flatMap((entry) => {
      const { success, data } = simpleJsonFileSchema.safeParse(entry);
      if (!success) return [];
      const { filename, url: href, hashes, size } = data;
      return [{ file: filename, href, sha256: digestOf(hashes?.['sha256']), sizeBytes: size ?? null }];
    });
    if (named.length > 0 && entries.length === 0) throw new Error(`what it says of ${file} is incomplete`);
    return { baseUrl: url, isIndex: true, entries };
  };
}

function isNamed(entry: unknown, file: string): boolean {
  return typeof entry === 'object' && entry !== null && 'filename' in entry && entry.filename === file;
}

/** PEP 503, and pages of links: every `<a href>` whose path ends in a file name of a package. */
export async function parseSimpleHtml(text: string, url: string): Promise<IndexPage> {
  const { Parser } = await import('htmlparser2');
  const entries: IndexEntry[] = [];
  let baseUrl: string | null = null;
  let isMarked = false;
  let isInTitle = false;
  const parser = new Parser(
    {
      onopentag(name, attributes) {
        isInTitle = name === 'title' || name === 'h1';
        const href = attributes['href'];
        if (name === 'meta' && attributes['name'] === 'pypi:repository-version') isMarked = true;
        // The first one counts; a base that is no address is none.
        else if (name === 'base' && href && baseUrl === null)
          baseUrl = URL.canParse(href, url) ? new URL(href, url).href : null;
        else if (name === 'a' && href) {
          const entry = entryOfLink(href.includes('&') ? withoutEntities(href, Parser) : href);
          if (entry) entries.push(entry);
        }
      },
      ontext(data) {
        if (isInTitle && /\b(Links for|Simple index|Index of|Directory listing)\b/i.test(data))
          isMarked = true;
      },
      onclosetag() {
        isInTitle = false;
      },
    },
    // Decoding everything takes three times as long: each of 15,000 links has `data-requires-python="&gt;=3.9"`.
    { decodeEntities: false },
  );
  parser.end(text);
  return { baseUrl: baseUrl ?? url, entries, isIndex: isMarked || entries.length > 0 };
}

/**
 * The part of a page of links that is about one file: all before the first link, and the tags that name the file.
 * `null` when no tag does, which says nothing: a link may be written in another way. To read each of the 15,000 links of
 * a large page takes longer than to build the environment.
 */
export function excerptFor(text: string, file: string): string | null {
  const firstLink = text.search(/<a\s/i);
  if (firstLink === -1) return null;
  const tags: string[] = [];
  let lastAt = firstLink;
  for (let at = text.indexOf(file, firstLink); at !== -1; at = text.indexOf(file, at + file.length)) {
    const start = text.lastIndexOf('<', at);
    const end = text.indexOf('>', at);
    if (end !== -1 && /^<a\s/i.test(text.slice(start, start + 3))) tags.push(text.slice(start, end + 1));
    lastAt = at;
  }
  // A tag may be in a comment, which only who reads everything knows.
  const comment = text.indexOf('<!--', firstLink);
  const isMaybeInComment = comment !== -1 && comment < lastAt;
  return tags.length === 0 || isMaybeInComment ? null : text.slice(0, firstLink) + tags.join('</a>');
}

function withoutEntities(text: string, HtmlParser: typeof Parser): string {
  let decoded = '';
  const parser = new HtmlParser({
    ontext(part) {
      decoded += part;
    },
  });
  parser.end(text);
  return decoded;
}

function entryOfLink(href: string): IndexEntry | null {
  const [address = '', fragment = ''] = href.trim().split('#', 2);
  const segment = address.split('?', 1)[0]!.split('/').at(-1)!;
  let file: string;
  try {
    file = decodeURIComponent(segment);
  } catch {
    file = segment;
  }
  if (!/\.(whl|zip|tar\.(gz|bz2|xz|zst)|tgz)$/i.test(file)) return null;
  const sha256 = digestOf(/(?:^|&)sha256=([^&]+)/i.exec(fragment)?.[1]);
  return { file, href: address, sha256, sizeBytes: null };
}

function digestOf(value: unknown): string | null {
  return typeof value === 'string' && /^[a-fA-F0-9]{64}$/.test(value) ? value.toLowerCase() : null;
}
