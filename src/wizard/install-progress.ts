import type { ArtefactKind, SetupStep } from '../core/events.ts';

export type InstallStep = Exclude<SetupStep, 'plan'>;

/** What a step takes beside the bytes that come over the network, in milliseconds. */
export type StepCosts = Readonly<Record<InstallStep, number>>;

export interface StepProgress {
  step: InstallStep;
  status: 'waiting' | 'running' | 'finished' | 'failed';
  startedAtMs: number | null;
  durationMs: number | null;
  detail: string;
}

export interface FileProgress {
  kind: ArtefactKind;
  doneBytes: number;
  totalBytes: number | null;
  isDone: boolean;
  isCached: boolean;
}

/** What is known of a running installation, made of its events alone. */
export interface InstallProgress {
  startedAtMs: number;
  steps: readonly StepProgress[];
  files: ReadonlyMap<string, FileProgress>;
  /** Files to fetch by plan, `null` when the plan does not say. */
  fileCount: number | null;
  /** Bytes to fetch by plan, `null` when the plan does not say. */
  totalBytes: number | null;
  /** Bytes that came over the wire in this run. */
  doneBytes: number;
  bytesPerSecond: number | null;
  speedSample: { atMs: number; bytes: number; weight: number } | null;
  lastByteAtMs: number | null;
  /** What the steps will take beside the transfer. */
  costs: StepCosts;
  /** Hosts and folders by what comes from them. */
  places: Readonly<Partial<Record<ArtefactKind, string>>>;
  /** The bar, 0 to 1: the part of all steps that is done. It never goes back. */
  share: number;
}
