import type { FailureClass } from '../support/errors.ts';
import { harmlessLines, harmlessValue } from '../support/harmless.ts';
import type { LineBatch } from '../support/line-batch.ts';
import { programName } from '../support/program-name.ts';
import type { Remedy } from '../support/remedy.ts';
import type { PlannedInstall } from './planned-install.ts';

/** The steps of a setup, in order. Each is implemented in `src/setup/build/`. */
export const SETUP_STEPS = ['plan', 'fetch', 'python', 'packages', 'prove', 'switch'] as const;
export type SetupStep = (typeof SETUP_STEPS)[number];

export type ArtefactKind = 'uv' | 'python' | 'wheel' | 'model';

/**
 * One row of the plan: what is needed, where it comes from, how large it is. Sizes in bytes; `null` is
 * unknown, never zero.
 */
export interface PlanRow {
  id: 'uv' | 'python' | 'packages' | 'model' | 'environment';
  label: string;
  /**
   * `here`: nothing to fetch. `fetch`: comes over the network or from a directory. `make`: built on this
   * machine.
   */
  action: 'here' | 'fetch' | 'make';
  /** In words: `your package index`, `official builds`, `already here`. */
  from: string;
  /** The host or folder it comes from. */
  place: string;
  downloadBytes: number | null;
  diskBytes: number | null;
  /** Sources that were tried and rejected, with the reason, one line each. */
  rejected: readonly string[];
}

/** What an install will do, computed up front. The install must not deviate from it. */
export interface PlanSummary {
  features: readonly string[];
  /** Target key of the lock, such as `linux-x64-gnu-cp313`. */
  target: string;
  python: { kind: 'managed' | 'system'; version: string; path: string | null };
  rows: readonly PlanRow[];
  /** Hosts that will be contacted, sorted. */
  hosts: readonly string[];
  /** uv will contact further hosts that it finds itself. Only for a wheel without a lock. */
  hasOpenHosts?: boolean;
  /** Files to fetch, without those already here. */
  fileCount: number | null;
  downloadBytes: number | null;
  diskBytes: number | null;
  freeBytes: number | null;
  environmentPath: string;
  /**
   * Explains surprising parts of the plan: `Python 3.13.14 cannot be reached; the system's 3.11.2 is used`.
   */
  notes: readonly string[];
}

/** Everything that happens is reported as one of these. `at` is ISO-8601 UTC. */
export type SetupEvent = { at: string } & SetupEventBody;

export type SetupEventBody =
  | { type: 'step'; step: SetupStep; status: 'started' | 'finished'; detail?: string; durationMs?: number }
  | { type: 'step'; step: SetupStep; status: 'failed'; detail: string; durationMs: number }
  /**
   * Complete lines printed by a child, secrets masked. Batched, so that a flood costs one event per chunk and
   * not one per line.
   */
  | { type: 'lines'; step: SetupStep; stream: 'stdout' | 'stderr' | 'ktx'; lines: readonly string[] }
  /** Progress in bytes of one artefact. Sent at most ten times a second and once at the end. */
  | {
      type: 'bytes';
      step: SetupStep;
      file: string;
      artefactKind: ArtefactKind;
      doneBytes: number;
      totalBytes: number | null;
    }
  /** An artefact was verified and is in the store. */
  | {
      type: 'artefact';
      step: SetupStep;
      file: string;
      artefactKind: ArtefactKind;
      sha256: string;
      sizeBytes: number;
      /** Host or folder it came from; `store` when it was already there. */
      place: string;
      isCached: boolean;
    }
  /** uv's own progress messages, parsed: `resolved 15 packages`, `installed 15 packages`. */
  | {
      type: 'uv';
      step: SetupStep;
      phase: UvPhase;
      count: number | null;
      name: string | null;
      durationMs: number | null;
    }
  /**
   * A source failed during the download; the next one replaces its remaining files. A note says the same in
   * words.
   */
  | {
      type: 'source';
      step: SetupStep;
      /** In words: `embedding model`. */
      what: string;
      lost: { from: string; place: string; reason: string };
      next: { from: string; place: string };
      /** Files that are no longer expected; files that already arrived are not included. */
      dropped: readonly { file: string; sizeBytes: number | null }[];
      added: readonly { file: string; sizeBytes: number | null }[];
    }
  | { type: 'note'; step: SetupStep; level: 'info' | 'warning'; text: string }
  | { type: 'plan'; plan: PlanSummary }
  | { type: 'check'; check: CheckResult }
  | { type: 'failure'; failure: FailureReport }
  /** The end of a dry run: nothing was changed. */
  | { type: 'dry-run'; plan: PlannedInstall }
  | { type: 'done'; result: SetupResult };

