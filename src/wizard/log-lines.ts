import type { SetupEvent } from '../core/events.ts';
import { formatBytes } from '../support/text/format.ts';
import { artefactName } from './progress/progress.ts';

/** Columns of name and size in the log: those of files in transfer line up with them. */
export const NAME_COLUMNS = 24;
export const SIZE_COLUMNS = 12;

/** The lines that an event adds to the live log; `[]` for events shown elsewhere on the screen. */
export function logLines(event: SetupEvent): readonly string[] {
  switch (event.type) {
    case 'lines':
      return event.lines;
    case 'artefact': {
      const name = cutName(artefactName(event.file, event.artefactKind)).padEnd(NAME_COLUMNS);
      const size = formatBytes(event.sizeBytes).padStart(SIZE_COLUMNS);
      const from = event.isCached ? 'already here' : `from ${event.place}`;
      return [`✓ ${name} ${size}  ${from}  sha256 ${event.sha256.slice(0, 8)}`];
    }
    case 'note':
      return [event.level === 'warning' ? `! ${event.text}` : `· ${event.text}`];
    case 'step':
      return event.status === 'failed' ? [`✗ ${event.detail}`] : [];
    default:
      return [];
  }
}

/** A name that keeps to its column; install.log has all of it. */
export function cutName(name: string): string {
  return name.length <= NAME_COLUMNS ? name : `${name.slice(0, NAME_COLUMNS - 1)}…`;
}
