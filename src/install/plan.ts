import { projectOfFile } from '../network/simple-index.ts';
import type { ManagedRuntimeAsset } from '../runtime/asset.ts';
import { verifyRuntimeAsset } from '../runtime/asset.ts';
import { featuresSatisfy, type KtxRuntimeFeature, normaliseFeatures } from '../runtime/features.ts';
import {
  type ManagedPythonRuntimeLayout,
  managedPythonRuntimeLayout,
  sharedLayout,
} from '../runtime/layout.ts';
import type { Artefact, RuntimeLock } from '../runtime/lock.ts';
import { type LockedAsset, readLockedAsset } from '../runtime/locked-asset.ts';
import { type InstalledKtxRuntimeManifest, readInstalledManifest } from '../runtime/manifest.ts';
import { withInstalledPaths } from '../runtime/status.ts';
import { detectHost, type HostPlatform, lockedMinors, targetKey } from '../runtime/target.ts';
import type { ManagedPythonRuntimeInstallOptions } from '../runtime/types.ts';
import { fetchArtefacts } from '../store/fetch.ts';
import { type ArtefactStore, openStore } from '../store/store.ts';
import { SetupError } from '../support/errors.ts';
import type { Emit } from '../support/events.ts';
import { pathExists } from '../support/path-exists.ts';
import { type EnsureManagedUvOptions, ensureManagedUv, managedUvPath } from '../uv/acquire.ts';
import { MANAGED_UV_VERSION } from '../uv/release.ts';
import { assertDiskSpace, assertWritableFolder, freeBytesAt } from './disk.ts';
import type { InstallJob, LockedInstall } from './job.ts';
import { type NetworkSession, openNetworkSession } from './network-session.ts';
import { artefactsOf } from './overview.ts';
import { type Origin, summarisePlan } from './plan-summary.ts';
import { choosePython, type PythonDecision, unavailability } from './python-choice.ts';
import type { SetupOptions } from './setup-options.ts';
import { probeSources, type SourceProbe } from './source-probes.ts';
import { newEnvironmentDir } from './switch.ts';
import { inspectUvBinary, installUvFrom, refuseUnknownUv, uvPinsFor } from './uv-binary.ts';

export type PrepareOptions = Omit<SetupOptions, 'env' | 'homeDir'> &
  Pick<ManagedPythonRuntimeInstallOptions, 'exec' | 'fetchUvArtifact' | 'platform'> & {
    env: NodeJS.ProcessEnv;
    homeDir: string;
  };

export type Prepared =
  | {
      status: 'ready';
      layout: ManagedPythonRuntimeLayout;
      asset: ManagedRuntimeAsset;
      manifest: InstalledKtxRuntimeManifest;
    }
  | {
      status: 'install';
      summary: ReturnType<typeof summarisePlan>;
      job: InstallJob;
      session: NetworkSession;
    };

/**
 * Decides everything about an install and changes nothing. The reuse path comes first: it reads the bundled wheel and
 * the installed manifest, and neither starts a process nor asks a host.
 */
export async function prepareInstall(options: PrepareOptions): Promise<Prepared> {
  const layout = managedPythonRuntimeLayout(options);
  const asset = await verifyRuntimeAsset({ assetDir: layout.assetDir });
  // An invalid manifest is a reason to install anew, not to refuse.
  const present = await readInstalledManifest(layout.manifestPath).catch(() => null);
  const requested = normaliseFeatures(options.features);
  if (!options.shouldForce && present && (await isReusable(present, layout, asset, requested))) {
    return { status: 'ready', layout: withInstalledPaths(layout, present), asset, manifest: present };
  }
  const carried = present?.cliVersion === options.cliVersion ? present.features : [];
  const features = normaliseFeatures([...requested, ...carried]);

  await assertWritableFolder(sharedLayout(layout.runtimeRoot).root);
  await assertWritableFolder(layout.versionDir);
  const [host, lockedAsset] = await Promise.all([detectHost(), readLockedAsset(layout.assetDir)]);
  const session = await openNetworkSession({ ...options, lock: lockedAsset?.lock ?? null });
  try {
    return await prepareWith({ options, layout, asset, present, features, host, lockedAsset, session });
  } catch (error) {
    await session.close();
    throw error;
  }
}

