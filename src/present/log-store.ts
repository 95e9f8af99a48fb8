import { stripVTControlCharacters } from 'node:util';
import { harmlessLine } from '../support/harmless.ts';
import { batchOfLines, type LineBatch } from '../support/line-batch.ts';

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
  /** The same for a batch; its lines are read only when shown. */
  appendBatch(batch: LineBatch): void;
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

const MAX_SHOWN_CHARS = 2000;
const NO_LINES = batchOfLines([]);

export function createLogStore(options: LogStoreOptions = {}): LogStore {
  const maxLines = options.maxLines ?? 2000;
  const flushIntervalMs = options.flushIntervalMs ?? 100;
  const listeners = new Set<() => void>();
  let tail: LineBatch[] = [];
  /** Index of the first batch kept; those before it are dropped, without moving the others each time. */
  let firstKept = 0;
  let keptLines = 0;
  let hiddenCount = 0;
  let snapshot: LogSnapshot = { version: 0, lines: [], hiddenCount: 0 };
  let hasNews = false;
  let timer: NodeJS.Timeout | null = null;
  let flushedAt = Number.NEGATIVE_INFINITY;

  function append(lines: readonly string[]): void {
    if (lines.length === 0) return;
    const skipped = Math.max(0, lines.length - maxLines);
    hiddenCount += skipped;
    keep(batchOfLines(lines.slice(skipped).map(boundedLine)));
  }

  function appendBatch(batch: LineBatch): void {
    const { count, plainBytes } = batch;
    if (plainBytes === null || plainBytes.length > count * MAX_SHOWN_CHARS) append(batch.lines);
    else if (count > 0) keep(batch);
  }

  function keep(batch: LineBatch): void {
    tail.push(batch);
    keptLines += batch.count;
    while (keptLines - tail[firstKept]!.count >= maxLines) {
      keptLines -= tail[firstKept]!.count;
      hiddenCount += tail[firstKept]!.count;
      tail[firstKept++] = NO_LINES;
    }
    if (firstKept > tail.length / 2) {
      tail = tail.slice(firstKept);
      firstKept = 0;
    }
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
    const kept = tail.flatMap((batch) => batch.lines);
    const extra = Math.max(0, kept.length - maxLines);
    const lines = shownLines(kept.slice(extra).map(boundedLine));
    snapshot = { version: snapshot.version + 1, lines, hiddenCount: hiddenCount + extra };
    for (const listener of [...listeners]) listener();
  }

  return {
    append,
    appendBatch,
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