export type UvPhase =
  | 'using-python'
  | 'creating-environment'
  | 'resolved'
  | 'downloading'
  | 'downloaded'
  | 'building'
  | 'built'
  | 'prepared'
  | 'uninstalled'
  | 'installed'
  | 'checked'
  | 'package-added'
  | 'package-removed'
  | 'python-installed'
  | 'warning'
  | 'error'
  | 'hint';

export type CheckStatus = 'pass' | 'warn' | 'fail' | 'could-not-check' | 'skipped';

export interface CheckResult {
  id: string;
  group: string;
  label: string;
  status: CheckStatus;
  detail: string;
  /** The next command, when there is one: the command of the first of `remedies`. */
  fix?: string;
  /** Ids of repairs that help from here, best first. */
  repairs?: readonly string[];
  /** The cause's id, as failures use it, where one applies. */
  cause?: string;
  /** Fixes, best first. */
  remedies?: readonly Remedy[];
  durationMs: number;
}

/** The content of a failure, shared by the failure screen, plain output and JSON. */
export interface FailureReport {
  step: SetupStep | null;
  failureClass: FailureClass;
  /** One sentence: what happened. */
  title: string;
  /** Why: what was seen. */
  evidence: readonly string[];
  /** The texts of `remedies`. */
  nextSteps: readonly string[];
  /** One of the causes known to `src/failure/diagnosis.ts`, for programs: `tls-interception`, `disk-full`. */
  cause?: string;
  /** The `host[:port]` or folder concerned. */
  host?: string | null;
  /** What to do, best first, as data that a program can execute. */
  remedies?: readonly Remedy[];
  /** `ktx 0.2.0 (core) still works.` or `Nothing was changed.` */
  untouched: string;
  logPath: string | null;
}

export interface SetupResult {
  status: 'ready' | 'installed';
  cliVersion: string;
  features: readonly string[];
  pythonPath: string;
  /** In words: `Python 3.11.2 of the system (/usr/bin/python3.11)`. */
  pythonLabel: string;
  daemonPath: string;
  manifestPath: string;
  logPath: string;
  durationMs: number;
  downloadedBytes: number;
  /** Bytes received from each host, largest first. */
  egress: readonly { host: string; bytes: number }[];
}

export type OnEvent = (event: SetupEvent) => void;

/** Where a `lines` event that was made from a batch has it. */
const BATCH = Symbol('batch');
type WithBatch = { [BATCH]?: LineBatch };

/** A `lines` event that splits its batch only when `lines` is read: most of a flood never is. */
export function linesBody(step: SetupStep, stream: 'stdout' | 'stderr', batch: LineBatch): SetupEventBody {
  return withLazyLines({ type: 'lines', step, stream } as const, batch);
}

/** The plain batch behind a `lines` event, for readers that keep only its end; otherwise `null`. */
export function batchOfEvent(event: SetupEventBody): LineBatch | null {
  const batch = (event as WithBatch)[BATCH];
  // Plain lines are harmless as bytes, but may call the program by a name that its embedder replaced.
  return batch !== undefined && batch.plainBytes !== null && programName() === 'ktx' ? batch : null;
}

/** One getter for all events: V8 keeps a getter made for one object, and all that it refers to, until a full collection. */
const LAZY_LINES: PropertyDescriptor & ThisType<Required<WithBatch>> = {
  enumerable: true,
  get() {
    return harmlessLines(this[BATCH].lines);
  },
};

function withLazyLines<Head extends object>(head: Head, batch: LineBatch) {
  Object.defineProperty(head, BATCH, { value: batch });
  return Object.defineProperty(head, 'lines', LAZY_LINES) as Head & { lines: readonly string[] };
}

/** Timestamps events, sanitises all their text and passes them on. `now` is injected by tests only. */
export function eventEmitter(onEvent: OnEvent | undefined, now: () => Date = () => new Date()) {
  return (body: SetupEventBody): void => {
    const at = now().toISOString();
    const batch = body.type === 'lines' ? (body as WithBatch)[BATCH] : undefined;
    if (batch !== undefined && body.type === 'lines') {
      const { type, step, stream } = body;
      onEvent?.(withLazyLines({ at, type, step, stream }, batch));
    } else onEvent?.({ at, ...harmlessValue(body) } as SetupEvent);
  };
}
export type Emit = ReturnType<typeof eventEmitter>;
