import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describeLock } from '../../src/maker/describe-lock.ts';
import { type AssetsConfig, makeAssets, writeAssets } from '../../src/maker/make-assets.ts';
import type { MakerWork } from '../../src/maker/toolbox.ts';
import { digestModule, modelPart, pythonPart } from './lock-parts.ts';
import { ASSET_DIR, DIGEST_MODULE, ROOT, SCRATCH_DIR, WHEEL_PROJECT } from './paths.ts';
import { pythonVersion, withProjectVersion } from './project-version.ts';

export const WORK: MakerWork = {
  scratchDir: SCRATCH_DIR,
  tell: (line) => process.stderr.write(`${line}\n`),
};

/**
 * Configuration of our own wheel, in the format that `ktx-setup-assets` uses for other programs; Python and
 * model come from pins.json.
 */
function ownConfig(): AssetsConfig {
  const { python, artefacts } = pythonPart();
  const model = modelPart();
  return {
    assetDir: ASSET_DIR,
    wheel: { project: WHEEL_PROJECT },
    extras: { core: [], 'local-embeddings': ['local-embeddings'] },
    proof: null,
    targets: [],
    basis: { python, models: model.models, artefacts: { ...artefacts, ...model.artefacts } },
  };
}

/** Rebuilds every file in assets/python/, replacing the old ones only when all new ones are complete. */
export async function buildAssets(options: { shouldUpgrade: boolean }): Promise<void> {
  const version = pythonVersion(JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')).version);
  const pyprojectPath = join(WHEEL_PROJECT, 'pyproject.toml');
  writeFileSync(pyprojectPath, withProjectVersion(readFileSync(pyprojectPath, 'utf8'), version));

  const made = await makeAssets(ownConfig(), WORK, options);
  await writeAssets(ASSET_DIR, made);
  const manifest = made.files.get('manifest.json')!.toString('utf8');
  writeFileSync(DIGEST_MODULE, digestModule(manifest, made.wheel.metadata.python, made.lock));
  process.stdout.write(
    describeLock(made.lock)
      .map((line) => `${line}\n`)
      .join(''),
  );
}
