import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type KtxRuntimeFeature, RUNTIME_FEATURES } from '../../src/core/features.ts';
import { PUBLIC_FILES_URL } from '../../src/network/address/public-index.ts';
import { lockArtefact, lockedFeature, type RuntimeLock } from '../../src/shipped/lock.ts';
import { runtimeLockSchema } from '../../src/shipped/lock-schema.ts';
import { readWheelPythonRequirement } from '../../src/shipped/wheel-metadata.ts';
import { jsonText } from '../../src/support/fs/atomic-file.ts';
import { formatBytes } from '../../src/support/text/format.ts';
import { digestModule, modelPart, pythonPart } from './lock-parts.ts';
import { type FeatureLock, lockRequirements, requirementsFile } from './lock-requirements.ts';
import { ASSET_DIR, DIGEST_MODULE, ROOT, SCRATCH_DIR, WHEEL_PROJECT } from './paths.ts';
import { proveTargets } from './prove-targets.ts';
import { run, toolbox } from './toolbox.ts';
import { type BuiltWheel, buildWheel, pythonVersion, sha256, withProjectVersion } from './wheel.ts';

/** Makes every file of assets/python/ anew and replaces the old ones when all of them are there. */
export async function buildAssets(options: { shouldUpgrade: boolean }): Promise<void> {
  mkdirSync(SCRATCH_DIR, { recursive: true });
  const version = pythonVersion(JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')).version);
  const pyprojectPath = join(WHEEL_PROJECT, 'pyproject.toml');
  writeFileSync(pyprojectPath, withProjectVersion(readFileSync(pyprojectPath, 'utf8'), version));

  const wheel = buildWheel(version);
  if (!buildWheel(version).bytes.equals(wheel.bytes)) throw new Error('Two builds of the wheel differ');

  const locks = RUNTIME_FEATURES.map((feature) => lockRequirements(feature, options));
  const lock = makeLock(locks);
  proveTargets(lock, locks);
  await writeAssets(version, wheel, lock, locks);
  report(lock);
}

function makeLock(locks: readonly FeatureLock[]): RuntimeLock {
  const wheels = JSON.parse(
    run(toolbox().python, [
      join(ROOT, 'scripts/assets/make_lock.py'),
      join(SCRATCH_DIR, 'wheels'),
      PUBLIC_FILES_URL,
      ...locks.map((lock) => `${lock.feature}=${lock.requirementsPath},${lock.pylockPath}`),
    ]),
  ) as Pick<RuntimeLock, 'artefacts' | 'targets'>;
  const { python, artefacts } = pythonPart();
  const model = modelPart();
  return runtimeLockSchema.parse({
    schemaVersion: 1,
    python,
    artefacts: { ...artefacts, ...model.artefacts, ...wheels.artefacts },
    models: model.models,
    targets: wheels.targets,
  });
}

async function writeAssets(
  version: string,
  wheel: BuiltWheel,
  lock: RuntimeLock,
  locks: readonly FeatureLock[],
): Promise<void> {
  const files = new Map<string, string | Buffer>([
    [wheel.file, wheel.bytes],
    ['lock.json', jsonText(lock)],
    ...locks.map((entry) => [requirementsFile(entry.feature), readFileSync(entry.requirementsPath)] as const),
  ]);
  const vouchFor = (file: string) => ({ file, sha256: sha256(files.get(file)!) });
  const manifest = jsonText({
    schemaVersion: 1,
    distributionName: 'kaelio-ktx',
    normalizedName: 'kaelio_ktx',
    version,
    wheel: { ...vouchFor(wheel.file), bytes: wheel.bytes.length },
    lock: vouchFor('lock.json'),
    requirements: Object.fromEntries(
      locks.map((entry) => [entry.feature, vouchFor(requirementsFile(entry.feature))]),
    ),
  });
  files.set('manifest.json', manifest);

  for (const file of readdirSync(ASSET_DIR, { withFileTypes: true })) {
    if (file.isFile() && !files.has(file.name)) rmSync(join(ASSET_DIR, file.name));
  }
  for (const [file, content] of files) writeFileSync(join(ASSET_DIR, file), content);
  writeFileSync(
    DIGEST_MODULE,
    digestModule(manifest, await readWheelPythonRequirement(wheel.bytes, wheel.file)),
  );
}

function report(lock: RuntimeLock): void {
  for (const key of Object.keys(lock.targets)) {
    const parts = RUNTIME_FEATURES.map((feature) => `${feature}: ${describeFeature(lock, key, feature)}`);
    process.stdout.write(`${key}  ${parts.join('; ')}\n`);
  }
}

function describeFeature(lock: RuntimeLock, key: string, feature: KtxRuntimeFeature): string {
  const entry = lockedFeature(lock, key, feature);
  if (entry === null || 'unavailable' in entry) return entry?.unavailable ?? 'not locked';
  const wheels = entry.artefacts.map((digest) => lockArtefact(lock, digest));
  const total = (field: 'sizeBytes' | 'unpackedBytes') =>
    formatBytes(wheels.reduce((sum, wheel) => sum + (wheel[field] ?? 0), 0));
  const minimum = JSON.stringify(entry.minimum);
  return `${wheels.length} wheels, ${total('sizeBytes')}, unpacked ${total('unpackedBytes')}, ${minimum}`;
}
