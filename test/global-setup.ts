import { build, isBuildNeeded } from '../scripts/build.mjs';

/** Tests that run the program run the bundle, as users do. */
export default async function setup(): Promise<void> {
  if (isBuildNeeded()) await build();
}
