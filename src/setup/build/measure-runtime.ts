import { readdirSync, statSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { daemonCommandName } from '../../core/embedder.ts';
import type { RecordedSizes } from '../../runtime/recorded-sizes.ts';

/** `status` checks all of them, each in about 20 µs. */
const MAX_RECORDED = 128;
/** Files recorded of an unpacked Python: what a power cut loses first is small modules. */
const PYTHON_MODULES = 8;
const PYTHON_OTHERS = 4;
/** How long measuring may keep everything else waiting. */
const MAX_TURN_MS = 10;

/** What a new environment consists of. */
export interface RuntimeParts {
  runtimeRoot: string;
  environmentDir: string;
  /** Its managed Python; `null` for a system Python, which others update. */
  pythonDir: string | null;
  /** Files of its embedding model. */
  modelPaths: readonly string[];
}

/** Picks and measures files that stand in for the rest: the largest of each package. */
export async function measureRuntime(parts: RuntimeParts): Promise<RecordedSizes> {
  const { runtimeRoot, environmentDir, pythonDir, modelPaths } = parts;
  const isOwnFile = ownFileTest(daemonCommandName());
  const inEnvironment = await sizesBelow(environmentDir);
  const largest = new Map<string, SizedFile>();
  for (const file of inEnvironment) {
    const group = groupOf(file.name);
    if (group !== null && file.sizeBytes > (largest.get(group)?.sizeBytes ?? 0)) largest.set(group, file);
  }
  const inPython = pythonDir === null ? [] : bySize(await sizesBelow(pythonDir));
  const isModule = ({ name }: SizedFile) => name.endsWith('.py');
  const chosen = [
    ...inEnvironment.filter(({ name }) => isOwnFile(name)),
    ...(await Promise.all(modelPaths.map((path) => sized(path, path)))),
    ...inPython.filter(isModule).slice(0, PYTHON_MODULES),
    ...inPython.filter((file) => !isModule(file)).slice(0, PYTHON_OTHERS),
    ...bySize([...largest.values()]),
  ];
  const entries = chosen.slice(0, MAX_RECORDED).map(({ path, sizeBytes }) => {
    return [relative(runtimeRoot, path).split(sep).join('/'), sizeBytes] as const;
  });
  return Object.fromEntries(entries);
}

interface SizedFile {
  /** Relative to the folder that was walked, with `/`. */
  name: string;
  path: string;
  sizeBytes: number;
}

/** Files of an environment that belong to no package: its configuration, and the wheel's command. */
function ownFileTest(command: string): (name: string) => boolean {
  return (name) => {
    if (name === 'pyvenv.cfg') return true;
    return /^(?:bin|Scripts)\/([^/]+?)(?:\.exe)?$/.exec(name)?.[1] === command;
  };
}

/** The package a file belongs to: a folder of `site-packages`, including `<package>.dist-info`. */
function groupOf(name: string): string | null {
  return /\/site-packages\/([^/]+)/.exec(name)?.[1] ?? null;
}

/**
 * Sizes of all files below a folder, except byte code. Synchronous calls take a third of the processor time of
 * asynchronous ones, for which the proof would wait.
 */
async function sizesBelow(root: string): Promise<SizedFile[]> {
  const files: SizedFile[] = [];
  const folders = [''];
  let turnEndsAt = performance.now() + MAX_TURN_MS;
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
      const name = `${folder}${entry.name}`;
      if (entry.isDirectory() && entry.name !== '__pycache__') folders.push(`${name}/`);
      if (!entry.isFile()) continue;
      const path = join(root, name);
      files.push({ name, path, sizeBytes: statSync(path).size });
    }
    if (performance.now() < turnEndsAt) continue;
    await setImmediate();
    turnEndsAt = performance.now() + MAX_TURN_MS;
  }
  return files;
}

async function sized(path: string, name: string): Promise<SizedFile> {
  return { name, path, sizeBytes: (await stat(path)).size };
}

function bySize(files: readonly SizedFile[]): SizedFile[] {
  return [...files].sort((a, b) => b.sizeBytes - a.sizeBytes);
}
