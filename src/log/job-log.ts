import type { SetupEventBody } from '../core/events.ts';
import type { Redactor } from '../support/text/redaction.ts';
import { type InstallLog, openInstallLog } from './install-log.ts';

/** The lines of `install.log` about our own work: transfers, notes and our own output. */
export function ownLogLines(event: SetupEventBody): readonly string[] {
  switch (event.type) {
    case 'artefact': {
      const from = event.isCached ? 'already in the store' : `from ${event.place}`;
      return [`ok  ${event.file}  ${event.sizeBytes} bytes  ${from}  sha256 ${event.sha256}`];
    }
    case 'note':
      return [`${event.level}: ${event.text}`];
    case 'lines':
      // Commands are logged already, with the full path of the program.
      return event.stream === 'ktx' ? event.lines.filter((line) => !line.startsWith('$ ')) : [];
    default:
      return [];
  }
}

export interface DeferredLog {
  open(): Promise<InstallLog>;
  keep(lines: readonly string[]): void;
  /** Output of children, see `InstallLog`. */
  maskedLines(lines: readonly string[]): Promise<void>;
  close(): Promise<void>;
}

/**
 * `install.log` is replaced only when a build starts, after uv was acquired: a failed acquisition leaves the
 * version's folder untouched. Lines from before that are kept and written first.
 */
export function createDeferredLog(path: string, redactor: Pick<Redactor, 'redact'>): DeferredLog {
  let log: InstallLog | null = null;
  const early: string[] = [];
  return {
    async open() {
      log = await openInstallLog(path, { redactor });
      await log.lines(early);
      return log;
    },
    keep(lines) {
      if (!log) early.push(...lines);
      // A failed write is reported by the next awaited one.
      else void log.lines(lines).catch(() => {});
    },
    async maskedLines(lines) {
      await log?.maskedLines(lines);
    },
    async close() {
      await log?.close();
    },
  };
}
