import * as z from 'zod/mini';

/** `<assetDir>/manifest.json`, written by `npm run assets:build`. Unknown keys are dropped. */
export const assetManifestSchema = z.object({
  schemaVersion: z.literal(1),
  distributionName: z.literal('kaelio-ktx'),
  normalizedName: z.literal('kaelio_ktx'),
  version: z.string().check(z.minLength(1)),
  wheel: z.object({
    file: z.string().check(z.minLength(1)),
    sha256: z.string().check(z.regex(/^[a-f0-9]{64}$/)),
    bytes: z.int().check(z.minimum(0)),
  }),
});

/**
 * How an environment with another program's wheel is proved: these modules are importable and, unless it has
 * no server, its command answers `/health`. Our own manifest has none, and its proof analyses SQL.
 */
export const wheelProofSchema = z.object({
  imports: z.array(z.string().check(z.regex(/^[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*$/))),
  serves: z.boolean(),
});

/** The manifest of another program's wheel, written by `ktx-setup-assets`. */
export const embeddedAssetManifestSchema = z.extend(assetManifestSchema, {
  distributionName: z.string().check(z.regex(/^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?$/)),
  normalizedName: z.string().check(z.regex(/^[a-z0-9_]+$/)),
  proof: wheelProofSchema,
});

/** The schema that a document claims to follow. */
export function assetManifestSchemaFor(document: unknown) {
  const isEmbedded = typeof document === 'object' && document !== null && 'proof' in document;
  return isEmbedded ? embeddedAssetManifestSchema : assetManifestSchema;
}

export type WheelProof = z.infer<typeof wheelProofSchema>;
export type ManagedRuntimeAssetManifest =
  | z.infer<typeof assetManifestSchema>
  | z.infer<typeof embeddedAssetManifestSchema>;

/** How this wheel is proved; `undefined` for ours. */
export function wheelProofOf(manifest: ManagedRuntimeAssetManifest): WheelProof | undefined {
  return 'proof' in manifest ? manifest.proof : undefined;
}
