import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openJournal } from '../../src/runtime/journal.ts';
import type { SetupOptions } from '../../src/setup/request/setup-options.ts';
import { runSetup } from '../../src/setup/setup.ts';
import { activeEnvironment, makeWorld, type World, whoAnswers } from '../fixtures/fault-world.ts';
import { type LoopbackIndex, startLoopbackIndex } from '../fixtures/loopback-index.ts';
import { packSystemPython, writeAssetWithPython } from '../fixtures/python-archive.ts';
import type { WheelhouseFile } from '../fixtures/wheelhouse.ts';

/** What became of one flipped bit. `used` must never be. */
export type Verdict = 'refused' | 'repaired' | 'without consequence' | 'used';

export interface FlipRow {
  artefact: string;
  verdicts: Record<Verdict, number>;
  /** What was wrong, for each that was used. */
  problems: string[];
}

interface Target {
  artefact: string;
  /** Puts it there where it does not lie anyway. @returns its path. */
  place(world: World): Promise<string>;
  /** The setup that reads it. */
  setup(world: World): Promise<{ isOk: boolean; said: string }>;
  /** Decides about a setup that succeeded. @returns `null` when all is as if the bit had not been flipped. */
  judge(world: World, path: string, original: Buffer): Promise<Verdict>;
}

/** Flips so many bits in each artefact that an install reads, one at a time, and lets a setup run over each. */
export async function flipRows(
  wheelhouse: readonly WheelhouseFile[],
  flips: number,
  random: () => number,
  only: (artefact: string) => boolean = () => true,
): Promise<FlipRow[]> {
  const index = await startLoopbackIndex(wheelhouse);
  const world = await makeWorld(index);
  const managed = await managedWorld(wheelhouse);
  const rows: FlipRow[] = [];
  try {
    for (const target of TARGETS.filter((entry) => only(entry.artefact)))
      rows.push(await flipAll(world, target, flips, random));
    for (const target of MANAGED_TARGETS.filter((entry) => only(entry.artefact)))
      rows.push(await flipAll(managed.world, target, flips, random));
  } finally {
    await world.remove();
    await managed.close();
    await index.close();
  }
  return rows;
}

async function flipAll(world: World, target: Target, flips: number, random: () => number): Promise<FlipRow> {
  const verdicts = { refused: 0, repaired: 0, 'without consequence': 0, used: 0 };
  const row: FlipRow = { artefact: target.artefact, verdicts, problems: [] };
  for (let flip = 0; flip < flips; flip++) {
    await mustWork(world);
    const path = await target.place(world);
    const before = await activeEnvironment(world);
    const original = await readFile(path);
    const bit = Math.floor(random() * original.length * 8);
    const flipped = Buffer.from(original);
    flipped[bit >> 3]! ^= 1 << (bit & 7);
    await writeFile(path, flipped);
    const outcome = await target.setup(world);
    const problem = async (): Promise<string | null> => {
      if (!outcome.isOk) {
        row.verdicts.refused++;
        // Refused means that what was there before goes on.
        await writeFile(path, original);
        return (await whoAnswers(world, before)) === 'old' ? null : 'the old runtime does not answer';
      }
      await whoAnswers(world, null);
      const verdict = await target.judge(world, path, original);
      row.verdicts[verdict]++;
      await writeFile(path, original).catch(() => {});
      return verdict === 'used' ? 'the altered bytes were used' : null;
    };
    const found = await problem().catch((error: unknown) => {
      row.verdicts.used++;
      return String(error);
    });
    if (found !== null) row.problems.push(`${target.artefact}, bit ${bit}: ${found} (${outcome.said})`);
  }
  return row;
}

/** The usual setup, whose runtime every flip starts from. */
async function mustWork(world: World): Promise<void> {
  const { isOk, said } = await (world.bundledAssets in managedOptions
    ? managedSetup(world)
    : setup(world, {}));
  if (!isOk) throw new Error(`the usual setup does not work: ${said}`);
}

/** From the bundle with its own assets, so that the whole chain of digests counts. */
async function setup(world: World, change: Partial<SetupOptions>) {
  const { assetDir: _, ...options } = world.options(change);
  const ended = await world.start(options as SetupOptions).ended;
  return { isOk: ended.exitCode === 0, said: ended.stderr.split('\n')[0] ?? '' };
}

const forced = (world: World) => setup(world, { shouldForce: true });
const usual = (world: World) => setup(world, {});

