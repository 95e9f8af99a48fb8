import * as z from 'zod/mini';
import { type EntryTable, PageLimitError, type PageParser } from './index-entries.ts';
import { sha256Of } from './simple-index.ts';

/** PEP 691. Unknown fields are allowed: indexes add their own. */
const fileSchema = z.object({
  filename: z.string(),
  url: z.string(),
  hashes: z.nullish(z.record(z.string(), z.unknown())),
  // Only displayed; the bytes received are counted anyway.
  size: z.catch(z.nullish(z.int().check(z.nonnegative())), null),
});
const namedSchema = z.object({ filename: z.string() });

/** A page nests 4 levels deep; extensions of an index add a few. */
const MAX_DEPTH = 64;
/** A typical entry has 800 characters. */
const MAX_ENTRY_CHARS = 256 * 1024;
const MAX_KEY_CHARS = 64;

const STRUCTURE = /["{}[\]]/g;
const STRING_END = /["\\]/g;

/**
 * Incremental parser for PEP 691: reads only `files` of the top-level object, entry by entry. A bad entry
 * does not invalidate the page.
 */
export function createJsonPageParser(url: string, entries: EntryTable): PageParser {
  let depth = 0;
  let isInString = false;
  let isEscaped = false;
  let isInFiles = false;
  let hasFiles = false;
  let isOver = false;
  /** The last string directly in the top-level object, with its quotes: the key of the value that follows. */
  let key = '';
  /** Text of the entry being read; `null` between entries. */
  let entry: string | null = null;

  function open(bracket: string): void {
    if (isOver || (depth === 0 && bracket !== '{')) throw new SyntaxError('it is not a JSON object');
    depth++;
    if (depth > MAX_DEPTH) throw new PageLimitError(`nests deeper than ${MAX_DEPTH} levels`);
    if (depth === 2) {
      isInFiles = bracket === '[' && isFilesKey(key);
      hasFiles ||= isInFiles;
    }
    if (depth === 3 && isInFiles && bracket === '{') entry = '';
  }

  function close(): void {
    if (depth === 0) throw new SyntaxError('it closes more than it opens');
    depth--;
    if (depth === 0) isOver = true;
    if (depth === 1) isInFiles = false;
    if (depth === 2 && entry !== null) {
      keepEntry(`${entry}}`, entries);
      entry = null;
    }
  }

  function keep(text: string): void {
    if (entry === null) return;
    if (entry.length + text.length > MAX_ENTRY_CHARS)
      throw new PageLimitError(`has an entry of more than ${MAX_ENTRY_CHARS / 1024} kB`);
    entry += text;
  }

  /** The position after the string, or the end of the text. */
  function skipString(text: string, from: number): number {
    let at = from;
    if (isEscaped && at < text.length) {
      isEscaped = false;
      at++;
    }
    for (;;) {
      STRING_END.lastIndex = at;
      const found = STRING_END.exec(text);
      if (found === null) return text.length;
      if (found[0] === '"') {
        isInString = false;
        return found.index + 1;
      }
      at = found.index + 2;
      if (at > text.length) {
        isEscaped = true;
        return text.length;
      }
    }
  }

  function write(text: string): void {
    let at = 0;
    while (at < text.length) {
      if (isInString) {
        const end = skipString(text, at);
        keep(text.slice(at, end));
        if (depth === 1 && key.length < MAX_KEY_CHARS) key += text.slice(at, end);
        at = end;
        continue;
      }
      STRUCTURE.lastIndex = at;
      const found = STRUCTURE.exec(text);
      const end = found === null ? text.length : found.index;
      keep(text.slice(at, end));
      if (depth === 0 && text.slice(at, end).trim() !== '') throw new SyntaxError('it is not a JSON object');
      if (found === null) return;
      at = end + 1;
      const [character] = found;
      if (character === '"') {
        if (depth === 0) throw new SyntaxError('it is not a JSON object');
        isInString = true;
        if (depth === 1) key = '"';
        keep('"');
      } else if (character === '{' || character === '[') {
        open(character);
        keep(character);
      } else {
        if (depth > 3) keep(character);
        close();
      }
    }
  }

  return {
    write,
    end() {
      if (!isOver) throw new SyntaxError('it ends in the middle');
      if (!hasFiles) throw new SyntaxError('it has no list of files');
      return { baseUrl: url, entries, isIndex: true };
    },
    soFar: () => ({ baseUrl: url, entries }),
  };
}

function isFilesKey(key: string): boolean {
  try {
    return JSON.parse(key) === 'files';
  } catch {
    return false;
  }
}

function keepEntry(text: string, entries: EntryTable): void {
  const value: unknown = JSON.parse(text);
  const { success, data } = fileSchema.safeParse(value);
  if (success) {
    const { filename: file, url: href, hashes, size } = data;
    entries.add({ file, href, sha256: sha256Of(hashes?.['sha256']), sizeBytes: size ?? null });
    return;
  }
  const named = namedSchema.safeParse(value);
  if (named.success) entries.addIncomplete(named.data.filename);
}
