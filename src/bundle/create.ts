import { createHash } from 'node:crypto';
import type { Emit } from '../core/events.ts';
import { type KtxRuntimeFeature, normaliseFeatures } from '../core/features.ts';
import { managedRuntimeRoot, sharedLayout } from '../core/layout.ts';
import { isSourceFailure } from '../network/errors/joined-failures.ts';
import { withWriteAccess } from '../runtime/write-access.ts';
import { setupNetwork } from '../setup/session/setup-network.ts';
import { verifyRuntimeAsset } from '../shipped/asset.ts';
import { type Artefact, lockArtefact, type RuntimeLock } from '../shipped/lock.ts';
import { readLockedAsset } from '../shipped/locked-asset.ts';
import { type ArtefactStore, openStore } from '../store/store.ts';
import { SetupError } from '../support/errors.ts';
import { OUTPUT_FILE, outputPathOf } from '../support/fs/given-path.ts';
import { openRegularFile } from '../support/fs/regular-file.ts';
import { otherRemedy, USE_SYSTEM_PYTHON } from '../support/remedies.ts';
import { MANAGED_UV_VERSION } from '../uv/release.ts';
import { appMembers, nodeComponent, nodesFrom, nodeWheelOf } from './app-members.ts';
import { BUNDLE_SCHEMA_VERSION, type BundleContents, type BundleMember } from './archive/bundle-schema.ts';
import { type ArchiveContent, type WrittenBundle, writeBundle } from './archive/write-bundle.ts';
import { describeMember } from './describe-member.ts';
import { type BundlePlatform, type NeededFiles, neededFiles } from './pins.ts';
import { sbomOf } from './sbom.ts';

export interface CreateBundleOptions {
  cliVersion: string;
  assetDir: string;
  runtimeRoot?: string;
  env: NodeJS.ProcessEnv;
  homeDir: string;
  platforms: readonly BundlePlatform[];
  features: readonly KtxRuntimeFeature[];
  python: 'managed' | 'none';
  /** Absolute. */
  output: string;
  indexUrl?: string;
  isOffline?: boolean;
  /** Manually downloaded archives of the pinned Python. */
  pythonArchives?: readonly string[];
  /** Include this program and a Node for each platform, for hosts that have neither. */
  isWithApp?: boolean;
  /** Manually downloaded wheels or binaries of the pinned Node. */
  nodeArchives?: readonly string[];
  /** Omit what this earlier bundle contained: the target's store has it already. */
  since?: BundleContents;
  /** Signs `bundle.json`; returns the armoured signature. */
  sign?: (contents: Uint8Array) => Promise<string>;
  /** Split the file into parts of at most this many bytes. */
  splitBytes?: number;
  emit: Emit;
  onBytes?: (doneBytes: number, totalBytes: number) => void;
  signal?: AbortSignal;
}

/**
 * Creates one file with everything that an install of these features needs on these platforms. Files are
 * taken from the store; missing ones are first downloaded into it and verified as usual. No incomplete bundle
 * is left behind.
 * @throws SetupError naming the member that cannot be obtained and how to supply it; CancelledError.
 */
