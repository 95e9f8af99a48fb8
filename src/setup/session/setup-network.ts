import type { Emit } from '../../core/events.ts';
import type { Artefact } from '../../shipped/lock.ts';
import type { FetchOptions } from '../../store/fetch.ts';
import { takeStock } from '../../store/stock.ts';
import type { ArtefactStore } from '../../store/store.ts';
import { CancelledError, SetupError } from '../../support/errors.ts';
import { SHOW_SETTINGS } from '../../support/remedies.ts';
import { redactorFor } from '../../support/text/environment-secrets.ts';
import type { Redactor } from '../../support/text/redaction.ts';
import type { NetworkSession, NetworkSessionOptions } from './network-session.ts';
import type { SourceProbe } from './source-probes.ts';

/**
 * The network of one setup, from the plan to the end of the transfer. Settings and the HTTP code are loaded
 * on first use: when everything is in the store, nothing is loaded and an invalid setting does no harm. Close
 * it when the setup is over.
 */
export interface SetupNetwork {
  /**
   * Knows the secrets of the environment, which children inherit, and those of the settings once they are
   * read.
   */
  readonly redactor: Redactor;
  /**
   * @throws SetupError of class network when a setting is not a valid address; CancelledError when it is
   * closed.
   */
  open(): Promise<NetworkSession>;
  /** See `probeSources`. */
  probe(artefact: Artefact, signal: AbortSignal | undefined): Promise<SourceProbe>;
  /** See `hostsOfPackages`. */
  hostsOf(packages: readonly Artefact[], signal: AbortSignal | undefined): Promise<string[]>;
  /** Why the sources of these artefacts could not be used, for those that were probed and had none. */
  failuresOf(artefacts: readonly Artefact[]): readonly SetupError[];
  /** Fetches missing artefacts into the store, each from the first source that has it; see `fetchMissing`. */
  fetch(
    store: ArtefactStore,
    artefacts: readonly Artefact[],
    emit: Emit,
    signal?: AbortSignal,
    options?: Pick<FetchOptions, 'hasNextSource' | 'durableFromBytes'>,
  ): Promise<{ downloadedBytes: number }>;
  /** Adds ignored settings to a network failure: they may be the cause. */
  explain(error: unknown): void;
  /** From now on only these hosts are contacted; any other is refused. */
  holdToHosts(hosts: readonly string[]): void;
  /** Ignored settings, of those read so far. */
  warnings(): readonly string[];
  verdicts(): readonly string[];
  /** Caches the index pages for the next run. Requires write access. */
  keepPages(path: string): Promise<void>;
  egress(): { host: string; bytes: number }[];
  close(): Promise<void>;
}

/** Reads nothing yet. */
export function setupNetwork(options: Omit<NetworkSessionOptions, 'redactor'>): SetupNetwork {
  const redactor = redactorFor(options.env);
  let opening: Promise<NetworkSession> | null = null;
  let session: NetworkSession | null = null;
  let plannedHosts: readonly string[] | null = null;
  let isClosed = false;
  const lostProbes = new Map<string, readonly SetupError[]>();

  async function openSession(): Promise<NetworkSession> {
    const { openNetworkSession } = await import('./network-session.ts');
    session = await openNetworkSession({ ...options, redactor });
    if (plannedHosts) session.holdToHosts(plannedHosts);
    return session;
  }

  async function open(): Promise<NetworkSession> {
    if (isClosed) throw new CancelledError();
    opening ??= openSession();
    const opened = await opening;
    // It may have been closed in the meantime, and connections of a closed session are never ended.
    if (isClosed) throw new CancelledError();
    return opened;
  }

  function explain(error: unknown): void {
    const warnings = session?.profile.warnings ?? [];
    if (warnings.length === 0 || !(error instanceof SetupError) || error.failureClass !== 'network') return;
    error.explain(
      warnings.map((warning) => `note: ${warning}`),
      [SHOW_SETTINGS],
    );
  }

  return {
    redactor,
    open,
    async probe(artefact, signal) {
      const [opened, { probeSources }] = await Promise.all([open(), import('./source-probes.ts')]);
      const probe = await probeSources(opened, artefact, signal);
      if (probe.place === null) lostProbes.set(artefact.sha256, probe.failures);
      return probe;
    },
    async hostsOf(packages, signal) {
      const [opened, { hostsOfPackages }] = await Promise.all([open(), import('./source-probes.ts')]);
      return hostsOfPackages(opened, packages, signal);
    },
    failuresOf: (artefacts) => artefacts.flatMap(({ sha256 }) => lostProbes.get(sha256) ?? []),
    async fetch(store, artefacts, emit, signal, more = {}) {
      const missing = await takeStock({ artefacts, store, emit, signal });
      if (missing.length === 0) return { downloadedBytes: 0 };
      const [opened, { fetchMissing }] = await Promise.all([open(), import('../../store/fetch.ts')]);
      const { client, profile, index, sourcesOf } = opened;
      const from = { client, profile, index, sourcesOf };
      return fetchMissing({ ...from, artefacts: missing, store, emit, signal, ...more }).catch((error) => {
        explain(error);
        throw error;
      });
    },
    explain,
    holdToHosts(hosts) {
      plannedHosts = hosts;
      session?.holdToHosts(hosts);
    },
    warnings: () => session?.profile.warnings ?? [],
    async keepPages(path) {
      const pages = await session?.index.pagesToKeep();
      if (!pages) return;
      const { writeKeptPages } = await import('../../network/index/kept-pages.ts');
      await writeKeptPages(path, pages);
    },
    verdicts: () => session?.verdicts() ?? [],
    egress: () => session?.egress() ?? [],
    async close() {
      isClosed = true;
      const opened = await opening?.catch(() => null);
      await opened?.close();
    },
  };
}
