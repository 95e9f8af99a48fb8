import * as z from 'zod/mini';
import { RUNTIME_FEATURES } from '../core/features.ts';
import { assetManifestSchema, embeddedAssetManifestSchema } from '../shipped/asset-schema.ts';

/**
 * What a locked environment was built from, besides the wheel. Our addition; other readers of the file drop
 * it.
 */
const lockedDigestsSchema = z.object({ lock: z.string(), requirements: z.string() });

/**
 * `<versionDir>/manifest.json`. Written last, so its presence means that every step of the install succeeded.
 * Paths are those of the active environment, `<versionDir>/envs/<id>`. Unknown keys are dropped.
 */
export const installedManifestSchema = z.object({
  schemaVersion: z.literal(1),
  cliVersion: z.string().check(z.minLength(1)),
  /** ISO-8601 UTC. */
  installedAt: z.string().check(z.minLength(1)),
  asset: z.union([embeddedAssetManifestSchema, assetManifestSchema]),
  features: z.array(z.enum(RUNTIME_FEATURES)).check(z.minLength(1)),
  python: z.object({
    executable: z.string().check(z.minLength(1)),
    daemonExecutable: z.string().check(z.minLength(1)),
  }),
  installLog: z.string().check(z.minLength(1)),
  locked: z.optional(lockedDigestsSchema),
});

export type InstalledKtxRuntimeManifest = z.infer<typeof installedManifestSchema>;
