import { createHash } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type KtxRuntimeFeature, RUNTIME_FEATURES } from '../core/features.ts';
import { PUBLIC_FILES_URL } from '../network/address/public-index.ts';
import type { WheelProof } from '../shipped/asset-schema.ts';
import { lockedFeature, type RuntimeLock } from '../shipped/lock.ts';
import { runtimeLockSchema } from '../shipped/lock-schema.ts';
import { absentAsNull, SetupError } from '../support/errors.ts';
import { jsonText, makeFolder, writeFileAtomic } from '../support/fs/atomic-file.ts';
import { readRegularText } from '../support/fs/regular-file.ts';
import { PACKAGE_ROOT } from '../support/package-root.ts';
import { otherRemedy } from '../support/remedies.ts';
import { normaliseProject } from '../support/text/project-name.ts';
import {
  type FeatureLock,
  lockRequirements,
  MAX_REQUIREMENTS_BYTES,
  requirementsFile,
} from './lock-requirements.ts';
import { proveTargets } from './prove-targets.ts';
import { type MakerWork, openToolbox, type Toolbox } from './toolbox.ts';
import { type MadeWheel, takeWheel, type WheelSource } from './wheel.ts';

/** The oldest Python with targets (`assets/maker/targets.py`). */
const OLDEST_MINOR = 11;

/** What to make, and from what. */
export interface AssetsConfig {
  /**
   * The folder for `manifest.json`, `lock.json`, requirements and the wheel. Pins of earlier requirements
   * there are kept.
   */
  assetDir: string;
  wheel: WheelSource;
  /** Extras of the wheel by feature; omitted features are not in the lock. */
  extras: Partial<Record<KtxRuntimeFeature, readonly string[]>>;
  /** How an environment with the wheel is proved; `null` for our own way, by analysing SQL. */
  proof: WheelProof | null;
  /**
   * What to lock: targets, `linux-x64-gnu-cp313`, or platforms with every Python, `linux-x64-gnu`. Each must
   * have every feature. Empty: everything that can be locked, with gaps.
   */
  targets: readonly string[];
  /** The managed Python of the lock with its archives, and the models of the features. */
  basis: Pick<RuntimeLock, 'python' | 'models' | 'artefacts'>;
}

/** The files of an asset directory by name, `manifest.json` last; not written yet. */
export interface MadeAssets {
  files: ReadonlyMap<string, Buffer>;
  lock: RuntimeLock;
  wheel: MadeWheel;
}

/**
 * Builds or reads the wheel, resolves its requirements for every platform and Python, picks one wheel of each
 * package for every target, has uv verify every list, and describes everything by digest. The same wheel,
 * pins and index give the same bytes.
 * @throws SetupError saying what failed; CancelledError.
 */
export async function makeAssets(
  config: AssetsConfig,
  work: MakerWork,
  options: { shouldUpgrade: boolean },
): Promise<MadeAssets> {
  const tools = await openToolbox(work);
  const wheel = await takeWheel(config.wheel, tools, work);
  const features = featuresOf(config, wheel);
  const runDir = await mkdtemp(join(work.scratchDir, 'run-'));
  try {
    const wheelPath = join(runDir, wheel.file);
    await writeFileAtomic(wheelPath, wheel.bytes);
    const locks: FeatureLock[] = [];
    for (const feature of features) {
      work.tell?.(`Resolving ${feature} for every platform`);
      const kept = options.shouldUpgrade ? null : await keptRequirements(config.assetDir, feature);
      const oldestPython = oldestPythonFor(wheel);
      const extras = config.extras[feature] ?? [];
      locks.push(
        await lockRequirements(feature, wheel, {
          runDir,
          wheelPath,
          oldestPython,
          extras,
          kept,
          tools,
        }),
      );
    }
    const lock = await makeLock(config, wheel, locks, { tools, work });
    assertComplete(config, lock, features);
    work.tell?.(`Proving ${Object.keys(lock.targets).length} targets with uv`);
    await proveTargets(lock, locks, { runDir, wheelsDir: wheelsDir(work), tools, signal: work.signal });
    return { files: await filesOf(config, wheel, lock, locks), lock, wheel };
  } finally {
    await rm(runDir, { recursive: true, force: true });
  }
}

/** Writes the files to the asset directory and removes files of earlier runs; folders are kept. */
export async function writeAssets(assetDir: string, { files }: Pick<MadeAssets, 'files'>): Promise<void> {
  await makeFolder(assetDir);
  for (const [name, content] of files) await writeFileAtomic(join(assetDir, name), content);
  for (const entry of await readdir(assetDir, { withFileTypes: true })) {
    const isOfOurs = /\.whl$|^requirements\.[a-z-]+\.txt$|^(?:lock|manifest)\.json$/.test(entry.name);
    if (entry.isFile() && isOfOurs && !files.has(entry.name)) await rm(join(assetDir, entry.name));
  }
}