const isRestored: Target['judge'] = async (_world, path, original) => {
  const now = await readFile(path).catch(() => null);
  // Gone, or as it should be: fetched or made anew.
  return now === null || now.equals(original) ? 'repaired' : 'used';
};

async function inStore(world: World, name: string): Promise<string> {
  const storeDir = join(world.runtimeRoot, 'uv', 'store');
  for (const digest of await readdir(storeDir)) {
    const file = (await readdir(join(storeDir, digest)).catch(() => [])).find((entry) =>
      entry.startsWith(name),
    );
    if (file) return join(storeDir, digest, file);
  }
  throw new Error(`${name} is not in the store`);
}

const asset = (artefact: string, file: (names: string[]) => string): Target => ({
  artefact,
  place: async (world) => join(world.bundledAssets, file(await readdir(world.bundledAssets))),
  setup: forced,
  judge: async () => 'used',
});

const TARGETS: readonly Target[] = [
  asset('bundled manifest.json', () => 'manifest.json'),
  asset('lock.json', () => 'lock.json'),
  asset('requirements', () => 'requirements.core.txt'),
  asset('bundled wheel', (names) => names.find((name) => name.endsWith('.whl'))!),
  {
    artefact: 'uv, the binary',
    place: async (world) => join(world.runtimeRoot, 'uv', '0.11.21', 'uv'),
    setup: forced,
    judge: isRestored,
  },
  {
    artefact: 'uv, its stored wheel',
    place: async (world) => {
      // Read when the binary has to be made anew.
      await rm(join(world.runtimeRoot, 'uv', '0.11.21', 'uv'));
      return inStore(world, 'uv-');
    },
    setup: forced,
    judge: isRestored,
  },
  {
    artefact: 'stored wheel',
    place: (world) => inStore(world, 'sqlglot-'),
    setup: forced,
    judge: isRestored,
  },
  {
    artefact: 'stored small wheel',
    place: (world) => inStore(world, 'h11-'),
    setup: forced,
    judge: isRestored,
  },
  {
    artefact: 'known-files',
    place: async (world) => {
      await forced(world);
      return join(world.runtimeRoot, 'uv', 'known-files');
    },
    setup: forced,
    judge: isRestored,
  },
  {
    artefact: '.partial of a wheel',
    place: async (world) => {
      const path = await inStore(world, 'sqlglot-');
      const bytes = await readFile(path);
      const digest = path.split('/').at(-2)!;
      await rm(join(path, '..'), { recursive: true });
      const partial = join(world.runtimeRoot, 'uv', 'store', `${digest}.partial`);
      await writeFile(partial, bytes.subarray(0, Math.floor(bytes.length / 2)));
      return partial;
    },
    setup: forced,
    judge: isRestored,
  },
  {
    artefact: 'installed manifest.json',
    place: async (world) => join(world.versionDir, 'manifest.json'),
    setup: usual,
    judge: async (_world, path, original) => {
      const now = await readFile(path, 'utf8');
      const { installedAt: _, installLog: __, ...rest } = JSON.parse(now);
      const { installedAt: ___, installLog: ____, ...expected } = JSON.parse(original.toString());
      if (JSON.stringify(rest.python) !== JSON.stringify(expected.python)) return 'repaired';
      return 'without consequence';
    },
  },
  {
    artefact: 'environment.json',
    place: async (world) => join((await activeEnvironment(world))!, 'environment.json'),
    setup: forced,
    // What it is for is undo, which proves what it goes to; an unreadable one ends the way back.
    judge: async () => 'without consequence',
  },
  {
    artefact: 'journal of a killed run',
    place: async (world) => {
      const runsDir = join(world.runtimeRoot, 'uv', 'runs');
      const journal = openJournal({ runsDir, cliVersion: '0.3.0' });
      journal.write({ step: 'packages' });
      journal.write({ making: 'environment', name: '01234567' });
      journal.child(process.pid, 'KTX_PROCESS_MARK=none');
      await mkdir(join(world.versionDir, 'envs', '01234567'));
      return join(journal.runDir, 'journal.jsonl');
    },
    setup: usual,
    judge: async (world) => {
      const left = [
        ...(await readdir(join(world.runtimeRoot, 'uv', 'runs'))),
        ...(await readdir(join(world.versionDir, 'envs'))).filter((name) => name === '01234567'),
      ];
      return left.length === 0 ? 'repaired' : 'used';
    },
  },
];

