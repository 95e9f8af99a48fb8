import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { managedPythonRuntimeLayout } from '../../src/core/layout.ts';
import { readEnvironments, tidyEnvironments } from '../../src/runtime/environments.ts';
import { isEnvironmentInUse } from '../../src/runtime/environments-in-use.ts';
import { HISTORY_FILE } from '../../src/runtime/history.ts';
import { writeRuntime } from '../fixtures/asset.ts';
import { build, type Known, leave, type Surroundings, switchTo, use } from '../runtime/switch-walk.ts';
import type { ModelStep } from './model.ts';

const VERSION = '0.3.0';

/**
 * Does on disk what a run of the model did, with the program's own switch, history and tidying, and compares after each step what
 * is active, where undo goes and which environments are there.
 * @returns the first difference in words, or `null`.
 */
export async function replay(runtimeRoot: string, steps: readonly ModelStep[]): Promise<string | null> {
  const { versionDir: dir } = managedPythonRuntimeLayout({ runtimeRoot, cliVersion: VERSION });
  await mkdir(dir, { recursive: true });
  const known: Known = { dir, active: null, left: null, users: new Map() };
  const manifest = await writeRuntime(join(runtimeRoot, 'template'), VERSION);
  const ids = new Map<number, string>();
  let made = 0;
  try {
    for (const [at, step] of steps.entries()) {
      const around: Surroundings = { runtimeRoot, manifest, random: Math.random, say: () => {}, at: made };
      const id = ids.get(step.which) ?? '';
      switch (step.what) {
        case 'begin': {
          const fresh = (++made).toString(16).padStart(8, '0');
          await mkdir(join(dir, 'envs', fresh), { recursive: true });
          ids.set(step.which, fresh);
          break;
        }
        case 'finished':
          await build(known, around, id);
          if (isFollowedBy('written', step.which, steps.slice(at + 1))) continue;
          await dieBeforeSwitch(known, around, id);
          await forgetLastLine(dir);
          break;
        case 'written':
          // Until the switch the run has the lock, and nobody looks.
          if (isFollowedBy('install', step.which, steps.slice(at + 1))) continue;
          await dieBeforeSwitch(known, around, id);
          break;
        case 'install':
          await switchTo(known, around, id, 'install');
          break;
        case 'undo':
          await switchTo(known, around, id, 'undo');
          break;
        case 'tidy':
          await tidyEnvironments(dir, isEnvironmentInUse);
          break;
        case 'use':
          await use(known);
          break;
        case 'leave':
          await leave(known, id);
      }
      const difference = await compare(dir, step, ids);
      if (difference !== null) return `step ${at}, ${step.what} ${step.which}: ${difference}`;
    }
    return null;
  } finally {
    for (const id of known.users.keys()) await leave(known, id);
  }
}

/** Whether the run went on with this. Daemons come and go meanwhile. */
function isFollowedBy(what: ModelStep['what'], which: number, later: readonly ModelStep[]): boolean {
  const next = later.find((step) => step.what !== 'use' && step.what !== 'leave');
  return next?.what === what && next.which === which;
}

/** The run died just before it wrote it. */
async function forgetLastLine(dir: string): Promise<void> {
  const path = join(dir, HISTORY_FILE);
  const lines = (await readFile(path, 'utf8')).split('\n').filter(Boolean);
  await writeFile(
    path,
    lines
      .slice(0, -1)
      .map((line) => `${line}\n`)
      .join(''),
  );
}

/** All is written but the manifest. */
async function dieBeforeSwitch(known: Known, around: Surroundings, id: string): Promise<void> {
  const blocked = join(known.dir, 'envs', id, 'pyvenv.cfg', 'manifest.json');
  await switchTo(known, around, id, 'install', blocked).catch(() => {});
}

async function compare(
  dir: string,
  { active, target, there }: ModelStep,
  ids: ReadonlyMap<number, string>,
): Promise<string | null> {
  const idOf = (which: number | null) => (which === null ? null : (ids.get(which) ?? null));
  const found = await readEnvironments(dir);
  const foundActive = found.active.kind === 'id' ? found.active.id : null;
  if (foundActive !== idOf(active)) return `active is ${foundActive}, in the model ${idOf(active)}`;
  if (active !== null && found.other !== idOf(target))
    return `undo goes to ${found.other}, in the model to ${idOf(target)}`;
  const names = (await readdir(join(dir, 'envs')).catch(() => []))
    .filter((name) => /^[0-9a-f]{8}$/.test(name))
    .sort();
  const expected = there.map(idOf).sort();
  return String(names) === String(expected) ? null : `there are ${names}, in the model ${expected}`;
}
