import { describe, expect, it } from 'vitest';
import type { CheckResult, SetupEventBody } from '../../../src/core/events.ts';
import {
  advanceStages,
  STAGES,
  type Stage,
  type StageId,
  stageEndedBy,
  stagesOf,
} from '../../../src/wizard/progress/stages.ts';
import { START_MS, told } from '../../fixtures/wizard-states.ts';
import { DEMO_PLAN } from '../../pty/demo-data.ts';

const finished = (step: 'plan' | 'fetch' | 'python' | 'packages' | 'prove' | 'switch'): SetupEventBody => ({
  type: 'step',
  step,
  status: 'finished',
});
const uv = (phase: 'resolved' | 'prepared' | 'installed', step: 'python' | 'packages' = 'packages') =>
  ({ type: 'uv', step, phase, count: 3, name: null, durationMs: null }) satisfies SetupEventBody;
const check: CheckResult = { id: 'a', group: 'b', label: 'c', status: 'pass', detail: '', durationMs: 1 };

describe('the stages of an installation', () => {
  it.each<[SetupEventBody, StageId | null]>([
    [finished('plan'), null],
    [finished('fetch'), 'store'],
    [finished('python'), 'python'],
    [uv('resolved'), null],
    [uv('prepared', 'python'), null],
    [uv('prepared'), 'prepare'],
    [uv('installed'), null],
    [finished('packages'), 'install'],
    [{ type: 'check', check }, 'first-result'],
    [finished('prove'), 'results'],
    [finished('switch'), 'switch'],
    [{ type: 'step', step: 'fetch', status: 'started' }, null],
    [{ type: 'step', step: 'fetch', status: 'failed', detail: '', durationMs: 1 }, null],
  ])('%o ends %s', (body, stage) => {
    expect(stageEndedBy(told(body, 0))).toBe(stage);
  });

  const advance = (stages: readonly Stage[], body: SetupEventBody, afterMs: number): readonly Stage[] =>
    advanceStages(stages, told(body, afterMs), {
      atMs: START_MS + afterMs,
      pace: 2,
      lastByteAtMs: START_MS + 1000,
    });
  const spans = (stages: readonly Stage[]) =>
    stages.map(({ startedAtMs, endedAtMs }) =>
      [startedAtMs, endedAtMs].map((ms) => (ms === null ? null : ms - START_MS)),
    );

  it('begin where the one before ended, the first with the last byte', () => {
    const fetched = advance(stagesOf(DEMO_PLAN), finished('fetch'), 1500);
    expect(spans(fetched).slice(0, 3)).toEqual([
      [1000, 1500],
      [1500, null],
      [null, null],
    ]);
    expect(fetched[0]!.paceAtEnd).toBe(2);
  });

  it('are over when a later one is, and end once', () => {
    const proven = advance(stagesOf(DEMO_PLAN), finished('prove'), 5000);
    expect(proven.filter(({ endedAtMs }) => endedAtMs === null).map(({ id }) => id)).toEqual(['switch']);
    expect(advance(proven, { type: 'check', check }, 6000)).toBe(proven);
    expect(advance(proven, finished('prove'), 6000)).toBe(proven);
  });

  it('cost more with embeddings, and nothing for what is here already', () => {
    const costs = (features: string[], action: 'here' | 'fetch'): Record<string, number> => {
      const rows = DEMO_PLAN.rows.map((row) => ({ ...row, action, diskBytes: 90e6 }));
      return Object.fromEntries(
        stagesOf({ ...DEMO_PLAN, features, rows }).map(({ id, costMs }) => [id, costMs]),
      );
    };
    const core = costs(['core'], 'fetch');
    expect(Object.keys(core)).toEqual([...STAGES]);
    expect(costs(['core', 'local-embeddings'], 'fetch')['results']).toBeGreaterThan(core['results']! * 2);
    const here = costs(['core'], 'here');
    expect([here['python'], here['store']! < 100, here['prepare']! < core['prepare']!]).toEqual([
      0,
      true,
      true,
    ]);
  });
});