/** Setups with a managed Python, by the world they run in. */
const managedOptions: Record<string, Partial<SetupOptions>> = {};

async function managedWorld(wheelhouse: readonly WheelhouseFile[]) {
  let python: Awaited<ReturnType<typeof packSystemPython>> | null = null;
  const index: LoopbackIndex = await startLoopbackIndex(wheelhouse, (request, response) => {
    const path = decodeURIComponent(request.url ?? '');
    if (!python || !path.endsWith(`/${python.file}`)) return false;
    response.writeHead(200, { 'content-length': python.bytes.length });
    response.end(request.method === 'HEAD' ? undefined : python.bytes);
    return true;
  });
  const world = await makeWorld(index);
  python = await packSystemPython(join(world.home, 'pack'));
  const assetDir = join(world.home, 'assets-with-python');
  await writeAssetWithPython(assetDir, python);
  managedOptions[world.bundledAssets] = {
    assetDir,
    python: 'managed',
    env: { ...world.env, UV_ASTRAL_MIRROR_URL: `http://${index.host}` },
  };
  const close = async () => {
    await world.remove();
    await index.close();
  };
  return { world, close };
}

async function managedSetup(world: World, change: Partial<SetupOptions> = {}) {
  const options = world.options({ ...managedOptions[world.bundledAssets], ...change });
  return runSetup(options).then(
    () => ({ isOk: true, said: '' }),
    (error: unknown) => ({ isOk: false, said: String(error) }),
  );
}

const managedForced = (world: World) => managedSetup(world, { shouldForce: true });

/** The folder of the interpreter that the active environment was made from, and of all that were unpacked. */
async function pythonOf(world: World): Promise<string> {
  const config = await readFile(join((await activeEnvironment(world))!, 'pyvenv.cfg'), 'utf8');
  return /^home = (.*)[\\/]bin$/m.exec(config)![1]!;
}

const usesAnother: Target['judge'] = async (world, path) =>
  path.startsWith(join(await pythonOf(world), '..')) ? 'used' : 'repaired';

const MANAGED_TARGETS: readonly Target[] = [
  {
    artefact: 'stored Python archive',
    place: async (world) => {
      // Read when there is none unpacked.
      for (const id of await readdir(join(world.runtimeRoot, 'uv', 'python'))) {
        await rm(join(world.runtimeRoot, 'uv', 'python', id, 'digests.json'), { force: true });
      }
      return inStore(world, 'cpython-');
    },
    setup: managedForced,
    judge: isRestored,
  },
  ...(['lib/python3.*/site.py', 'bin/python3.*', 'lib/python3.*/encodings/__init__.py'] as const).map(
    (pattern): Target => ({
      artefact: `unpacked Python, ${pattern.split('/').at(-1)}`,
      place: async (world) => {
        const root = await pythonOf(world);
        const parts = pattern.split('/');
        const parent = join(root, parts[0]!);
        const name = (await readdir(parent)).find((entry) => /^python3\.\d+$/.test(entry))!;
        return join(parent, name, ...parts.slice(2));
      },
      setup: managedForced,
      judge: usesAnother,
    }),
  ),
  {
    artefact: 'digest list of Python',
    place: async (world) => join(await pythonOf(world), '..', 'digests.json'),
    setup: managedForced,
    judge: usesAnother,
  },
];

/** For people. */
export function flipTable(rows: readonly FlipRow[]): string {
  const columns: Verdict[] = ['refused', 'repaired', 'without consequence', 'used'];
  const lines = [
    ['artefact', 'flips', ...columns],
    ...rows.map(({ artefact, verdicts }) => [
      artefact,
      columns.reduce((sum, column) => sum + verdicts[column], 0),
      ...columns.map((column) => verdicts[column]),
    ]),
    ['in all', ...['flips', ...columns].map((column) => total(rows, column, columns))],
  ].map((row) =>
    row
      .map((cell, position) => (position === 0 ? String(cell).padEnd(32) : String(cell).padStart(21)))
      .join(''),
  );
  return [...lines, ...rows.flatMap(({ problems }) => problems)].join('\n');
}

function total(rows: readonly FlipRow[], column: string, columns: readonly Verdict[]): number {
  const wanted = column === 'flips' ? columns : [column as Verdict];
  return rows.reduce((sum, { verdicts }) => sum + wanted.reduce((part, name) => part + verdicts[name], 0), 0);
}
