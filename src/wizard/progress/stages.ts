import type { PlanSummary, SetupEvent } from '../../core/events.ts';

/**
 * The parts of an installation apart from the transfer, in order. Each ends at an event, and the next begins
 * there; the first begins when the last byte has arrived.
 */
export const STAGES = ['store', 'python', 'prepare', 'install', 'first-result', 'results', 'switch'] as const;
export type StageId = (typeof STAGES)[number];

/** What is known of one stage. */
export interface Stage {
  id: StageId;
  /** Expected duration on the reference machine, in milliseconds. */
  costMs: number;
  startedAtMs: number | null;
  endedAtMs: number | null;
  /** The expected slowdown from load when it ended. */
  paceAtEnd: number;
}

/**
 * Measured on an idle current machine. Other machines, and busy ones, differ by a factor that shows once the
 * first stage is over.
 */
const UNPACK_BYTES_PER_MS = 150_000;
/** Its digest is checked once more on the way. */
const UNPACK_MODEL_BYTES_PER_MS = 110_000;
const STORE_MS = 30;
const PREPARE_MS = 300;
const INSTALL_MS = 40;
const INSTALL_BYTES_PER_MS = 1_500_000;
const FIRST_RESULT_MS = 400;
const FIRST_RESULT_EMBEDDINGS_MS = 500;
const RESULTS_MS = 30;
const RESULTS_EMBEDDINGS_MS = 400;
const SWITCH_MS = 50;

/** Pure. The stages of a plan, none of them begun. */
export function stagesOf({ rows, features }: PlanSummary): Stage[] {
  const unpacked = (id: string): number => {
    const found = rows.find((row) => row.id === id);
    return found?.action === 'here' || !found ? 0 : (found.diskBytes ?? found.downloadBytes ?? 0);
  };
  const hasEmbeddings = features.includes('local-embeddings');
  const costs: Record<StageId, number> = {
    // The two are unpacked side by side, or while the other is still being fetched.
    store:
      STORE_MS +
      Math.max(unpacked('uv') / UNPACK_BYTES_PER_MS, unpacked('model') / UNPACK_MODEL_BYTES_PER_MS),
    python: unpacked('python') / UNPACK_BYTES_PER_MS,
    prepare: PREPARE_MS + unpacked('environment') / UNPACK_BYTES_PER_MS,
    install: INSTALL_MS + unpacked('environment') / INSTALL_BYTES_PER_MS,
    'first-result': hasEmbeddings ? FIRST_RESULT_EMBEDDINGS_MS : FIRST_RESULT_MS,
    results: hasEmbeddings ? RESULTS_EMBEDDINGS_MS : RESULTS_MS,
    switch: SWITCH_MS,
  };
  return STAGES.map((id) => ({
    id,
    costMs: costs[id],
    startedAtMs: null,
    endedAtMs: null,
    paceAtEnd: 1,
  }));
}

/** The stage that is over with this event, and with it all before; `null` for none. */
export function stageEndedBy(event: SetupEvent): StageId | null {
  if (event.type === 'check') return 'first-result';
  if (event.type === 'uv') return event.step === 'packages' && event.phase === 'prepared' ? 'prepare' : null;
  if (event.type !== 'step' || event.status !== 'finished') return null;
  const last = { plan: null, fetch: 'store', python: 'python', packages: 'install' } as const;
  if (event.step === 'prove') return 'results';
  return event.step === 'switch' ? 'switch' : last[event.step];
}

/** The stages after this event. */
export function advanceStages(
  stages: readonly Stage[],
  event: SetupEvent,
  { atMs, pace, lastByteAtMs }: { atMs: number; pace: number; lastByteAtMs: number | null },
): readonly Stage[] {
  const ended = stageEndedBy(event);
  if (ended === null) return stages;
  const index = STAGES.indexOf(ended);
  if (stages[index]!.endedAtMs !== null) return stages;
  return stages.map((stage, at) => {
    if (at > index + 1 || stage.endedAtMs !== null) return stage;
    if (at === index + 1) return { ...stage, startedAtMs: stage.startedAtMs ?? atMs };
    const begunAtMs = at === 0 ? lastByteAtMs : null;
    return {
      ...stage,
      startedAtMs: stage.startedAtMs ?? begunAtMs ?? atMs,
      endedAtMs: atMs,
      paceAtEnd: pace,
    };
  });
}
