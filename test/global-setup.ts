import { build, isBuildNeeded } from '../scripts/build.mjs';

/**
 * Tests that run the program run the bundle, as users do. A bundle that cannot be built fails those tests, which do
 * not find it, and not the ones of single functions.
 */
export default async function setup(): Promise<void> {
  if (isBuildNeeded()) await build().catch((error: unknown) => console.error(`No bundle: ${String(error)}`));
}
