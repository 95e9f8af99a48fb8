// `npm start`: builds when a source is newer than the bundle, then runs the program as an installed one would.
import { build, isBuildNeeded } from './build.mjs';

if (isBuildNeeded()) await build();
if (process.argv.length === 2) process.argv.push('setup');
await import('../bin/ktx.cjs');
