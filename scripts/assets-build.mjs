// `npm run assets:build`: makes assets/python/ (wheel, manifest, lock, requirements) and the digest that the program
// carries. Needs python3 and a package index. Modes:
//   --upgrade  takes newer releases; without it the pins of the committed requirements are kept
//   --check    changes nothing: committed files agree with each other and with the source (`npm run assets:check`)
//   --test     runs the Python tests of the wheel and of the wheel selection (`npm run assets:test`)
import { buildAssets } from './assets/build-assets.ts';
import { checkAssets } from './assets/check-assets.ts';
import { runPythonTests } from './assets/python-tests.ts';

const modes = process.argv.slice(2);
const unknown = modes.filter((mode) => !['--upgrade', '--check', '--test'].includes(mode));
if (unknown.length > 0 || modes.length > 1) {
  throw new Error('usage: node scripts/assets-build.mjs [--upgrade | --check | --test]');
}

if (modes[0] === '--check') {
  const problems = await checkAssets();
  for (const problem of problems) process.stderr.write(`${problem}\n`);
  process.stdout.write(problems.length === 0 ? 'assets/python is up to date\n' : '');
  process.exitCode = problems.length === 0 ? 0 : 1;
} else if (modes[0] === '--test') {
  process.exitCode = await runPythonTests();
} else {
  await buildAssets({ shouldUpgrade: modes[0] === '--upgrade' });
}
