/** A file that an install needs, identified by its digest. Sizes in bytes; `null` is unknown. */
export interface PlannedArtefact {
  file: string;
  kind: 'uv' | 'python' | 'wheel' | 'model';
  sha256: string;
  sizeBytes: number | null;
  unpackedBytes: number | null;
}

/**
 * How uv gets to `path`: named by the user, already in place, fetched, or provided by the embedding program.
 */
export type PlannedUv =
  | { kind: 'given' | 'ensure'; path: string }
  | { kind: 'here'; path: string; isPinned: boolean }
  | { kind: 'fetch'; path: string; artefact: PlannedArtefact };

export type PlannedPython =
  | { kind: 'system'; version: string; target: string; path: string }
  | {
      kind: 'managed';
      version: string;
      target: string;
      archive: PlannedArtefact;
      presence: 'unpacked' | 'stored' | 'fetch';
      unpackedDir: string | null;
    };

export interface PlannedModel {
  folder: string;
  repository: string;
  revision: string;
  isHere: boolean;
  files: readonly PlannedArtefact[];
  /** In the order they are tried. */
  sources: readonly {
    origin: { from: string; place: string };
    form: 'files' | 'container';
    artefacts: readonly PlannedArtefact[];
  }[];
}

/** The complete plan as data, printed by `ktx setup --dry-run --json` for scripts and auditors. */
export interface PlannedInstall {
  cliVersion: string;
  runtimeRoot: string;
  features: readonly string[];
  environmentDir: string;
  wheel: { file: string; sha256: string };
  uv: PlannedUv;
  /** `null` for a wheel without a lock: uv resolves it online. */
  locked: {
    lockSha256: string;
    requirementsSha256: string;
    python: PlannedPython;
    wheels: readonly PlannedArtefact[];
    /** Interpreter and wheels that must be in the store, including those already there. */
    toFetch: readonly PlannedArtefact[];
    model: PlannedModel | null;
  } | null;
  /** Every host that will be contacted. */
  hosts: readonly string[];
  /** How much is written where. */
  diskNeeds: readonly { what: string; path: string; bytes: number | null }[];
}
