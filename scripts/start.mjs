// `npm start`: builds when a source is newer than the bundle, then runs the program as an installed one would.
import { build, isBuildNeeded } from './build.mjs';

if (isBuildNeeded()) await build();
// `npm start -- --runtime-root X` means the wizard as well.
const first = process.argv[2];
const isAboutProgram = ['--help', '-h', '--version', '-v'].includes(first);
if (first === undefined || (first.startsWith('-') && !isAboutProgram)) process.argv.splice(2, 0, 'setup');
await import('../bin/ktx.cjs');
