import { stripVTControlCharacters } from 'node:util';
import { harmlessLine } from '../support/harmless.ts';
import { batchOfLines, type LineBatch } from '../support/line-batch.ts';

/**
 * The content of a log view. The same object until something changes, so that React can compare it by
 * identity.
 */
export interface LogSnapshot {
  /** Number of flushes. */
  version: number;
  /** The newest lines, oldest first, without control characters and truncated to a usable length. */
  lines: readonly string[];
  /**
   * Number of lines before `lines[0]`, which only the log file has. `hiddenCount + index` identifies a line
   * permanently.
   */
  hiddenCount: number;
}

/** A bounded tail of the log for one screen; the whole log is in `install.log`. For `useSyncExternalStore`. */
export interface LogStore {
  append(lines: readonly string[]): void;
  /** Appends a batch, whose lines are only decoded when shown. */
  appendBatch(batch: LineBatch): void;
  /** Publishes pending lines: at the end of a step, and before the program exits. */
  flush(): void;
  subscribe(listener: () => void): () => void;
  getSnapshot(): LogSnapshot;
}

export interface LogStoreOptions {
  maxLines?: number;
  /** Minimum time between flushes. Two fast throttles, ours and Ink's, would interfere. */
  flushIntervalMs?: number;
  /** The same while no line stays for two flushes: nobody can read them, and frames hold up the child. */
  floodIntervalMs?: number;
}

const MAX_SHOWN_CHARS = 2000;
const NO_LINES = batchOfLines([]);

export function createLogStore(options: LogStoreOptions = {}): LogStore {
  const maxLines = options.maxLines ?? 2000;
  const { flushIntervalMs = 100, floodIntervalMs = 250 } = options;
  const listeners = new Set<() => void>();
  const tail: LineBatch[] = [];
  /** Index of the first batch kept; earlier ones are dropped without moving the rest each time. */
  let firstKept = 0;
  let keptLines = 0;
  let hiddenCount = 0;
  let snapshot: LogSnapshot = { version: 0, lines: [], hiddenCount: 0 };
  let hasNews = false;
  let timer: NodeJS.Timeout | null = null;
  let flushedAt = Number.NEGATIVE_INFINITY;
  let isFlood = false;

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
      // In place: a dropped array that has grown old would keep the lines of its time until a full collection.
      tail.copyWithin(0, firstKept);
      tail.length -= firstKept;
      firstKept = 0;
    }
    hasNews = true;
    if (timer) return;
    const intervalMs = isFlood ? floodIntervalMs : flushIntervalMs;
    timer = setTimeout(flush, Math.max(0, flushedAt + intervalMs - performance.now()));
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
    isFlood = hiddenCount + extra >= snapshot.hiddenCount + Math.max(1, snapshot.lines.length);
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

/** A slice keeps its whole source string in memory; a copy of the visible part does not. */
function boundedLine(line: string): string {
  if (line.length <= MAX_SHOWN_CHARS) return line;
  return `${Buffer.from(line.slice(0, MAX_SHOWN_CHARS)).toString('utf8')}…`;
}

/** Anything but printable ASCII and line breaks. */
const NOT_AS_IT_IS = /[^\x20-\x7e\n]/;

function shownLines(lines: readonly string[]): readonly string[] {
  const isPlain = !NOT_AS_IT_IS.test(lines.join('\n')) && !lines.some((line) => line.includes('\n'));
  return isPlain ? [...lines] : lines.map(shownLine);
}

/**
 * Strips the escape sequences of a child; other control characters are made visible, so that they cannot move
 * our cursor.
 */
function shownLine(line: string): string {
  const plain = line.includes('\u001b') ? stripVTControlCharacters(line) : line;
  return harmlessLine(plain).replaceAll('\t', '    ');
}