async function isReusable(
  present: InstalledKtxRuntimeManifest,
  layout: ManagedPythonRuntimeLayout,
  asset: ManagedRuntimeAsset,
  requested: readonly KtxRuntimeFeature[],
): Promise<boolean> {
  return (
    present.cliVersion === layout.cliVersion &&
    present.asset.wheel.sha256 === asset.manifest.wheel.sha256 &&
    featuresSatisfy(present.features, requested) &&
    (await pathExists(present.python.executable)) &&
    (await pathExists(present.python.daemonExecutable))
  );
}

interface PlanContext {
  options: PrepareOptions;
  layout: ManagedPythonRuntimeLayout;
  asset: ManagedRuntimeAsset;
  present: InstalledKtxRuntimeManifest | null;
  features: KtxRuntimeFeature[];
  host: HostPlatform;
  lockedAsset: LockedAsset | null;
  session: NetworkSession;
}

async function prepareWith(context: PlanContext): Promise<Prepared> {
  const { options, layout, asset, features, host, session } = context;
  const shared = sharedLayout(layout.runtimeRoot);
  const store = openStore(shared.storeDir);
  const [uv, locked] = await Promise.all([planUv(context, store), planLocked(context, store)]);
  const environmentDir = newEnvironmentDir(layout.versionDir);
  const freeBytes = await freeBytesAt(layout.runtimeRoot);
  const hosts = [...uv.hosts, ...(locked?.hosts ?? [])];
  const summary = summarisePlan({
    features,
    environmentPath: environmentDir,
    freeBytes,
    uv: { version: MANAGED_UV_VERSION, ...uv },
    locked,
    requiresPython: asset.requiresPython.minimumVersion,
    hosts,
    notes: [...session.profile.warnings, ...(locked?.python.notes ?? [])],
  });
  if (!options.shouldIgnoreDisk && !options.exec)
    assertDiskSpace(layout.runtimeRoot, summary.diskBytes, freeBytes);
  if (locked) session.holdToHosts(summary.hosts);
  const fetch: LockedInstall['fetch'] = (emit, signal) =>
    fetchInto(store, session, locked?.toFetch ?? [], emit, signal);
  const job: InstallJob = {
    layout,
    shared,
    host,
    asset,
    features,
    environmentDir,
    present: context.present,
    locked: locked && {
      lock: locked.lock,
      python: locked.python,
      requirements: locked.requirements,
      wheels: locked.wheels,
      store,
      fetch,
    },
    env: options.env,
    acquireUv: uv.acquire,
    exec: options.exec,
    redactor: session.redactor,
  };
  return { status: 'install', summary, job, session };
}

function fetchInto(
  store: ArtefactStore,
  session: NetworkSession,
  artefacts: readonly Artefact[],
  emit: Emit,
  signal?: AbortSignal,
): Promise<{ downloadedBytes: number }> {
  const { client, profile, index, sourcesOf } = session;
  return fetchArtefacts({ artefacts, store, client, profile, index, sourcesOf, emit, signal });
}

interface UvPlan {
  artefact: Artefact | null;
  origin: Origin;
  rejected: string[];
  hosts: string[];
  acquire: InstallJob['acquireUv'];
}

