import { joinFailures } from '../../network/errors/joined-failures.ts';
import type { Artefact } from '../../shipped/lock.ts';
import type { HostPlatform } from '../../shipped/target.ts';
import type { ArtefactStore } from '../../store/store.ts';
import { headStart } from '../../support/async/head-start.ts';
import { SetupError } from '../../support/errors.ts';
import { pathExists } from '../../support/fs/path-exists.ts';
import { otherRemedy } from '../../support/remedies.ts';
import { type EnsureManagedUvOptions, ensureManagedUv, managedUvPath } from '../../uv/acquire.ts';
import {
  acceptPinnedUv,
  type InspectedUv,
  inspectUvBinary,
  installUvFrom,
  refuseUnknownUv,
  uvPinsFor,
} from '../../uv/binary.ts';
import { MANAGED_UV_VERSION } from '../../uv/release.ts';
import type { PrepareOptions } from '../request/install-types.ts';
import type { SetupNetwork } from '../session/setup-network.ts';
import type { SourceProbe } from '../session/source-probes.ts';
import { indexWords, type Origin } from './origin.ts';
import type { InstallJob } from './preparation.ts';
export interface UvPlan {
  artefact: Artefact | null;
  origin: Origin;
  rejected: string[];
  hosts: string[];
  acquire: InstallJob['acquireUv'];
}

interface UvPlanContext {
  options: PrepareOptions;
  host: HostPlatform;
  network: SetupNetwork;
}

/** uv is here, or comes from: store, official mirror, GitHub, the uv wheel on the user's own package index. */
export async function planUv(
  { options, host, network }: UvPlanContext,
  store: ArtefactStore,
): Promise<UvPlan> {
  const uvPath = options.uvPath ?? managedUvPath(options);
  const here = (from: string): UvPlan => ({
    artefact: null,
    origin: { from, place: uvPath },
    rejected: [],
    hosts: [],
    acquire: async () => ({ uvPath, downloadedBytes: 0 }),
  });
  if (options.uvPath) {
    if (!(await pathExists(uvPath))) throw missingUv(uvPath);
    const acquire = async () => ({ uvPath, downloadedBytes: 0, isGiven: true });
    return { ...here('as given with --uv'), acquire };
  }
  if (options.fetchUvArtifact || (options.exec && (await pathExists(uvPath)))) {
    // What is injected replaces the whole chain, and where commands are injected there is nothing real to hash.
    return {
      ...here('already here'),
      acquire: () => contractUv({ ...options, fetchArtifact: options.fetchUvArtifact }),
    };
  }
  const pins = uvPinsFor(host);
  const { state } = await inspectUvBinary(uvPath, pins, store);
  if (state === 'unknown' && !pins) return here('already here');
  if (state === 'pinned') {
    const acquire = async () => {
      await acceptPinnedUv(uvPath, pins, store);
      return { uvPath, downloadedBytes: 0 };
    };
    return { ...here('already here'), acquire };
  }
  if (state === 'unknown') refuseUnknownUv(uvPath);
  if (!pins) return { ...here('already here'), acquire: () => contractUv(options) };

  for (const kept of [pins.archive, pins.wheel]) {
    if ((await store.verify(kept, options.signal)) !== 'ok') continue;
    const artefact = { ...kept, sizeBytes: 0 };
    return uvFrom(context(artefact), kept, { from: 'from the store', place: store.dir }, [], []);
  }
  const probeOf = (artefact: Artefact) => (stop?: AbortSignal) => network.probe(artefact, stop);
  const wheelProbe = headStart(probeOf(pins.wheel), options.signal);
  try {
    const archive = await probeOf(pins.archive)(options.signal);
    if (archive.place !== null) return await takenFrom(pins.archive, archive, []);
    const wheel = await wheelProbe.take();
    if (wheel.place !== null) return await takenFrom(pins.wheel, wheel, archive.obstacles);
    // Nobody has it yet. Who is slow is waited for.
    const { firstAble } = await import('../session/source-probes.ts');
    const { winner, lost } = await firstAble([archive, wheel]);
    if (winner?.position === 0) return await takenFrom(pins.archive, winner.probe, []);
    if (winner) return await takenFrom(pins.wheel, winner.probe, archive.obstacles);
    const failures = lost.flatMap((probe) => probe.failures);
    throw noUv(uvPath, failures, { isOffline: options.isOffline === true, state });
  } finally {
    wheelProbe.drop();
  }

  async function takenFrom(pin: Artefact, probe: SourceProbe, rejected: readonly string[]): Promise<UvPlan> {
    const isWheel = pin === pins?.wheel;
    const sized = { ...pin, sizeBytes: pin.sizeBytes ?? probe.sizeBytes };
    const origin = {
      from: isWheel ? await indexWords(network) : 'official builds',
      place: probe.place ?? '',
    };
    return uvFrom(context(sized), sized, origin, [...rejected, ...probe.obstacles], probe.hosts);
  }

  function context(artefact: Artefact) {
    return { store, network, uvPath, artefact };
  }
}

function uvFrom(
  {
    store,
    network,
    uvPath,
    artefact,
  }: { store: ArtefactStore; network: SetupNetwork; uvPath: string; artefact: Artefact },
  wanted: Artefact,
  origin: Origin,
  rejected: string[],
  hosts: string[],
): UvPlan {
  const acquire: UvPlan['acquire'] = async (emit, signal) => {
    const { downloadedBytes } = await network.fetch(store, [wanted], emit, signal);
    await installUvFrom(store, wanted, uvPath);
    return { uvPath, downloadedBytes };
  };
  return { artefact, origin, rejected, hosts, acquire };
}

async function contractUv(options: EnsureManagedUvOptions) {
  return { uvPath: await ensureManagedUv(options), downloadedBytes: 0 };
}

function missingUv(uvPath: string): SetupError {
  return new SetupError(`There is no uv at ${uvPath}.`, {
    failureClass: 'conflict',
    evidence: [`--uv ${uvPath}`],
    nextSteps: ['Give the path of a uv binary, or leave --uv out'],
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
    : 'uv could not be fetched from anywhere.';
  const place = otherRemedy(`Place the uv ${MANAGED_UV_VERSION} binary at ${uvPath}`);
  const evidence = isAltered ? [`the uv at ${uvPath} is not as ktx put it there`] : [];
  return joinFailures(message, failures, { remedies: [place], evidence });
}
