import { featuresSatisfy } from '../../core/features.ts';
import { sharedLayout } from '../../core/layout.ts';
import { assertDaemonSettings } from '../../daemon/settings.ts';
import { withPatterns } from '../../network/address/host-patterns.ts';
import { mostRelevantFailure } from '../../network/errors/joined-failures.ts';
import { choosePython, type PythonChoice, type PythonDecision } from '../../python/python-choice.ts';
import { describeEarlier, newEnvironmentDir } from '../../runtime/environments.ts';
import { linkedEnvironments } from '../../runtime/installed-environment.ts';
import { readKnownFiles } from '../../runtime/known-files.ts';
import { assertLockablePath, readWriteMark } from '../../runtime/write-access.ts';
import { type Artefact, artefactsOf } from '../../shipped/lock.ts';
import { type LockedAsset, readLockedAsset } from '../../shipped/locked-asset.ts';
import { detectHost, type HostPlatform } from '../../shipped/target.ts';
import { type ArtefactStore, openStore } from '../../store/store.ts';
import { sideBySide } from '../../support/async/side-by-side.ts';
import { SetupError } from '../../support/errors.ts';
import { byHandThenRetry, otherRemedy } from '../../support/remedies.ts';
import { MANAGED_UV_VERSION } from '../../uv/release.ts';
import type { PrepareOptions } from '../request/install-types.ts';
import { type SetupNetwork, setupNetwork } from '../session/setup-network.ts';
import type { SourceProbe } from '../session/source-probes.ts';
import { asChosen, chosenNote, foreignChoice } from './chosen-python.ts';
import {
  assertDiskSpace,
  assertExecutableVolume,
  assertWritableFolder,
  freeBytesAt,
  volumeBudgets,
} from './disk.ts';
import { diskNeedsOf } from './disk-needs.ts';
import { indexWords } from './index-words.ts';
import type {
  InstallPlan,
  InstallPreparation,
  InstallReason,
  InstallTools,
  LockedPlan,
  Origin,
  Present,
} from './install-plan.ts';
import { planModel } from './plan-model.ts';
import { summarisePlan } from './plan-summary.ts';
import { planUv } from './plan-uv.ts';
import { askAhead, probeWheels } from './plan-wheels.ts';

/** @throws SetupError for a root where an install would fail, or whose environments would never be removed. */
async function assertUsableRoot(layout: Present['layout']): Promise<void> {
  assertLockablePath(layout.runtimeRoot, layout.cliVersion);
  const linked = await linkedEnvironments(layout.versionDir);
  if (linked === null) return;
  throw new SetupError(`${linked}.`, {
    failureClass: 'conflict',
    evidence: [layout.versionDir],
    remedies: [
      byHandThenRetry('Remove the link'),
      otherRemedy(
        'For a bigger disk, put the whole runtime there: --runtime-root <dir>, or a link in the place of its folder',
      ),
    ],
  });
}

/** The plan of a new environment, see `prepareInstall`. */
export async function planInstall(options: PrepareOptions, present: Present): Promise<InstallPreparation> {
  const { layout } = present;
  if (present.features.includes('local-embeddings')) assertDaemonSettings(options.env ?? process.env);
  const writeMark = await readWriteMark(layout.runtimeRoot);
  await assertWritableFolder(sharedLayout(layout.runtimeRoot).root);
  await assertWritableFolder(layout.versionDir);
  await assertUsableRoot(layout);
  if (!options.exec) await assertExecutableVolume(layout.runtimeRoot);
  const [host, lockedAsset] = await Promise.all([detectHost(), readLockedAsset(layout.assetDir)]);
  const network = setupNetwork({ ...options, lock: lockedAsset?.lock ?? null });
  try {
    // The flag's value must be validated even when nothing is fetched. And a uv that resolves packages reads
    // configuration whose secrets it may print.
    if (options.indexUrl !== undefined || lockedAsset === null) await network.open();
    return await prepareWith({ ...present, options, host, lockedAsset, network, writeMark });
  } catch (error) {
    network.explain(error);
    await network.close();
    throw error;
  }
}

