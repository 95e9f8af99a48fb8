// `npm start`: rebuilds the bundle if a source is newer, then runs the program as installed.
import { build, isBuildNeeded } from './build.mjs';

if (isBuildNeeded()) await build();
// `npm start -- --runtime-root X` starts the wizard too.
const first = process.argv[2];
const isAboutProgram = ['--help', '-h', '--version', '-v'].includes(first);
if (first === undefined || (first.startsWith('-') && !isAboutProgram)) process.argv.splice(2, 0, 'setup');
await import('../bin/ktx.cjs');
