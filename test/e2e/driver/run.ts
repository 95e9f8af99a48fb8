import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openLab } from '../../machines/lab.ts';
import { driveMachineFault, MACHINE_FAULTS } from './machine-faults.ts';
import { type DriverRow, driveNetworkFault, NETWORK_FAULTS, openNetworkLab } from './network-faults.ts';

/**
 * `npm run test:driver [network|machine] [part of a kind or name, or 2/5 for the second fifth]`: a program that knows nothing but the JSON sets up ktx over every fault of
 * the network matrix and of this machine. How many end in ready, and what nobody could carry out.
 */
const [which, part = ''] = process.argv.slice(2);
const PARALLEL = 2;

const root = await realpath(await mkdtemp(join(tmpdir(), 'ktx-driver-')));
const rows: DriverRow[] = [];
try {
  if (which !== 'machine') {
    const lab = await openNetworkLab(root);
    const faults = partOf(NETWORK_FAULTS, ({ kind, fault }) => `${kind} ${fault}`);
    await sideBySide(faults, (fault) => driveNetworkFault(lab, fault));
    await lab.close();
  }
  if (which !== 'network') {
    const lab = await openLab();
    const faults = partOf(MACHINE_FAULTS, ({ name }) => name);
    await sideBySide(faults, (fault) => driveMachineFault(lab, fault));
    await lab.remove();
  }
} finally {
  await rm(root, { recursive: true, force: true, maxRetries: 3 });
}
const failed = rows.filter(({ firstCause, kind }) => firstCause !== null && kind !== 'beyond');
const ready = failed.filter(({ isReady }) => isReady).length;
const own = rows.filter(({ firstCause, isReady }) => firstCause === null && isReady).length;
const share = failed.length === 0 ? 100 : (100 * ready) / failed.length;
console.log(
  `${own} of ${rows.length} were ready at once; ${ready} of the ${failed.length} that failed end in ready (${share.toFixed(1)}%)`,
);
process.exitCode = share < 95 ? 1 : 0;

function partOf<Fault>(faults: readonly Fault[], nameOf: (fault: Fault) => string): Fault[] {
  const [, share, count] = /^(\d+)\/(\d+)$/.exec(part) ?? [];
  if (share === undefined) return faults.filter((fault) => nameOf(fault).includes(part));
  return faults.filter((_, index) => index % Number(count) === Number(share) - 1);
}

async function sideBySide<Fault>(
  faults: readonly Fault[],
  journeyOf: (fault: Fault) => Promise<DriverRow>,
): Promise<void> {
  const waiting = [...faults];
  await Promise.all(
    Array.from({ length: PARALLEL }, async () => {
      for (let fault = waiting.shift(); fault !== undefined; fault = waiting.shift()) {
        const row = await journeyOf(fault);
        rows.push(row);
        console.log(rowText(row));
      }
    }),
  );
}

function rowText({ kind, fault, isReady, steps, left }: DriverRow): string {
  const by = left.length > 0 ? `  (a person's: ${left.join(', ')})` : '';
  return `${isReady ? 'ready' : 'NOT  '}  ${kind.padEnd(8)}${fault.padEnd(48)}${steps.join(' > ')}${by}`;
}
