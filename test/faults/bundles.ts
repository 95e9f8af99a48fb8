import { formatBytes } from '../../src/support/text/format.ts';
import { chrootObstacle, chrootRows, chrootTable } from './bundle-chroot.ts';
import { fuzzBundles, fuzzTable } from './bundle-fuzz.ts';
import { measureVerify } from './bundle-speed.ts';
import { tamperingRows, tamperingTable } from './bundle-tampering.ts';
import { seeded } from './kill.ts';

/**
 * `npm run test:bundles [part…]`: what takes too long for every run. Parts: `tampering` (a table of all that was done to a
 * bundle and how it is refused), `fuzz` (100,000 mutations; KTX_SEED), `speed` (4 GiB against openssl), `chroot` (a bundle
 * with the program on a bare Debian; KTX_BARE_SYSTEM names one that was made before).
 */
const MUTATIONS = 100_000;
const GIB = 4;
const MAX_RSS_BYTES = 150 * 2 ** 20;
const parts = process.argv.slice(2);
const isWanted = (part: string) => parts.length === 0 || parts.includes(part);
let isBroken = false;

if (isWanted('tampering')) {
  const rows = await tamperingRows();
  console.log(`what was done to a bundle, and what is said\n${tamperingTable(rows)}\n`);
  isBroken ||= rows.some(({ problems }) => problems.length > 0);
}
if (isWanted('fuzz')) {
  const report = await fuzzBundles(MUTATIONS, seeded(Number(process.env['KTX_SEED'] ?? 1)));
  console.log(`mutations at random\n${fuzzTable(report)}\n`);
  isBroken ||= report.problems.length > 0;
}
if (isWanted('speed')) {
  const { opensslSeconds, verifySeconds, speedRatio, maxRssBytes } = await measureVerify(GIB);
  console.log(
    `verify of ${GIB} GiB: ${verifySeconds.toFixed(2)} s, openssl dgst -sha256 ${opensslSeconds.toFixed(2)} s: ` +
      `${speedRatio.toFixed(2)} times its speed, memory ${formatBytes(maxRssBytes)}\n`,
  );
  isBroken ||= speedRatio < 1 || maxRssBytes > MAX_RSS_BYTES;
}
if (isWanted('chroot')) {
  const obstacle = chrootObstacle();
  if (obstacle !== null) {
    isBroken = true;
    console.log(`no bare system can be made here: ${obstacle}`);
  } else {
    const rows = await chrootRows(process.env['KTX_BARE_SYSTEM']);
    console.log(`on a bare Debian, one command\n${chrootTable(rows)}\n`);
    isBroken ||= rows.some(({ problems }) => problems.length > 0);
  }
}
console.log(isBroken ? 'BROKEN' : 'nothing broken');
if (isBroken) process.exitCode = 1;
