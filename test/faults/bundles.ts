import { chrootObstacle, chrootRows, chrootTable } from './bundle-chroot.ts';

/**
 * `npm run test:bundles [part…]`: what takes too long for every run. Parts: `chroot` (a bundle with the program on a bare
 * Debian; KTX_BARE_SYSTEM names one that was made before).
 */
const parts = process.argv.slice(2);
const isWanted = (part: string) => parts.length === 0 || parts.includes(part);
let isBroken = false;

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
