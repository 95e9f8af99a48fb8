import { stripVTControlCharacters } from 'node:util';
import { harmlessLine } from '../support/harmless.ts';

/** What a log view shows. The same object until something new is there, so React compares it by identity. */
export interface LogSnapshot {
  /** Counts flushes. */
  version: number;
  /** The newest lines, oldest first, without control characters and cut to a length a screen can use. */
  lines: readonly string[];
  /** Lines before `lines[0]` that are in the log file only. `hiddenCount + index` names a line for good. */
  hiddenCount: number;
}

/** A bounded tail of the log for one screen; the whole log is in `install.log`. Made for `useSyncExternalStore`. */
export interface LogStore {
  append(lines: readonly string[]): void;
  /** Shows what is there now: at the end of a step, and before the program exits. */
  flush(): void;
  subscribe(listener: () => void): () => void;
  getSnapshot(): LogSnapshot;
}

export interface LogStoreOptions {
  maxLines?: number;
  /** Flushes are at least this far apart. Two fast throttles, ours and Ink's, beat against each other. */
  flushIntervalMs?: number;
}

/** Lines kept beyond the bound, so that a flood trims once in a while and not at every batch. */
const SLACK_LINES = 1000;
const MAX_SHOWN_CHARS = 2000;

export function createLogStore(options: LogStoreOptions = {}): LogStore {
  const maxLines = options.maxLines ?? 2000;
  const flushIntervalMs = options.flushIntervalMs ?? 100;
  const listeners = new Set<() => void>();
  let tail: string[] = [];
  let hiddenCount = 0;
  let snapshot: LogSnapshot = { version: 0, lines: [], hiddenCount: 0 };
  let hasNews = false;
  let timer: NodeJS.Timeout | null = null;
  let flushedAt = Number.NEGATIVE_INFINITY;

  function trim(): void {
    const extra = tail.length - maxLines;
    if (extra <= 0) return;
    tail = tail.slice(extra);
    hiddenCount += extra;
  }

  function append(lines: readonly string[]): void {
    if (lines.length === 0) return;
    const skipped = Math.max(0, lines.length - maxLines);
    if (skipped > 0) {
      hiddenCount += tail.length + skipped;
      tail = [];
    }
    for (let index = skipped; index < lines.length; index++) tail.push(boundedLine(lines[index]!));
    if (tail.length > maxLines + SLACK_LINES) trim();
    hasNews = true;
    if (timer) return;
    timer = setTimeout(flush, Math.max(0, flushedAt + flushIntervalMs - performance.now()));
    timer.unref();
  }

  function flush(): void {
    if (timer) clearTimeout(timer);
    timer = null;
    if (!hasNews) return;
    hasNews = false;
    flushedAt = performance.now();
    trim();
    snapshot = { version: snapshot.version + 1, lines: shownLines(tail), hiddenCount };
    for (const listener of [...listeners]) listener();
  }

  return {
    append,
    flush,
    subscribe: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    getSnapshot: () => snapshot,
  };
}

/** A slice keeps the whole text it came from in memory; a copy of the part that is shown does not. */
function boundedLine(line: string): string {
  if (line.length <= MAX_SHOWN_CHARS) return line;
  return `${Buffer.from(line.slice(0, MAX_SHOWN_CHARS)).toString('utf8')}…`;
}

/** What is not printed as it is, or ends a line. */
const NOT_AS_IT_IS = /[^\x20-\x7e\n]/;

function shownLines(lines: readonly string[]): readonly string[] {
  const isPlain = !NOT_AS_IT_IS.test(lines.join('\n')) && !lines.some((line) => line.includes('\n'));
  return isPlain ? [...lines] : lines.map(shownLine);
}

/** A child may paint its lines; what else would move the cursor of our screen is shown. */
function shownLine(line: string): string {
  const plain = line.includes('\u001b') ? stripVTControlCharacters(line) : line;
  return harmlessLine(plain).replaceAll('\t', '    ');
}
