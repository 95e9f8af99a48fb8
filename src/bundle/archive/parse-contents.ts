import { BundleError } from './bundle-error.ts';
import { type BundleContents, bundleSchema, CONTENTS_PATH } from './bundle-schema.ts';

/** Parses `bundle.json`. @throws BundleError saying what is wrong with it. */
export function parseContents(bytes: Buffer): BundleContents {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    throw new BundleError('contents', `${CONTENTS_PATH} of the bundle is not JSON`);
  }
  const version = (value as { schemaVersion?: unknown } | null)?.schemaVersion;
  if (typeof version === 'number' && version > 1)
    throw new BundleError('other-version', 'The bundle was made by a newer ktx', [
      `its format is version ${version}`,
    ]);
  const result = bundleSchema.safeParse(value);
  if (!result.success) {
    const [issue] = result.error.issues;
    throw new BundleError('contents', `${CONTENTS_PATH} of the bundle is not in the format that ktx writes`, [
      `${issue?.path.join('.')}: ${issue?.message}`,
    ]);
  }
  const paths = new Set<string>();
  for (const { path } of result.data.members) {
    // Some file systems are case-insensitive.
    const folded = path.toLowerCase();
    if (paths.has(folded)) throw new BundleError('contents', `The bundle lists ${path} twice`);
    paths.add(folded);
  }
  return result.data;
}
