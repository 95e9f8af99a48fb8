import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { findContradictions } from '../../src/maker/check-assets.ts';
import { openToolbox } from '../../src/maker/toolbox.ts';
import { buildWheel } from '../../src/maker/wheel.ts';
import { assetManifestSchema } from '../../src/shipped/asset-schema.ts';
import type { RuntimeLock } from '../../src/shipped/lock.ts';
import { lockedFilesSchema, runtimeLockSchema } from '../../src/shipped/lock-schema.ts';
import { readWheelPythonRequirement } from '../../src/shipped/wheel-metadata.ts';
import { listZip, readZipEntry } from '../../src/support/zip.ts';
import { WORK } from './build-assets.ts';
import { digestModule, modelPart, pythonPart, sha256 } from './lock-parts.ts';
import { ASSET_DIR, DIGEST_MODULE, ROOT, WHEEL_PROJECT } from './paths.ts';
import { pythonVersion, wheelFileName } from './project-version.ts';

/** What `npm run assets:check` compares. */
export interface AssetSources {
  assetDir: string;
  /** Text of src/shipped/asset-digest.ts. */
  digestModuleText: string;
  npmVersion: string;
}

export function committedSources(): AssetSources {
  return {
    assetDir: ASSET_DIR,
    digestModuleText: readFileSync(DIGEST_MODULE, 'utf8'),
    npmVersion: JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')).version,
  };
}

/**
 * All problems in the committed assets that can be found without Python or a network, one sentence each
 * naming a file; empty if there are none. The wheel is not rebuilt here, but its members are compared.
 */
export async function findAssetProblems(sources: AssetSources): Promise<string[]> {
  const { assetDir } = sources;
  const manifestText = readFileSync(join(assetDir, 'manifest.json'), 'utf8');
  const problems: string[] = [];
  if (!sources.digestModuleText.includes(sha256(manifestText))) {
    problems.push('src/shipped/asset-digest.ts does not carry the digest of manifest.json');
  }
  const document = JSON.parse(manifestText);
  const manifest = { ...assetManifestSchema.parse(document), ...lockedFilesSchema.parse(document) };
  const version = pythonVersion(sources.npmVersion);
  if (manifest.version !== version || manifest.wheel.file !== wheelFileName(version)) {
    problems.push(`manifest.json is of version ${manifest.version}, package.json of ${version}`);
  }
  problems.push(...(await findContradictions(assetDir)));
  const isReadable = !problems.some((problem) => /is missing$|is not the file of/.test(problem));
  if (!isReadable) return problems;

  const wheel = readFileSync(join(assetDir, manifest.wheel.file));
  const requiresPython = await readWheelPythonRequirement(wheel, manifest.wheel.file);
  const lock = runtimeLockSchema.parse(JSON.parse(readFileSync(join(assetDir, manifest.lock.file), 'utf8')));
  const isOfProgram = sources.digestModuleText.includes(sha256(manifestText));
  if (isOfProgram && digestModule(manifestText, requiresPython, lock) !== sources.digestModuleText)
    problems.push('src/shipped/asset-digest.ts is not what npm run assets:build writes');
  problems.push(...(await findMemberProblems(wheel, join(assetDir, 'wheel/src'))));
  problems.push(...findPinProblems(lock));
  return problems;
}

/** Differences between the lock and scripts/pins.json. */
export function findPinProblems(lock: RuntimeLock): string[] {
  const problems: string[] = [];
  const python = pythonPart();
  const model = modelPart();
  if (!isDeepStrictEqual(lock.python, python.python))
    problems.push('lock.json: python is not that of pins.json');
  if (!isDeepStrictEqual(lock.models, model.models))
    problems.push('lock.json: the model is not that of pins.json');
  for (const [digest, artefact] of Object.entries({ ...python.artefacts, ...model.artefacts })) {
    if (!isDeepStrictEqual(lock.artefacts[digest], artefact)) {
      problems.push(`lock.json: ${artefact.file} is not described as pins.json does`);
    }
  }
  return problems;
}

/** Differences between the wheel's packages and their source. */
async function findMemberProblems(wheel: Buffer, sourceDir: string): Promise<string[]> {
  const problems: string[] = [];
  const sources = new Map(
    readdirSync(sourceDir, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && !entry.parentPath.includes('__pycache__'))
      .map((entry) => join(entry.parentPath, entry.name))
      .map((path) => [path.slice(sourceDir.length + 1).replaceAll('\\', '/'), readFileSync(path)]),
  );
  for (const entry of listZip(wheel)) {
    if (entry.name.endsWith('/') || entry.name.includes('.dist-info/')) continue;
    const source = sources.get(entry.name);
    sources.delete(entry.name);
    const member = await readZipEntry(wheel, entry, 2 ** 20);
    if (!source?.equals(member)) problems.push(`the wheel was built from another ${entry.name}`);
  }
  for (const name of sources.keys()) problems.push(`the wheel was built without ${name}`);
  return problems;
}

/**
 * `findAssetProblems`, plus whether a wheel built now is byte-identical to the committed one. Needs Python.
 */
export async function checkAssets(): Promise<string[]> {
  const sources = committedSources();
  const problems = await findAssetProblems(sources);
  const version = pythonVersion(sources.npmVersion);
  if (!readFileSync(join(WHEEL_PROJECT, 'pyproject.toml'), 'utf8').includes(`\nversion = "${version}"\n`)) {
    problems.push(`wheel/pyproject.toml is not of version ${version}`);
  } else {
    const wheel = await buildWheel(WHEEL_PROJECT, await openToolbox(WORK), WORK);
    if (!wheel.bytes.equals(readFileSync(join(ASSET_DIR, wheel.file)))) {
      problems.push(`${wheel.file} is not what its source builds to. Run: npm run assets:build`);
    }
  }
  return problems;
}
