import { stat } from 'node:fs/promises';
import { joinFailures } from '../../network/errors/joined-failures.ts';
import type { Artefact } from '../../shipped/lock.ts';
import type { HostPlatform } from '../../shipped/target.ts';
import type { ArtefactStore } from '../../store/store.ts';
import { headStart } from '../../support/async/head-start.ts';
import { SetupError } from '../../support/errors.ts';
import { pathExists } from '../../support/fs/path-exists.ts';
import { otherRemedy, USE_PINNED_UV } from '../../support/remedies.ts';
import { managedUvPath } from '../../uv/acquire.ts';
import { type InspectedUv, inspectUvBinary, refuseUnknownUv, uvPinsFor } from '../../uv/binary.ts';
import { MANAGED_UV_VERSION } from '../../uv/release.ts';
import type { PrepareOptions } from '../request/install-types.ts';
import type { SetupNetwork } from '../session/setup-network.ts';
import type { SourceProbe } from '../session/source-probes.ts';
import { indexWords } from './index-words.ts';
import type { Origin, UvAcquisition } from './install-plan.ts';

/** How uv gets installed, and how the plan presents it. */
export interface UvPlan {
  acquisition: UvAcquisition;
  /** What to fetch, or to take from the store with size 0; `null` when uv is already installed. */
  artefact: Artefact | null;
  origin: Origin;
  rejected: readonly string[];
  hosts: readonly string[];
}

interface UvPlanContext {
  options: PrepareOptions;
  host: HostPlatform;
  network: SetupNetwork;
}

/**
 * uv is already installed or comes from, in order: store, official mirror, GitHub, the uv wheel on the user's
 * package index.
 */
export async function planUv(
  { options, host, network }: UvPlanContext,
  store: ArtefactStore,
): Promise<UvPlan> {
  const path = options.uvPath ?? managedUvPath(options);
  const nothingToFetch = (acquisition: UvAcquisition, from = 'already here'): UvPlan => ({
    acquisition,
    artefact: null,
    origin: { from, place: path },
    rejected: [],
    hosts: [],
  });
  if (options.uvPath) {
    const status = await stat(path).catch(() => null);
    if (status === null) throw missingUv(path, `There is no uv at ${path}.`);
    if (status.isDirectory()) throw missingUv(path, `${path} is a folder, not a uv.`);
    return nothingToFetch({ kind: 'given', path }, 'as given with --uv');
  }
  // An injected fetch replaces the whole chain, and with injected commands there is no real uv to hash.
  if (options.fetchUvArtifact || (options.exec && (await pathExists(path))))
    return nothingToFetch({ kind: 'ensure', path });
  const pins = uvPinsFor(host);
  const { state } = await inspectUvBinary(path, pins, store);
  if (state === 'unknown' && !pins) return nothingToFetch({ kind: 'here', path, isPinned: false });
  if (state === 'pinned') return nothingToFetch({ kind: 'here', path, isPinned: true });
  if (state === 'unknown') refuseUnknownUv(path);
  if (!pins) return nothingToFetch({ kind: 'ensure', path });

  for (const kept of [pins.archive, pins.wheel]) {
    if ((await store.verify(kept, options.signal)) !== 'ok') continue;
    return {
      acquisition: { kind: 'fetch', path, artefact: kept },
      artefact: { ...kept, sizeBytes: 0 },
      origin: { from: 'from the store', place: store.dir },
      rejected: [],
      hosts: [],
    };
  }
  const probeOf = (artefact: Artefact) => (stop?: AbortSignal) => network.probe(artefact, stop);
  const wheelProbe = headStart(probeOf(pins.wheel), options.signal);
  try {
    const archive = await probeOf(pins.archive)(options.signal);
    if (archive.place !== null) return await takenFrom(pins.archive, archive, []);
    const wheel = await wheelProbe.take();
    if (wheel.place !== null) return await takenFrom(pins.wheel, wheel, archive.obstacles);
    // No source has it yet. Wait for the slow hosts.
    const { firstAble } = await import('../session/source-probes.ts');
    const { winner, lost } = await firstAble([archive, wheel]);
    if (winner?.position === 0) return await takenFrom(pins.archive, winner.probe, []);
    if (winner) return await takenFrom(pins.wheel, winner.probe, archive.obstacles);
    const failures = lost.flatMap((probe) => probe.failures);
    throw noUv(path, failures, { isOffline: options.isOffline === true, state });
  } finally {
    wheelProbe.drop();
  }

  async function takenFrom(pin: Artefact, probe: SourceProbe, rejected: readonly string[]): Promise<UvPlan> {
    const artefact = { ...pin, sizeBytes: pin.sizeBytes ?? probe.sizeBytes };
    const from = pin === pins?.wheel ? await indexWords(network) : 'official builds';
    return {
      acquisition: { kind: 'fetch', path, artefact },
      artefact,
      origin: { from, place: probe.place ?? '' },
      rejected: [...rejected, ...probe.obstacles],
      hosts: probe.hosts,
    };
  }
}

function missingUv(uvPath: string, title: string): SetupError {
  return new SetupError(title, {
    failureClass: 'conflict',
    evidence: [`--uv ${uvPath}`],
    remedies: [USE_PINNED_UV, otherRemedy('Or give the path of a uv binary')],
  });
}

function noUv(
  uvPath: string,
  failures: readonly SetupError[],
  { isOffline, state }: { isOffline: boolean; state: InspectedUv['state'] },
): SetupError {
  const isAltered = state === 'altered';
  const lack = isAltered ? 'was altered' : 'is not here';
  const message = isOffline
    ? `uv ${MANAGED_UV_VERSION} ${lack}, and --offline forbids to fetch it.`
    : 'uv could not be downloaded from any source.';
  const place = otherRemedy(`Place the uv ${MANAGED_UV_VERSION} binary at ${uvPath}`);
  const evidence = isAltered ? [`the uv at ${uvPath} is not as ktx put it there`] : [];
  return joinFailures(message, failures, { remedies: [place], evidence });
}
