import { dirname, join, resolve } from 'node:path';
import * as z from 'zod/mini';
import { type KtxRuntimeFeature, RUNTIME_FEATURES } from '../core/features.ts';
import { wheelProofSchema } from '../shipped/asset-schema.ts';
import { readLockedAsset } from '../shipped/locked-asset.ts';
import { absentAsNull, errorMessage, SetupError } from '../support/errors.ts';
import { pathExists } from '../support/fs/path-exists.ts';
import { readRegularText } from '../support/fs/regular-file.ts';
import { PACKAGE_ROOT } from '../support/package-root.ts';
import { otherRemedy } from '../support/remedies.ts';
import { parseSchema, schemaProblem } from '../support/schema.ts';
import type { AssetsConfig } from './make-assets.ts';

const path = z.string().check(z.minLength(1));

/** `build` under `ktx-setup` in package.json; paths are relative to that file. */
const buildSchema = z.strictObject({
  /** Folder with `pyproject.toml`. */
  project: z.optional(path),
  /** A prebuilt wheel. Exactly one of `project` and `wheel`. */
  wheel: z.optional(path),
  /** Extras of the wheel by feature. Without an entry, `core` is the wheel without extras. */
  extras: z.optional(z.partialRecord(z.enum(RUNTIME_FEATURES), z.array(path))),
  proof: wheelProofSchema,
  /** As in `AssetsConfig`. */
  targets: z.optional(z.array(path)),
  /** Whether `local-embeddings` includes the embedding model that ktx-setup pins. */
  model: z.optional(z.boolean()),
});

const declarationSchema = z.object({ assets: path, build: buildSchema });

/** An example for messages. */
const EXAMPLE =
  '"ktx-setup": { "assets": "assets/python", "build": { "project": "python", "proof": { "imports": ["acme"], "serves": true } } }';

/**
 * Reads the configuration from the package.json in a folder.
 * @throws SetupError naming the file and what is wrong with it.
 */
export async function readAssetsConfig(folder: string): Promise<AssetsConfig> {
  const file = join(resolve(folder), 'package.json');
  const text = await readRegularText(file, { maxBytes: 1024 * 1024, links: 'follow' }).catch(absentAsNull);
  if (text === null) throw badConfig(file, 'there is no such file');
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (error) {
    throw badConfig(file, errorMessage(error));
  }
  const declaration = (document as Record<string, unknown> | null)?.['ktx-setup'];
  if (declaration === undefined) throw badConfig(file, 'it has no key "ktx-setup"');
  let parsed: z.infer<typeof declarationSchema>;
  try {
    parsed = parseSchema(declarationSchema, declaration);
  } catch (error) {
    throw badConfig(file, schemaProblem(error) ?? errorMessage(error));
  }
  const { assets, build } = parsed;
  const base = dirname(file);
  const source = await wheelSource(build, file);
  return {
    assetDir: resolve(base, assets),
    wheel: source,
    extras: build.extras ?? {},
    proof: build.proof,
    targets: build.targets ?? [],
    basis: await bundledBasis(build.model === true ? ['local-embeddings'] : []),
  };
}

async function wheelSource(
  { project, wheel }: z.infer<typeof buildSchema>,
  file: string,
): Promise<AssetsConfig['wheel']> {
  const [given, ...others] = [project, wheel].filter((value) => value !== undefined);
  if (given === undefined || others.length > 0)
    throw badConfig(file, 'ktx-setup.build needs "project" or "wheel", and not both');
  const place = resolve(dirname(file), given);
  const needed = project === undefined ? place : join(place, 'pyproject.toml');
  if (!(await pathExists(needed))) throw badConfig(file, `${needed} does not exist`);
  return project === undefined ? { file: place } : { project: place };
}

/** The managed Python pinned by this package, and its models for these features. */
async function bundledBasis(features: readonly KtxRuntimeFeature[]): Promise<AssetsConfig['basis']> {
  const asset = await readLockedAsset(join(PACKAGE_ROOT, 'assets/python'));
  if (!asset) throw new Error('this package has no lock');
  const { python, artefacts, models = {} } = asset.lock;
  const wanted = features.flatMap((feature) => {
    const model = models[feature];
    return model ? [[feature, model] as const] : [];
  });
  const digests = [
    ...Object.values(python.archives),
    ...wanted.flatMap(([, model]) => [...model.files, model.container.artefact]),
  ];
  return {
    python,
    ...(wanted.length === 0 ? {} : { models: Object.fromEntries(wanted) }),
    artefacts: Object.fromEntries(digests.map((digest) => [digest, artefacts[digest]!])),
  };
}

function badConfig(file: string, problem: string): SetupError {
  return new SetupError(`${file} does not say what to make: ${problem}.`, {
    failureClass: 'internal',
    evidence: [`for example: ${EXAMPLE}`],
    remedies: [otherRemedy('Write it as docs/embedding.md of ktx-setup describes')],
  });
}