interface PlanContext extends Present {
  options: PrepareOptions;
  host: HostPlatform;
  lockedAsset: LockedAsset | null;
  network: SetupNetwork;
  writeMark: string | null;
}

async function prepareWith(context: PlanContext): Promise<InstallPreparation> {
  const { options, layout, asset, features, host, network } = context;
  const shared = sharedLayout(layout.runtimeRoot);
  // Only the pinned uv is known to hash what it unpacks.
  const isOwnUv = !options.uvPath && !options.exec && !options.fetchUvArtifact;
  const store = openStore(shared.storeDir, isOwnUv ? await readKnownFiles(shared.root) : undefined);
  const withSignal = (signal: AbortSignal) => ({ ...context, options: { ...options, signal } });
  const [locked, uv] = await sideBySide(
    [(stop) => planLocked(withSignal(stop), store), (stop) => planUv(withSignal(stop), store)],
    options.signal,
  );
  const foreignPython = await foreignChoice(options);
  const environmentDir = newEnvironmentDir(layout.versionDir);
  const freeBytes = await freeBytesAt(layout.runtimeRoot);
  const reason = reasonOf(context, locked);
  const isLost = reason === 'damaged' || reason === 'first';
  const earlier = isLost ? await describeEarlier(layout.versionDir) : null;
  const summary = summarisePlan({
    features,
    environmentPath: environmentDir,
    freeBytes,
    uv: { version: MANAGED_UV_VERSION, ...uv },
    locked,
    requiresPython: asset.requiresPython.minimumVersion,
    hosts: withPatterns([...uv.hosts, ...(locked?.hosts ?? [])]),
    notes: [
      ...(earlier === null ? [] : [earlier]),
      ...network.warnings(),
      ...(locked?.python.notes ?? [
        ...(foreignPython.isKept ? [chosenNote(foreignPython.choice)] : []),
        ...FOREIGN_NOTES,
      ]),
    ],
  });
  const modelArchiveBytes = locked?.model?.archiveBytes ?? 0;
  const diskNeeds = diskNeedsOf(summary, shared, { env: options.env, modelArchiveBytes });
  if (!options.shouldIgnoreDisk && !options.exec) assertDiskSpace(await volumeBudgets(diskNeeds));
  network.holdToHosts(summary.hosts);
  const plan: InstallPlan = {
    layout,
    shared,
    host,
    asset,
    features,
    environmentDir,
    reason,
    uv: uv.acquisition,
    locked: locked && lockedPartOf(locked),
    foreignPython,
    hosts: summary.hosts,
    diskNeeds,
  };
  const tools: InstallTools = {
    env: locked ? options.env : { ...options.env, ...uvSettingsOf(options) },
    network,
    store,
    exec: options.exec,
    ensureUv: { ...options, fetchArtifact: options.fetchUvArtifact },
  };
  return { status: 'install', present: context.manifest, writeMark: context.writeMark, summary, plan, tools };
}

/** Why a new environment is needed, by priority. */
function reasonOf(
  { options, manifest, asset, features }: PlanContext,
  locked: LockedPlan | null,
): InstallReason {
  if (options.shouldForce) return 'forced';
  if (manifest === null) return 'first';
  const isOther = manifest.asset.wheel.sha256 !== asset.manifest.wheel.sha256;
  if (isOther || (manifest.locked && manifest.locked.lock !== locked?.digests.lock)) return 'update';
  return featuresSatisfy(manifest.features, features) ? 'damaged' : 'feature';
}

/** Drops what only the summary uses. */
function lockedPartOf({
  digests,
  python,
  pythonBuild,
  requirements,
  wheels,
  toFetch,
  model,
}: PlannedArtefacts): LockedPlan {
  return { digests, python, pythonBuild, requirements, wheels, toFetch, model };
}

/**
 * Settings given to ktx alone, for a uv that resolves packages; uv reads the user's own settings from the
 * environment.
 */
