import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { bytesIn } from '../fixtures/folder-size.ts';
import { plainEnvironment, runProgram } from '../fixtures/program.ts';
import { programAs } from './program-as.ts';

/** What ten upgrades leave on the disk. */
export interface UpgradeSizes {
  /** Of a root with the last version alone. */
  freshBytes: number;
  /** After each upgrade, oldest first. */
  grownBytes: number[];
  prunedBytes: number;
}

const UPGRADES = 10;
const SETUP = ['setup', '--yes', '--no-input', '--json', '--python', '/usr/bin/python3'];

/** Installs this program under eleven versions one after the other into one root, prunes by the last, and compares with a root of its own. */
export async function upgradeSizes(): Promise<UpgradeSizes> {
  const home = await realpath(await mkdtemp(join(tmpdir(), 'ktx-upgrades-')));
  const project = join(home, 'project');
  await mkdir(project);
  await writeFile(join(project, 'ktx.yaml'), '');
  const run = async (root: string, launcher: string, args: readonly string[]) => {
    const env = plainEnvironment(home, { KTX_RUNTIME_ROOT: root });
    const { exitCode, stdout, stderr } = await runProgram(args, { env, cwd: project, launcher });
    if (exitCode !== 0) throw new Error(`ktx ${args.join(' ')}: ${stdout.slice(-1500)}${stderr}`);
  };
  try {
    const old = join(home, 'old');
    const grownBytes: number[] = [];
    let launcher = '';
    for (let upgrade = 0; upgrade <= UPGRADES; upgrade++) {
      launcher = await programAs(home, `0.${upgrade + 1}.0`);
      await run(old, launcher, SETUP);
      await run(old, launcher, [...SETUP, '--force']);
      await leaveOfAnotherLock(old, upgrade);
      grownBytes.push(bytesIn(old));
    }
    await run(old, launcher, ['admin', 'runtime', 'prune', '--yes']);
    const prunedBytes = bytesIn(old);
    const fresh = join(home, 'fresh');
    await run(fresh, launcher, SETUP);
    await run(fresh, launcher, [...SETUP, '--force']);
    return { freshBytes: bytesIn(fresh), grownBytes, prunedBytes };
  } finally {
    await rm(home, { recursive: true, force: true, maxRetries: 3 });
  }
}

/** What a version with another lock leaves that all of them share: its uv, a wheel, a revision of the model. */
async function leaveOfAnotherLock(root: string, upgrade: number): Promise<void> {
  const digit = upgrade.toString(16);
  const files = [
    `0.10.${upgrade}/uv`,
    `store/${digit.repeat(64)}/other-1.0-py3-none-any.whl`,
    `models/all-MiniLM-L6-v2@${digit.repeat(40)}/model.safetensors`,
  ];
  for (const file of files) {
    const path = join(root, 'uv', file);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, Buffer.alloc(5_000_000, upgrade));
  }
}

export function upgradeTable({ freshBytes, grownBytes, prunedBytes }: UpgradeSizes): string {
  const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB`;
  return [
    `after each of ${grownBytes.length - 1} upgrades: ${grownBytes.map(megabytes).join(', ')}`,
    `after prune --yes ${megabytes(prunedBytes)}, a fresh root ${megabytes(freshBytes)}: ${(prunedBytes / freshBytes).toFixed(2)} x`,
  ].join('\n');
}
