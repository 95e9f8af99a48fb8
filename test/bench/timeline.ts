import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SetupEvent } from '../../src/core/events.ts';
import { PACKAGE_ROOT } from '../../src/support/package-root.ts';
import { formatDuration } from '../../src/support/text/format.ts';
import { LAUNCHER, plainEnvironment } from '../fixtures/program.ts';
import { PYTHON } from './by-hand.ts';
import { outputOf } from './command-output.ts';
import { timelineOf, timelineSvg } from './timeline-picture.ts';

/** `npm run bench:timeline`: a cold core set-up with the machine's package index, drawn from its events into docs/timeline.svg. */
const home = mkdtempSync(join(tmpdir(), 'ktx-timeline-'));
try {
  const args = [LAUNCHER, 'setup', '--yes', '--no-input', '--json', '--python', PYTHON];
  const stdout = await outputOf(process.execPath, args, plainEnvironment(home));
  const events: SetupEvent[] = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  const bars = timelineOf(events);
  const totalMs = Math.max(...bars.map(({ endMs }) => endMs));
  const path = join(PACKAGE_ROOT, 'docs', 'timeline.svg');
  writeFileSync(path, timelineSvg(bars, `ktx setup, core, from nothing: ${formatDuration(totalMs)}`));
  console.log(`${bars.length} bars, ${formatDuration(totalMs)}: docs/timeline.svg`);
} finally {
  rmSync(home, { recursive: true, force: true, maxRetries: 3 });
}
