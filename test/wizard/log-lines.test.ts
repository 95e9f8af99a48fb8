import { expect, it } from 'vitest';
import type { SetupEventBody } from '../../src/core/events.ts';
import { logLines } from '../../src/wizard/log-lines.ts';
import { told } from '../fixtures/wizard-states.ts';

const artefact = {
  type: 'artefact',
  step: 'fetch',
  file: 'numpy-2.5.5-cp313-cp313-manylinux_2_28_x86_64.whl',
  artefactKind: 'wheel',
  sha256: '5cddc243'.padEnd(64, '0'),
  sizeBytes: 16_100_000,
  place: 'pypi.acme.internal',
  isCached: false,
} as const;

it.each<[SetupEventBody, string[]]>([
  [artefact, ['✓ numpy-2.5.5                     16 MB  from pypi.acme.internal  sha256 5cddc243']],
  [
    { ...artefact, isCached: true },
    ['✓ numpy-2.5.5                     16 MB  already here  sha256 5cddc243'],
  ],
  [{ type: 'lines', step: 'python', stream: 'stderr', lines: ['a', 'b'] }, ['a', 'b']],
  [{ type: 'note', step: 'fetch', level: 'warning', text: 'slow' }, ['! slow']],
  [{ type: 'note', step: 'fetch', level: 'info', text: 'well' }, ['· well']],
  [{ type: 'step', step: 'fetch', status: 'failed', detail: 'no disk', durationMs: 1 }, ['✗ no disk']],
  [{ type: 'step', step: 'fetch', status: 'started' }, []],
])('%j', (body, expected) => {
  expect(logLines(told(body))).toEqual(expected);
});
