import { eventEmitter, type OnEvent } from '../../core/events.ts';
import { managedRuntimeRoot, networkSettingsPath, sharedLayout } from '../../core/layout.ts';
import { withoutPort } from '../../network/address/address.ts';
import { isAmongHosts } from '../../network/address/host-patterns.ts';
import { readKeptPages } from '../../network/index/kept-pages.ts';
import { createPackageIndex, type PackageIndex } from '../../network/index/package-index.ts';
import { projectOfFile } from '../../network/index/simple-index.ts';
import {
  type NetworkProfile,
  type NetworkProfileOptions,
  readNetworkProfile,
} from '../../network/settings/profile.ts';
import { createHttpClient, type HttpClient } from '../../network/transport/http-client.ts';
import type { Artefact, RuntimeLock } from '../../shipped/lock.ts';
import { type ArtefactSource, sourcesFor } from '../../store/sources.ts';
import { redactorFor } from '../../support/text/environment-secrets.ts';
import type { Redactor } from '../../support/text/redaction.ts';
import { MANAGED_UV_VERSION } from '../../uv/release.ts';

/** The network state of one setup. Close it when the setup is over. */
export interface NetworkSession {
  profile: NetworkProfile;
  client: HttpClient;
  index: PackageIndex;
  redactor: Redactor;
  sourcesOf(artefact: Artefact): ArtefactSource[];
  /** Hosts that files of the public index led to, by the host in their address. */
  publicHops: Map<string, Promise<readonly string[]>>;
  /** Starts reading the index pages of packages without waiting. Errors surface where the pages are needed. */
  readAhead(packages: readonly Artefact[]): void;
  /** From now on only these hosts are contacted; any other is refused. */
  holdToHosts(hosts: readonly string[]): void;
  /** Reports a source's answer as an event and to the log; each text once. */
  tell(verdict: string): void;
  verdicts(): readonly string[];
  egress(): { host: string; bytes: number }[];
  close(): Promise<void>;
}

export interface NetworkSessionOptions {
  env: NodeJS.ProcessEnv;
  homeDir: string;
  indexUrl?: string;
  isOffline?: boolean;
  allowedHosts?: readonly string[];
  /** Whose `network.json` is read; default as in `managedRuntimeRoot`. */
  runtimeRoot?: string;
  /** See `readNetworkProfile`. */
  onUnusable?: NetworkProfileOptions['onUnusable'];
  lock: RuntimeLock | null;
  onEvent?: OnEvent;
  signal?: AbortSignal;
  /** Receives the secrets of the settings; by default a new one is created. */
  redactor?: Redactor;
}

/** Reads the settings; contacts no host. */
export async function openNetworkSession(options: NetworkSessionOptions): Promise<NetworkSession> {
  const profile = await readNetworkProfile({
    ...options,
    storedPath: networkSettingsPath(managedRuntimeRoot(options)),
  });
  const { redactor = redactorFor(options.env) } = options;
  const emit = eventEmitter(options.onEvent);
  const verdicts = new Set<string>();
  let isClosed = false;
  let plannedHosts: ReadonlySet<string> | null = null;
  const allowedHosts = new Set(options.allowedHosts);
  const client = createHttpClient(profile, {
    redactor,
    isHostAllowed: (host) =>
      plannedHosts === null ||
      isAmongHosts(plannedHosts, host) ||
      isAmongHosts(allowedHosts, withoutPort(host)),
    allowedHosts: [...allowedHosts],
  });
  const releases = {
    pythonBuild: options.lock?.python.build,
    uvVersion: MANAGED_UV_VERSION,
    model: options.lock?.models?.['local-embeddings'],
  };
  const index = createPackageIndex(client, profile, options.signal, async () =>
    readKeptPages(sharedLayout(managedRuntimeRoot(options)).indexPagesPath),
  );
  return {
    profile,
    client,
    index,
    redactor,
    publicHops: new Map(),
    sourcesOf: (artefact) => sourcesFor(artefact, profile, releases),
    readAhead(packages) {
      for (const artefact of packages)
        index.findFile({ ...artefact, project: projectOfFile(artefact.file) }).catch(() => {});
    },
    holdToHosts: (hosts) => {
      plannedHosts = new Set(hosts);
    },
    tell(verdict) {
      // Requests that fail after closing were aborted by us, which says nothing about the host.
      if (isClosed || verdicts.has(verdict)) return;
      verdicts.add(verdict);
      emit({ type: 'note', step: 'plan', level: 'info', text: verdict });
    },
    verdicts: () => [...verdicts],
    egress: () => client.egress(),
    close: () => {
      isClosed = true;
      return client.close();
    },
  };
}