export async function createBundle(options: CreateBundleOptions): Promise<WrittenBundle> {
  const { assetDir, emit, signal } = options;
  const output = await outputPathOf(options.output, OUTPUT_FILE);
  const features = normaliseFeatures([...options.features]);
  const [asset, locked] = await Promise.all([verifyRuntimeAsset({ assetDir }), readLockedAsset(assetDir)]);
  if (locked === null) throw noLock(assetDir);
  const { lock } = locked;
  const runtimeRoot = managedRuntimeRoot(options);
  const store = openStore(sharedLayout(runtimeRoot).storeDir);
  const network = setupNetwork({ ...options, runtimeRoot, lock });
  try {
    const note = (level: 'info' | 'warning', text: string) =>
      emit({ type: 'note', step: 'fetch', level, text });
    const needed = neededFiles({ lock, platforms: options.platforms, features, python: options.python });
    const nodes = await nodesFrom(options.nodeArchives ?? [], options.platforms);
    const wheels = options.isWithApp
      ? options.platforms.filter((platform) => !nodes.has(platform)).map(nodeWheelOf)
      : [];
    const artefacts = await withWriteAccess(
      { runtimeRoot, versions: [], step: 'fetch', note, signal },
      async () => {
        await takeArchives(options.pythonArchives ?? [], lock, store, signal);
        await obtainNodes(wheels, { store, network, emit, signal });
        return obtain(needed, { store, network, emit, signal });
      },
    );
    const app = options.isWithApp
      ? await appMembers(
          options.platforms,
          (platform) => nodes.get(platform) ?? store.pathOf(nodeWheelOf(platform)),
        )
      : [];
    const members = [...(await membersOf(artefacts, store, options)), ...app].sort((a, b) =>
      byPath(a.member, b.member),
    );
    const contents: BundleContents = {
      schemaVersion: BUNDLE_SCHEMA_VERSION,
      name: 'ktx-bundle',
      cliVersion: options.cliVersion,
      lockSha256: locked.digestsFor(features).lock,
      wheelSha256: asset.manifest.wheel.sha256,
      uvVersion: MANAGED_UV_VERSION,
      pythonVersion: options.python === 'managed' ? lock.python.version : null,
      platforms: [...options.platforms].sort(),
      features,
      members: members.map(({ member }) => member),
    };
    return await writeBundle(output, contents, members, options);
  } finally {
    await network.close();
  }
}

async function obtain(
  needed: readonly NeededFiles[],
  context: {
    store: ArtefactStore;
    network: ReturnType<typeof setupNetwork>;
    emit: Emit;
    signal?: AbortSignal;
  },
): Promise<Artefact[]> {
  const { store, network, emit, signal } = context;
  const chosen: Artefact[] = [];
  // Files without alternatives are fetched together: the client runs several transfers at once.
  const certain = needed.filter(({ alternatives }) => alternatives.length === 1);
  const files = certain.flatMap(({ alternatives }) => [...alternatives[0]!]);
  await network.fetch(store, files, emit, signal).catch((error: unknown) => {
    throw explained(error, certain);
  });
  chosen.push(...files);
  for (const { what, alternatives } of needed.filter((each) => each.alternatives.length > 1)) {
    const failures: unknown[] = [];
    for (const [position, alternative] of alternatives.entries()) {
      const options = { hasNextSource: position < alternatives.length - 1 };
      const isHere = await network.fetch(store, alternative, emit, signal, options).then(
        () => true,
        (error: unknown) => {
          if (!isSourceFailure(error)) throw error;
          failures.push(error);
          return false;
        },
      );
      if (!isHere) continue;
      chosen.push(...alternative);
      break;
    }
    if (failures.length === alternatives.length) throw explained(failures[0], [{ what, alternatives }]);
  }
  return chosen;
}

async function obtainNodes(
  wheels: readonly Artefact[],
  { store, network, emit, signal }: Parameters<typeof obtain>[1],
): Promise<void> {
  if (wheels.length === 0) return;
  await network.fetch(store, wheels, emit, signal).catch((error: unknown) => {
    if (!isSourceFailure(error)) throw error;
    throw new SetupError(error.message, {
      failureClass: error.failureClass,
      evidence: error.evidence,
      cause: error,
      remedies: [
        otherRemedy(`Fetch ${wheels.map(({ file }) => file).join(', ')} where it can be fetched, then run`, {
          afterwards: ['ktx', 'bundle', 'create', '--node-archive', '<file>'],
          needs: ['node-archive'],
        }),
        ...error.remedies,
      ],
    });
  });
}

