/** Of all pages of a run together: some 70,000 files. The largest project of the public index has 15,000. */
const MAX_KEPT_BYTES = 32 * 1024 * 1024;
/** What an entry takes beside its texts: two strings, an object, and a place in a table that doubles when it is full. */
const ENTRY_BYTES = 256;
/** Some indexes have a few. */
const MAX_INCOMPLETE = 1000;

/** One file that a page of an index, or of links, offers. */
export interface IndexEntry {
  file: string;
  /** As it stands in the page: may be relative. */
  href: string;
  /** `null` when the page does not say. */
  sha256: string | null;
  sizeBytes: number | null;
}

/** What has been read of a page. */
export interface IndexPage {
  format: 'json' | 'html';
  /** What relative `href`s are relative to. */
  baseUrl: string;
  entries: EntryTable;
  /** False for a page that shows no sign of being an index: no file, and none of the marks of an empty one. */
  isIndex: boolean;
  /** Reading stopped when all that was wanted had been found: nothing is known of other files. */
  isPartial: boolean;
}

/** Reads one format, piece by piece. Whatever a piece is cut from, what it keeps of the text is bounded. */
export interface PageParser {
  write(text: string): void;
  /** @throws Error when the page is not what the standard says. */
  end(): Omit<IndexPage, 'format' | 'isPartial'>;
  /** What has been read until now. */
  soFar(): Pick<IndexPage, 'baseUrl' | 'entries'>;
}

/** A page is too long, too deep, or lists too much. The message says which, without a subject. */
export class PageLimitError extends Error {}

/** What the pages of one run have cost so far. */
export interface PageBudget {
  /** In memory, for its tables. */
  keptBytes: number;
  /** Read of pages beyond a common length. */
  longBytes: number;
}

export const newPageBudget = (): PageBudget => ({ keptBytes: 0, longBytes: 0 });

/** Of many entries that say the same, the first one is kept. */
export class EntryTable {
  /** By name and digest, which are kept as the key alone: a page may have tens of thousands. */
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

  /** An entry of this file that lacks what the standard asks for. */
  addIncomplete(file: string): void {
    if (this.#incomplete.size >= MAX_INCOMPLETE)
      throw new PageLimitError(`has more than ${MAX_INCOMPLETE} incomplete entries`);
    this.#spend(file.length);
    this.#incomplete.add(file);
  }

  /** With this digest, else without any: what arrives is checked anyway. `null` when there is neither. */
  find(file: string, sha256: string): IndexEntry | null {
    return this.exactly(file, sha256) ?? this.exactly(file, null);
  }

  /** The entry with this digest, and no other; `null`: the one that says none. */
  exactly(file: string, sha256: string | null): IndexEntry | null {
    const entry = this.#entries.get(keyOf(file, sha256));
    return entry === undefined ? null : { file, sha256, ...entry };
  }

  /** Everything that is said of a file. */
  of(file: string): IndexEntry[] {
    const start = keyOf(file, null);
    return [...this.#entries].flatMap(([key, entry]) =>
      key.startsWith(start) && key.lastIndexOf('\n') < start.length
        ? [{ file, sha256: key.slice(start.length) || null, ...entry }]
        : [],
    );
  }

  /** Whether all that is said of a file is incomplete. */
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

/** A slice keeps the whole text it came from in memory; a copy does not. Most fit into a buffer that is there already. */
function detached(text: string): string {
  if (text.length * MAX_UTF8_BYTES_PER_UNIT > SCRATCH.length) return Buffer.from(text).toString('utf8');
  return SCRATCH.toString('utf8', 0, SCRATCH.write(text));
}
