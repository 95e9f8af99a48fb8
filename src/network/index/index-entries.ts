/**
 * Limit for all pages of a run together: about 70,000 files. The largest project of the public index has
 * 15,000.
 */
const MAX_KEPT_BYTES = 32 * 1024 * 1024;
/**
 * Overhead of an entry besides its texts: two strings, an object, and a slot in a table that doubles when
 * full.
 */
const ENTRY_BYTES = 256;
/** Some indexes have a few. */
const MAX_INCOMPLETE = 1000;

/** A file listed on a page of an index or of links. */
export interface IndexEntry {
  file: string;
  /** As written in the page: may be relative. */
  href: string;
  /** `null` when the page does not say. */
  sha256: string | null;
  sizeBytes: number | null;
}

/** The parsed content of a page. */
export interface IndexPage {
  format: 'json' | 'html';
  /** Base of relative `href`s. */
  baseUrl: string;
  entries: EntryTable;
  /** False for a page that does not look like an index: no files, and no sign of an empty index. */
  isIndex: boolean;
  /** Parsing stopped when everything wanted was found: the page may list more files. */
  isPartial: boolean;
}

/** An incremental parser of one format. Buffers a bounded amount of text, whatever the input. */
export interface PageParser {
  write(text: string): void;
  /** @throws Error when the page violates its standard. */
  end(): Omit<IndexPage, 'format' | 'isPartial'>;
  /** The result so far. */
  soFar(): Pick<IndexPage, 'baseUrl' | 'entries'>;
}

/** A page is too long, too deep, or lists too much. The message says which, without a subject. */
export class PageLimitError extends Error {}

/** What the pages of one run have used so far. */
export interface PageBudget {
  /** Memory of its tables. */
  keptBytes: number;
  /** Bytes read beyond the usual length of a page. */
  longBytes: number;
}

export const newPageBudget = (): PageBudget => ({ keptBytes: 0, longBytes: 0 });

/** Keeps the first of several identical entries. */
export class EntryTable {
  /** By name and digest, stored only in the key: a page may have tens of thousands of entries. */
  readonly #entries = new Map<string, Pick<IndexEntry, 'href' | 'sizeBytes'>>();
  readonly #incomplete = new Set<string>();
  readonly #budget: PageBudget;

  constructor(budget: PageBudget = newPageBudget()) {
    this.#budget = budget;
  }

  get size(): number {
    return this.#entries.size;
  }

  add({ file, href, sha256, sizeBytes }: IndexEntry): void {
    const key = keyOf(file, sha256);
    if (this.#entries.has(key)) return;
    this.#spend(key.length + href.length);
    this.#entries.set(detached(key), { href: detached(href), sizeBytes });
  }

  /** Records an entry for this file that lacks what the standard requires. */
  addIncomplete(file: string): void {
    if (this.#incomplete.size >= MAX_INCOMPLETE)
      throw new PageLimitError(`has more than ${MAX_INCOMPLETE} incomplete entries`);
    this.#spend(file.length);
    this.#incomplete.add(file);
  }

  /**
   * The entry with this digest, else one without a digest, since the download is verified anyway. `null` when
   * there is neither.
   */
  find(file: string, sha256: string): IndexEntry | null {
    return this.exactly(file, sha256) ?? this.exactly(file, null);
  }

  /** The entry with exactly this digest; `null` selects the one without a digest. */
  exactly(file: string, sha256: string | null): IndexEntry | null {
    const entry = this.#entries.get(keyOf(file, sha256));
    return entry === undefined ? null : { file, sha256, ...entry };
  }

  /** All entries of a file. */
  of(file: string): IndexEntry[] {
    const start = keyOf(file, null);
    return [...this.#entries].flatMap(([key, entry]) =>
      key.startsWith(start) && key.lastIndexOf('\n') < start.length
        ? [{ file, sha256: key.slice(start.length) || null, ...entry }]
        : [],
    );
  }

  /** Whether a file has only incomplete entries. */
  isIncomplete(file: string): boolean {
    return this.#incomplete.has(file) && this.of(file).length === 0;
  }

  #spend(textBytes: number): void {
    this.#budget.keptBytes += ENTRY_BYTES + textBytes;
    if (this.#budget.keptBytes > MAX_KEPT_BYTES) throw new PageLimitError('lists too many files');
  }
}

function keyOf(file: string, sha256: string | null): string {
  return `${file}\n${sha256 ?? ''}`;
}

const SCRATCH = Buffer.alloc(16 * 1024);
const MAX_UTF8_BYTES_PER_UNIT = 3;

/** A slice keeps its whole source string in memory; a copy does not. Most fit into the preallocated buffer. */
function detached(text: string): string {
  if (text.length * MAX_UTF8_BYTES_PER_UNIT > SCRATCH.length) return Buffer.from(text).toString('utf8');
  return SCRATCH.toString('utf8', 0, SCRATCH.write(text));
}