/** Adds remedies that would supply the member. */
function explained(error: unknown, needed: readonly NeededFiles[]): unknown {
  if (!isSourceFailure(error)) return error;
  const python = needed
    .flatMap(({ alternatives }) => alternatives.flat())
    .filter(({ kind }) => kind === 'python');
  const isAboutPython = python.some(
    ({ file }) => error.message.includes(file) || error.evidence.some((line) => line.includes(file)),
  );
  return new SetupError(error.message, {
    failureClass: error.failureClass,
    evidence: error.evidence,
    cause: error,
    remedies: [
      ...(isAboutPython
        ? [
            otherRemedy(`Fetch ${python[0]!.file} where it can be fetched, then run`, {
              afterwards: ['ktx', 'bundle', 'create', '--python-archive', '<file>'],
              needs: ['python-archive'],
            }),
            otherRemedy('Leave Python out; the target then needs its own', {
              argv: ['ktx', 'bundle', 'create', '--python', 'none'],
            }),
          ]
        : []),
      // A bundle cannot hold a Python of this machine.
      ...error.remedies.filter(({ id }) => id !== USE_SYSTEM_PYTHON.id),
    ],
  });
}

async function takeArchives(
  paths: readonly string[],
  lock: RuntimeLock,
  store: ArtefactStore,
  signal: AbortSignal | undefined,
): Promise<void> {
  const known = new Map(
    Object.values(lock.python.archives).map((sha256) => [sha256, lockArtefact(lock, sha256)]),
  );
  for (const path of paths) {
    const sha256 = await store.digestOf(path, signal);
    const artefact = known.get(sha256 ?? '');
    if (!artefact) {
      throw new SetupError(`${path} is not a Python archive that this ktx pins.`, {
        failureClass: 'verification',
        evidence: [
          sha256 === null ? 'there is no such file' : `its sha256 is ${sha256}`,
          ...[...known.values()].map((each) => `pinned: ${each.file}, sha256 ${each.sha256}`),
        ],
        remedies: [otherRemedy('Fetch one of the pinned archives; other builds are not accepted')],
      });
    }
    if ((await store.verify(artefact, signal)) === 'ok') continue;
    const handle = await openRegularFile(path, { maxBytes: Number.POSITIVE_INFINITY, links: 'follow' });
    await store.put(artefact, handle.createReadStream(), { signal });
  }
}

async function membersOf(
  artefacts: readonly Artefact[],
  store: ArtefactStore,
  {
    cliVersion,
    since,
    platforms,
    isWithApp,
  }: Pick<CreateBundleOptions, 'cliVersion' | 'since' | 'platforms' | 'isWithApp'>,
): Promise<{ member: BundleMember; content: ArchiveContent | null }[]> {
  const held = new Set(since?.members.map(({ sha256 }) => sha256));
  const described = await Promise.all(
    artefacts.map(async (artefact) => {
      const path = store.pathOf(artefact);
      const sizeBytes = await store.sizeOf(artefact);
      const member = await describeMember(artefact, path, sizeBytes);
      return { member, path };
    }),
  );
  const components = [
    ...described.map(({ member }) => member),
    ...(isWithApp ? platforms.map(nodeComponent) : []),
  ];
  const sbom = Buffer.from(sbomOf({ cliVersion }, components.sort(byPath)));
  const document: BundleMember = {
    path: 'sbom.cdx.json',
    sha256: createHash('sha256').update(sbom).digest('hex'),
    sizeBytes: sbom.length,
    kind: 'document',
    source: 'ktx',
    licence: 'Apache-2.0',
  };
  const files = described.map(({ member: { componentName, componentVersion, purl, ...member }, path }) => {
    const isOmitted = held.has(member.sha256);
    return {
      member: isOmitted ? { ...member, isOmitted: true as const } : member,
      content: isOmitted ? null : { path },
    };
  });
  return [{ member: document, content: { bytes: sbom } }, ...files];
}

function byPath(a: { path: string }, b: { path: string }): number {
  return a.path < b.path ? -1 : a.path > b.path ? 1 : 0;
}

function noLock(assetDir: string): SetupError {
  return new SetupError('This wheel comes without a lock, so a bundle of it cannot be checked.', {
    failureClass: 'platform',
    evidence: [`there is no lock.json in ${assetDir}`],
    remedies: [otherRemedy('Make a lock for the wheel first')],
  });
}
