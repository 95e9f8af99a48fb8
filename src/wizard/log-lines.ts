import type { SetupEvent } from '../core/events.ts';
import { formatBytes } from '../support/text/format.ts';
import { artefactName } from './progress/progress.ts';

/** Column of the size in the log, so that sizes line up. */
const NAME_WIDTH = 24;

/** The lines that an event adds to the live log; `[]` for events shown elsewhere on the screen. */
export function logLines(event: SetupEvent): readonly string[] {
  switch (event.type) {
    case 'lines':
      return event.lines;
    case 'artefact': {
      const name = artefactName(event.file, event.artefactKind).padEnd(NAME_WIDTH);
      const size = formatBytes(event.sizeBytes).padStart(7);
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