function featuresOf({ extras }: AssetsConfig, { file, metadata }: MadeWheel): KtxRuntimeFeature[] {
  const known = new Set(metadata.extras.map(normaliseProject));
  for (const name of Object.values(extras).flat()) {
    if (known.has(normaliseProject(name))) continue;
    throw new SetupError(`${file} has no extra "${name}".`, {
      failureClass: 'internal',
      evidence: [`its extras: ${metadata.extras.join(', ') || 'none'}`],
      remedies: [otherRemedy('Correct "extras", or the [project.optional-dependencies] of the wheel')],
    });
  }
  return RUNTIME_FEATURES.filter((feature) => feature === 'core' || extras[feature] !== undefined);
}

function oldestPythonFor({ metadata }: MadeWheel): string {
  const minor = Number(metadata.python.minimumVersion.split('.')[1]);
  return `3.${Math.max(minor, OLDEST_MINOR)}`;
}

/**
 * The pins of an earlier run, which may be a link; `null` without one. @throws the reason they cannot be
 * read.
 */
export async function keptRequirements(assetDir: string, feature: KtxRuntimeFeature): Promise<string | null> {
  const path = join(assetDir, requirementsFile(feature));
  return readRegularText(path, { maxBytes: MAX_REQUIREMENTS_BYTES, links: 'follow' }).catch(absentAsNull);
}

const wheelsDir = ({ scratchDir }: MakerWork) => join(scratchDir, 'wheels');

async function makeLock(
  { basis, targets: wanted }: AssetsConfig,
  { metadata }: MadeWheel,
  locks: readonly FeatureLock[],
  { tools, work }: { tools: Toolbox; work: MakerWork },
): Promise<RuntimeLock> {
  work.tell?.('Choosing and measuring wheels');
  const script = join(PACKAGE_ROOT, 'assets/maker/make_lock.py');
  const stdout = await tools.run(
    tools.python,
    [
      script,
      wheelsDir(work),
      PUBLIC_FILES_URL,
      metadata.python.specifier,
      basis.python.version,
      wanted.join(','),
      ...locks.map(
        ({ feature, requirementsPath, pylockPath }) => `${feature}=${requirementsPath},${pylockPath}`,
      ),
    ],
    { what: 'The wheels of the lock cannot be chosen' },
  );
  const { artefacts, targets } = JSON.parse(stdout) as Pick<RuntimeLock, 'artefacts' | 'targets'>;
  return runtimeLockSchema.parse({
    schemaVersion: 1,
    python: basis.python,
    artefacts: { ...basis.artefacts, ...artefacts },
    ...(basis.models === undefined ? {} : { models: basis.models }),
    targets,
  });
}

/**
 * @throws SetupError naming every requested target that lacks a feature, and why; also when there are no
 * targets at all.
 */
function assertComplete(
  { targets }: AssetsConfig,
  lock: RuntimeLock,
  features: readonly KtxRuntimeFeature[],
): void {
  const keys = Object.keys(lock.targets);
  const gaps = keys.flatMap((key) =>
    features.flatMap((feature) => {
      const entry = lockedFeature(lock, key, feature);
      return entry && 'unavailable' in entry ? [`${key}: ${feature}: ${entry.unavailable}`] : [];
    }),
  );
  const left = targets
    .filter((name) => !keys.some((key) => key === name || key.startsWith(`${name}-cp`)))
    .map((name) => `${name}: core has no wheels there`);
  const problems = targets.length === 0 ? [] : [...left, ...gaps];
  if (keys.length === 0 && problems.length === 0) problems.push('core has wheels for no target');
  if (problems.length === 0) return;
  throw new SetupError('The lock is not complete.', {
    failureClass: 'platform',
    evidence: problems,
    remedies: [otherRemedy('Depend on versions that have wheels there, or take the target out of "targets"')],
  });
}

async function filesOf(
  { proof }: AssetsConfig,
  wheel: MadeWheel,
  lock: RuntimeLock,
  locks: readonly FeatureLock[],
): Promise<Map<string, Buffer>> {
  const files = new Map<string, Buffer>([
    [wheel.file, wheel.bytes],
    ['lock.json', Buffer.from(jsonText(lock))],
  ]);
  for (const { feature, requirementsPath } of locks) {
    const text = await readRegularText(requirementsPath, { maxBytes: MAX_REQUIREMENTS_BYTES });
    files.set(requirementsFile(feature), Buffer.from(text));
  }
  const vouchFor = (file: string) => ({
    file,
    sha256: createHash('sha256').update(files.get(file)!).digest('hex'),
  });
  const { name, version } = wheel.metadata;
  const manifest = {
    schemaVersion: 1,
    distributionName: name,
    normalizedName: normaliseProject(name).replaceAll('-', '_'),
    version,
    ...(proof === null ? {} : { proof }),
    wheel: { ...vouchFor(wheel.file), bytes: wheel.bytes.length },
    lock: vouchFor('lock.json'),
    requirements: Object.fromEntries(
      locks.map(({ feature }) => [feature, vouchFor(requirementsFile(feature))]),
    ),
  };
  files.set('manifest.json', Buffer.from(jsonText(manifest)));
  return files;
}
