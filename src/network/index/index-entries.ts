/** Of all pages of a run together: some 70,000 files. The largest project of the public index has 15,000. */
const MAX_KEPT_BYTES = 32 * 1024 * 1024;
/** What an entry takes beside its texts. */
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
  readonly #entries = new Map<string, IndexEntry>();
  readonly #incomplete = new Set<string>();
  readonly #budget: PageBudget;

  constructor(budget: PageBudget = newPageBudget()) {
    this.#budget = budget;
  }

  get size(): number {
    return this.#entries.size;
  }

  add(entry: IndexEntry): void {
    const key = keyOf(entry.file, entry.sha256);
    if (this.#entries.has(key)) return;
    this.#spend(key.length + entry.href.length);
    const { file, href, sha256, sizeBytes } = entry;
    this.#entries.set(detached(key), {
      file: detached(file),
      href: detached(href),
      sha256: sha256 && detached(sha256),
      sizeBytes,
    });
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
    return this.#entries.get(keyOf(file, sha256)) ?? this.#entries.get(keyOf(file, null)) ?? null;
  }

  /** The entry with this digest, and no other. */
  exactly(file: string, sha256: string): IndexEntry | null {
    return this.#entries.get(keyOf(file, sha256)) ?? null;
  }

  /** Everything that is said of a file. */
  of(file: string): IndexEntry[] {
    return [...this.#entries.values()].filter((entry) => entry.file === file);
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

/** A slice keeps the whole text it came from in memory; a copy does not. */
function detached(text: string): string {
  return Buffer.from(text).toString('utf8');
}
