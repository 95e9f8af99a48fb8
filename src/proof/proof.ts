import { embeddingsModelDir } from '../core/model-folder-path.ts';
import type { StandstillLimits } from '../process/standstill.ts';
import { type InstalledKtxRuntimeManifest, isForeignWheel } from '../runtime/manifest.ts';
import { type WheelProof, wheelProofOf } from '../shipped/asset-schema.ts';

export interface ProofOptions {
  environmentDir: string;
  pythonPath: string;
  daemonPath: string;
  cliVersion: string;
  /** A foreign wheel, whose daemon need not prove that it knows its secret. */
  isForeign?: boolean;
  /** How another program's wheel is proved, from its manifest. */
  wheelProof?: WheelProof;
  /** Folder of the embedding model; if set, the proof includes a vector. */
  modelDir?: string;
  env: NodeJS.ProcessEnv;
  /** Keep the children from writing bytecode into the environment. */
  isReadOnly?: boolean;
  signal?: AbortSignal;
  /** When a daemon counts as failed; for tests. */
  limits?: StandstillLimits;
  /** Masks secrets in the output of the children. */
  mask?: (text: string) => string;
  /** Called for every child, see `runProcess`. */
  onSpawn?: (pid: number, mark: string) => void;
  onLines?: (stream: 'stdout' | 'stderr', lines: string[]) => void | Promise<void>;
  /** Called for each part of the proof as soon as it succeeds. */
  onProven?: (part: ProvenPart) => void;
  /** Told of the end of a daemon that has proved itself, which the proof then does not wait for, soon. Never rejects. */
  onEnding?: (ended: Promise<void>) => void;
}

/** One proven property of an environment: `SQL is analysed`. */
export interface ProvenPart {
  id: 'python' | 'imports' | 'daemon' | 'analysis' | 'vector';
  label: string;
  detail: string;
}

/**
 * The proof options recorded in an installed environment. A foreign wheel has its own way to embed, and its
 * own model.
 */
export function proofOf(
  { locked, features, asset }: Pick<InstalledKtxRuntimeManifest, 'locked' | 'features' | 'asset'>,
  runtimeRoot: string,
): Pick<ProofOptions, 'isForeign' | 'modelDir' | 'wheelProof'> {
  const wheelProof = wheelProofOf(asset);
  const isForeign = isForeignWheel({ locked, asset });
  const hasModel = !isForeign && features.includes('local-embeddings');
  return { isForeign, wheelProof, modelDir: hasModel ? embeddingsModelDir(runtimeRoot) : undefined };
}

export interface Proof {
  pythonVersion: string;
  daemon: DaemonProof;
}

/** What a daemon demonstrated. */
export interface DaemonProof {
  /** False for a wheel without a server: its command only has to exist. */
  isServing?: false;
  /** How many tables it found in the reference statement; null for a foreign wheel. */
  tableCount: number | null;
  hasVector: boolean;
  /**
   * Version of the interpreter that answered, if the daemon identified itself as belonging to this
   * environment; its process has imported both packages.
   */
  pythonVersion?: string;
}

/**
 * What a daemon demonstrated, as one clause: "answered /health and analysed a statement (2 tables found)".
 */
export function daemonEvidence({ isServing, tableCount, hasVector }: DaemonProof): string {
  if (isServing === false) return 'is there, and serves nothing';
  const deeds = ['answered /health'];
  if (tableCount !== null) deeds.push(`analysed a statement (${tableCount} tables found)`);
  if (hasVector) deeds.push('computed the reference vector');
  const last = deeds.pop()!;
  return deeds.length > 0 ? `${deeds.join(', ')} and ${last}` : last;
}
