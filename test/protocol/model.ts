import { spawnSync } from 'node:child_process';
import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PACKAGE_ROOT } from '../../src/support/package-root.ts';

const MODEL = join(PACKAGE_ROOT, 'test', 'protocol', 'runtime.pml');

/** Each rule of the protocol, and the invariant that falls without it. */
export const RULES = {
  WITHOUT_LOCK: 'finished[inForce]',
  WITHOUT_SYNC: 'finished[inForce]',
  WITHOUT_HISTORY: 'it==left[inForce]',
  WITHOUT_USE: '!(used[it])',
  MANIFEST_FIRST: 'finished[inForce]',
} as const;

export interface Bounds {
  /** Environments that there can be at once. */
  ENVS: number;
  /** Installs, undos and removals together. */
  CHANGES: number;
  KILLS: number;
  CUTS: number;
}

export interface Verdict {
  states: number;
  /** The assertion that did not hold; `null` when all did, in every interleaving. */
  violated: string | null;
}

/** What is missing to check the model here, by the name of its Debian package; `null`: nothing. */
export function missingForModel(): string | null {
  const missing = [
    ['spin', 'spin'],
    ['gcc', 'gcc'],
  ].filter(([program]) => spawnSync(program!, ['--version']).error !== undefined);
  return missing.length === 0 ? null : missing.map(([, name]) => name).join(', ');
}

/** Goes through every interleaving within these bounds. @param folder empty; spin writes its checker there. */
export async function checkModel(
  folder: string,
  bounds: Bounds,
  without?: keyof typeof RULES,
): Promise<Verdict> {
  await copyFile(MODEL, join(folder, 'runtime.pml'));
  const run = (command: string, args: readonly string[]) => {
    const { status, stdout, stderr } = spawnSync(command, args, { cwd: folder, encoding: 'utf8' });
    if (status !== 0) throw new Error(`${command}: ${stdout}${stderr}`);
    return stdout;
  };
  run('spin', ['-a', ...definesOf(bounds), ...(without ? [`-D${without}`] : []), 'runtime.pml']);
  run('gcc', ['-O2', '-w', '-DSAFETY', '-DCOLLAPSE', '-DMEMLIM=6000', '-o', 'pan', 'pan.c']);
  const said = run('./pan', ['-m100000']);
  if (/max search depth too small|out of memory|reached -DMEMLIM/.test(said)) throw new Error(said);
  const states = Number(/^\s*([\d.e+]+) states, stored/m.exec(said)?.[1]);
  const isClean = /errors: 0$/m.test(said);
  const [, violated = 'no assertion is named'] = /assertion violated (.*) \(at depth/.exec(said) ?? [];
  return { states, violated: isClean ? null : violated };
}

/** One step of a run of the model, and how things stood after it. */
export interface ModelStep {
  what: 'begin' | 'finished' | 'written' | 'install' | 'undo' | 'tidy' | 'use' | 'leave';
  which: number;
  active: number | null;
  target: number | null;
  there: number[];
}

const NONE = 15;

/** A random run, without power cuts. */
export function traceModel(seed: number, bounds: Omit<Bounds, 'CUTS'>): ModelStep[] {
  const { status, stdout, stderr } = spawnSync(
    'spin',
    ['-T', `-n${seed}`, '-DTRACE', ...definesOf({ ...bounds, CUTS: 0 }), MODEL],
    { encoding: 'utf8' },
  );
  if (status !== 0) throw new Error(`spin: ${stdout}${stderr}`);
  return [...stdout.matchAll(/@ (\w+) (\d+) (\d+) (\d+)((?: [01])*)/g)].map((match) => {
    const [, what, which, active, target, there] = match as unknown as [string, ...string[]];
    const orNone = (text: string) => (Number(text) === NONE ? null : Number(text));
    return {
      what: what as ModelStep['what'],
      which: Number(which),
      active: orNone(active!),
      target: orNone(target!),
      there: there!
        .trim()
        .split(' ')
        .flatMap((mark, id) => (mark === '1' ? [id] : [])),
    };
  });
}

function definesOf(bounds: Bounds): string[] {
  return Object.entries(bounds).map(([name, value]) => `-D${name}=${value}`);
}