/** uv is here, or comes from: store, official mirror, GitHub, the uv wheel on the user's own package index. */
async function planUv({ options, host, session }: PlanContext, store: ArtefactStore): Promise<UvPlan> {
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
    return here('as given with --uv');
  }
  if (options.fetchUvArtifact || (options.exec && (await pathExists(uvPath)))) {
    // What is injected replaces the whole chain, and where commands are injected there is nothing real to hash.
    return {
      ...here('already here'),
      acquire: () => contractUv({ ...options, fetchArtifact: options.fetchUvArtifact }),
    };
  }
  const pins = uvPinsFor(host);
  const state = await inspectUvBinary(uvPath, pins, store);
  if (state === 'pinned' || (state === 'unknown' && !pins)) return here('already here');
  if (state === 'unknown') refuseUnknownUv(uvPath);
  if (!pins) return { ...here('already here'), acquire: () => contractUv(options) };

  for (const kept of [pins.archive, pins.wheel]) {
    if ((await store.verify(kept, options.signal)) !== 'ok') continue;
    const artefact = { ...kept, sizeBytes: 0 };
    return uvFrom(context(artefact), kept, { from: 'from the store', place: store.dir }, [], []);
  }
  const rejected: string[] = [];
  for (const artefact of [pins.archive, pins.wheel]) {
    const probe = await probeSources(session, artefact, options.signal);
    rejected.push(...probe.obstacles);
    if (probe.place === null) continue;
    const sized = { ...artefact, sizeBytes: artefact.sizeBytes ?? probe.sizeBytes };
    const origin = {
      from: artefact === pins.wheel ? indexWords(session) : 'official builds',
      place: probe.place,
    };
    return uvFrom(context(sized), sized, origin, rejected, probe.hosts);
  }
  throw noUv(uvPath, rejected, options.isOffline === true);

  function context(artefact: Artefact) {
    return { store, session, uvPath, artefact };
  }
}

function uvFrom(
  {
    store,
    session,
    uvPath,
    artefact,
  }: { store: ArtefactStore; session: NetworkSession; uvPath: string; artefact: Artefact },
  wanted: Artefact,
  origin: Origin,
  rejected: string[],
  hosts: string[],
): UvPlan {
  const acquire: UvPlan['acquire'] = async (emit, signal) => {
    const { downloadedBytes } = await fetchInto(store, session, [wanted], emit, signal);
    await installUvFrom(store, wanted, uvPath);
    return { uvPath, downloadedBytes };
  };
  return { artefact, origin, rejected, hosts, acquire };
}

async function contractUv(options: EnsureManagedUvOptions) {
  return { uvPath: await ensureManagedUv(options), downloadedBytes: 0 };
}

interface LockedPlan extends Omit<LockedInstall, 'fetch' | 'store'> {
  toFetch: Artefact[];
  missingWheels: Artefact[];
  pythonOrigin: Origin;
  wheelOrigin: Origin;
  hosts: string[];
}

async function planLocked(context: PlanContext, store: ArtefactStore): Promise<LockedPlan | null> {
  const { options, lockedAsset, session, host, features, layout } = context;
  if (!lockedAsset) return null;
  const { lock } = lockedAsset;
  if (!options.isOffline) await readPagesAhead(session, store, lock, host, features);
  let pythonProbe: SourceProbe | null = null;
  const python = await choosePython({
    choice: options.python ?? 'auto',
    lock,
    host,
    features,
    pythonDir: sharedLayout(layout.runtimeRoot).pythonDir,
    env: options.env,
    signal: options.signal,
    isStored: async (artefact) => (await store.verify(artefact, options.signal)) === 'ok',
    findObstacles: async (archive) => {
      pythonProbe = await probeSources(session, archive, options.signal);
      return pythonProbe.place === null ? pythonProbe.obstacles : [];
    },
  });
  const requirements = await lockedAsset.readRequirements(features);
  const wheels = artefactsOf(lock, python.target, features);
  // Hashed, so that the plan names what an altered file brings: its host, and its bytes.
  const missingWheels: Artefact[] = [];
  for (const wheel of wheels)
    if ((await store.verify(wheel, options.signal)) !== 'ok') missingWheels.push(wheel);
  const wheelProbe = missingWheels[0] ? await probeWheels(session, missingWheels, options) : null;
  const probe = pythonProbe as SourceProbe | null;
  if (python.kind === 'managed' && probe) python.archive.sizeBytes ??= probe.sizeBytes;
  return {
    lock,
    python,
    requirements,
    wheels,
    missingWheels,
    toFetch:
      python.kind === 'managed' && python.presence !== 'unpacked' ? [python.archive, ...wheels] : wheels,
    pythonOrigin: pythonOriginOf(python, probe),
    wheelOrigin: wheelProbe
      ? { from: indexWords(session), place: wheelProbe.place ?? '' }
      : { from: 'from the store', place: store.dir },
    hosts: [...(python.kind === 'managed' ? (probe?.hosts ?? []) : []), ...(wheelProbe?.hosts ?? [])],
  };
}

