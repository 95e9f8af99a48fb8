import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { temporaryFolderForFile } from '../../fixtures/temporary-folder.ts';
import { type MachineLab, openLab } from '../../machines/lab.ts';
import { driveMachineFault, MACHINE_FAULTS } from './machine-faults.ts';
import { driveNetworkFault, NETWORK_FAULTS, type NetworkLab, openNetworkLab } from './network-faults.ts';

/** The short form of `npm run test:driver`: one of each kind of remedy. */
const NETWORK = ['port closed', 'trusted-host, authority not known'];
const MACHINE = ['a file above the runtime folder', 'a limit of file sizes', 'a uv that is none'];

describe('a program that knows nothing but the JSON ends in ready', () => {
  let network: NetworkLab;
  beforeAll(async () => {
    network = await openNetworkLab(await temporaryFolderForFile());
  });
  afterAll(() => network?.close());

  it.each(NETWORK)('over a fault of the network: %s', async (name) => {
    const fault = NETWORK_FAULTS.find((each) => each.fault.includes(name))!;
    expect(await driveNetworkFault(network, fault)).toMatchObject({ isReady: true });
  });
});

const isPossible = process.platform === 'linux' && process.getuid?.() === 0;
describe.runIf(isPossible)('the same on this machine (Linux, as root)', () => {
  let machine: MachineLab;
  beforeAll(async () => {
    machine = await openLab();
  });
  afterAll(() => machine?.remove());

  it.each(MACHINE)('over a fault: %s', async (name) => {
    const fault = MACHINE_FAULTS.find((each) => each.name === name)!;
    expect(await driveMachineFault(machine, fault)).toMatchObject({ isReady: true });
  });
});
