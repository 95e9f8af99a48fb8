import { expect, it, vi } from 'vitest';
import type { PanelEffect } from '../../../src/wizard/panels/panels.ts';

/** Each task answers with its name and what it was given. */
const told = vi.hoisted(() => (name: string) => async (...args: unknown[]) => ({ name, args }));
vi.mock('../../../src/cli/panels/actions.ts', () => ({
  previewAction: told('preview'),
  runAction: told('run'),
}));
vi.mock('../../../src/cli/panels/mend.ts', () => ({
  carryOut: told('mend'),
  networkLines: told('network'),
  currentSources: told('sources'),
}));
vi.mock('../../../src/cli/panels/model.ts', () => ({ runModelEffect: told('model') }));
vi.mock('../../../src/cli/panels/host.ts', () => ({ runHostEffect: told('host') }));
vi.mock('../../../src/cli/panels/bundles.ts', () => ({ watchBundles: told('bundles') }));
const { runPanel } = await import('../../../src/cli/panels/run-panel.ts');

const SETUP = { cliVersion: '0.3.0', features: ['core' as const] };
const CONTEXT = { setup: SETUP, tell: () => {}, lendTerminal: <T>(work: () => Promise<T>) => work() };
const PLACE = { projectDir: '/p', cwd: '/c' };

const TASK = { kind: 'prune' };
const ROWS: [effect: object, answer: object][] = [
  [
    { type: 'preview-action', action: 'stop' },
    { type: 'action-previewed', preview: { name: 'preview', args: ['stop', SETUP] } },
  ],
  [
    { type: 'run-action', action: 'stop' },
    { type: 'action-done', outcome: { name: 'run', args: ['stop', SETUP, PLACE] } },
  ],
  [
    { type: 'mend', task: TASK },
    { type: 'mended', notice: { name: 'mend', args: [TASK, SETUP, PLACE] } },
  ],
  [
    { type: 'read-page', page: 'network' },
    { type: 'page-read', lines: { name: 'network', args: [SETUP] } },
  ],
  [{ type: 'read-sources' }, { type: 'sources-read', current: { name: 'sources', args: [SETUP] } }],
  ...['read-model', 'probe-model', 'write-model'].map((type): [object, object] => [
    { type },
    { name: 'model', args: [{ type }, CONTEXT, PLACE] },
  ]),
  ...['read-host', 'edit-host', 'apply-host'].map((type): [object, object] => [
    { type },
    { name: 'host', args: [{ type }, CONTEXT, PLACE] },
  ]),
  [{ type: 'watch-bundles' }, { name: 'bundles', args: [CONTEXT, PLACE] }],
];

it.each(ROWS)('%j', async (effect, answer) => {
  expect(await runPanel(effect as PanelEffect, CONTEXT, PLACE)).toEqual(answer);
});