function uvSettingsOf({ indexUrl, isOffline }: PrepareOptions): NodeJS.ProcessEnv {
  return {
    ...(indexUrl ? { UV_DEFAULT_INDEX: indexUrl } : {}),
    ...(isOffline ? { UV_OFFLINE: '1' } : {}),
  };
}

const FOREIGN_NOTES = [
  'This wheel comes without a lock: uv itself finds the packages, unpinned, and what it fetches is in no record of ktx',
];

interface PlannedArtefacts extends LockedPlan {
  missingWheels: Artefact[];
  pythonOrigin: Origin;
  wheelOrigin: Origin;
  hosts: string[];
}

async function planLocked(context: PlanContext, store: ArtefactStore): Promise<PlannedArtefacts | null> {
  const { options, lockedAsset, network, host, features, layout } = context;
  if (!lockedAsset) return null;
  const { lock } = lockedAsset;
  const ahead = askAhead(context, lock, store);
  ahead.catch(() => {});
  // The same for every Python: hosts are probed, or files hashed, while the Python is being chosen.
  const modelPlan = planModel(features, {
    lock,
    runtimeRoot: layout.runtimeRoot,
    store,
    network,
    isOffline: options.isOffline === true,
    signal: options.signal,
  });
  modelPlan.catch(() => {});
  let pythonProbe: SourceProbe | null = null;
  const choose = (choice: PythonChoice) =>
    choosePython({
      choice,
      lock,
      host,
      features,
      pythonDir: sharedLayout(layout.runtimeRoot).pythonDir,
      env: options.env,
      // As root outside its home, the runtime is for other users too.
      isShared: process.getuid?.() === 0 && !`${layout.runtimeRoot}/`.startsWith(`${options.homeDir}/`),
      signal: options.signal,
      isStored: async (artefact) => (await store.verify(artefact, options.signal)) === 'ok',
      findObstacles: async (archive, isPatient) => {
        pythonProbe ??= await network.probe(archive, options.signal);
        if (isPatient) pythonProbe = await pythonProbe.settled();
        return pythonProbe.place === null ? pythonProbe.obstacles : [];
      },
    });
  const python = await asChosen(options, choose).catch((error: unknown) => {
    if (error instanceof SetupError) error.cause ??= mostRelevantFailure(pythonProbe?.failures ?? []);
    throw error;
  });
  const requirements = await lockedAsset.readRequirements(features);
  const wheels = artefactsOf(lock, python.target, features);
  // Verified by content, so that the plan includes the host and bytes of an altered file.
  const states = await Promise.all(wheels.map((wheel) => store.verify(wheel, options.signal)));
  const missingWheels = wheels.filter((_, position) => states[position] !== 'ok');
  const wheelProbe = missingWheels[0]
    ? await probeWheels(network, missingWheels, options, await ahead)
    : null;
  const model = await modelPlan;
  const probe = pythonProbe as SourceProbe | null;
  if (python.kind === 'managed' && probe) python.archive.sizeBytes ??= probe.sizeBytes;
  return {
    digests: lockedAsset.digestsFor(features),
    python,
    pythonBuild: lock.python.build,
    requirements,
    wheels,
    missingWheels,
    model,
    toFetch: [
      ...(python.kind === 'managed' && python.presence !== 'unpacked' ? [python.archive] : []),
      ...wheels,
    ],
    pythonOrigin: pythonOriginOf(python, probe),
    wheelOrigin: wheelProbe
      ? { from: await indexWords(network), place: wheelProbe.place ?? '' }
      : { from: 'from the store', place: store.dir },
    hosts: [
      ...(python.kind === 'managed' ? (probe?.hosts ?? []) : []),
      ...(wheelProbe?.hosts ?? []),
      ...(model?.hosts ?? []),
    ],
  };
}

function pythonOriginOf(python: PythonDecision, probe: SourceProbe | null): Origin {
  if (python.kind === 'system') return { from: 'of this system', place: python.path };
  if (python.presence === 'unpacked') return { from: 'already here', place: '' };
  if (python.presence === 'stored') return { from: 'from the store', place: '' };
  return { from: 'official builds', place: probe?.place ?? '' };
}
