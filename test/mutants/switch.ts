import { openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Stands in a copy of the sources beside the mutated files: which mutant is on in this process. Every program of the
 * copy asks the folder, since many tests start children with an environment of their own.
 */
const FOLDER = '@folder@';
const active = read('active');
const isRecording = active === 'record';
/** NaN where none is on. */
const activeId = active === '' ? Number.NaN : Number(active);
const seen = new Set<number>();

/** Whether this mutant is on. */
export function isOn(id: number): boolean {
  if (isRecording && !seen.has(id)) {
    seen.add(id);
    record(id);
  }
  return id === activeId;
}

function read(name: string): string {
  try {
    return readFileSync(join(FOLDER, name), 'utf8').trim();
  } catch {
    // In a namespace that does not see the folder, nothing is changed.
    return '';
  }
}

let reached: number | null = null;
let behind: string | null = null;

function record(id: number): void {
  try {
    reached ??= openSync(join(FOLDER, 'reached'), 'a');
    behind ??= testFile();
    writeSync(reached, `${id}\t${behind}\n`);
  } catch {
    // As above.
  }
}

/** The test file that is behind this process: its own, or that of a process above. */
function testFile(): string {
  let pid = process.pid;
  for (let depth = 0; depth < 12 && pid > 1; depth++) {
    try {
      return readFileSync(join(FOLDER, 'workers', String(pid)), 'utf8');
    } catch {
      try {
        pid = Number(/\) \S (\d+)/.exec(readFileSync(`/proc/${pid}/stat`, 'utf8'))?.[1] ?? 0);
      } catch {
        break;
      }
    }
  }
  return '?';
}