/**
 * Starts to read the index pages of what is missing, and does not wait: they are the same for every Python, and arrive
 * while interpreters and mirrors are still being asked. Problems show where the pages are needed.
 */
async function readPagesAhead(
  session: NetworkSession,
  store: ArtefactStore,
  lock: RuntimeLock,
  host: HostPlatform,
  features: readonly KtxRuntimeFeature[],
): Promise<void> {
  const minor = lockedMinors(lock, host).find(
    (candidate) => unavailability(lock, host, candidate, features) === null,
  );
  if (minor === undefined) return;
  for (const wheel of artefactsOf(lock, targetKey(host, minor), features)) {
    if (await store.has(wheel)) continue;
    session.index.findFile(projectOfFile(wheel.file), wheel.file, wheel.sha256).catch(() => {});
  }
}

/** The largest missing wheel stands for all: one probe shows the index, its file host and where it redirects to. */
async function probeWheels(
  session: NetworkSession,
  missing: readonly Artefact[],
  options: PrepareOptions,
): Promise<SourceProbe> {
  const [largest] = [...missing].sort((a, b) => (b.sizeBytes ?? 0) - (a.sizeBytes ?? 0));
  const probe = await probeSources(session, largest!, options.signal);
  if (probe.place !== null) return probe;
  throw new SetupError(`${missing.length} of the runtime's packages cannot be fetched.`, {
    failureClass: 'network',
    evidence: [`asked for ${largest!.file}`, ...probe.obstacles],
    nextSteps: [
      'Check the network and the proxy settings, then run: ktx setup',
      'Use another package index: ktx setup --index-url <url>',
    ],
  });
}

function pythonOriginOf(python: PythonDecision, probe: SourceProbe | null): Origin {
  if (python.kind === 'system') return { from: 'of this system', place: python.path };
  if (python.presence === 'unpacked') return { from: 'already here', place: '' };
  if (python.presence === 'stored') return { from: 'from the store', place: '' };
  return { from: 'official builds', place: probe?.place ?? '' };
}

function indexWords(session: NetworkSession): string {
  const origin = session.profile.indexes[0]?.origin;
  return origin === undefined || origin === 'default'
    ? 'public package index'
    : `your package index (${origin})`;
}

function missingUv(uvPath: string): SetupError {
  return new SetupError(`There is no uv at ${uvPath}.`, {
    failureClass: 'conflict',
    evidence: [`--uv ${uvPath}`],
    nextSteps: ['Give the path of a uv binary, or leave --uv out'],
  });
}

function noUv(uvPath: string, rejected: string[], isOffline: boolean): SetupError {
  return new SetupError(
    isOffline
      ? `uv ${MANAGED_UV_VERSION} is not here, and --offline forbids to fetch it.`
      : 'uv could not be fetched from anywhere.',
    {
      failureClass: 'network',
      evidence: rejected,
      nextSteps: [
        'Check the network and the proxy settings, then run: ktx setup',
        'Use another package index that has uv: ktx setup --index-url <url>',
        `Place the uv ${MANAGED_UV_VERSION} binary at ${uvPath}`,
      ],
    },
  );
}
