import * as z from 'zod/mini';

/** `<assetDir>/manifest.json`, made by `npm run assets:build`. Unknown keys are dropped. */
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

export type ManagedRuntimeAssetManifest = z.infer<typeof assetManifestSchema>;
