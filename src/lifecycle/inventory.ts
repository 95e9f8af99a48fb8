import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { isOwnVersionName } from '../core/embedder.ts';
import { isVersionName, VERSION } from '../core/version-name.ts';
import { PYTHON_LEFTOVER, PYTHON_MARKERS } from '../python/unpacked-python.ts';
import { ENVIRONMENT_ID, ENVIRONMENT_MARKERS, LEFTOVERS } from '../runtime/environments.ts';
import { RUN_ID } from '../runtime/left-runs.ts';
import { errorMessage } from '../support/errors.ts';
import { type Kind, kindOf } from '../support/fs/file-kind.ts';
import type { FolderMarkers } from '../support/fs/remove-aside.ts';
import {
  type Evidence,
  environmentEvidence,
  environmentLinkEvidence,
  isGone,
  type Known,
  manifestEvidence,
  newerManifest,
  pythonEvidence,
  readKnown,
} from './ownership.ts';

/** Something below the runtime root that this program created, deleted as a whole. */
export interface OwnedItem {
  path: string;
  /** A description for lists. */
  what: string;
  sizeBytes: number;
  /**
   * For a folder identified by its content: it is renamed aside and deleted in this order, so that an
   * interruption leaves something recognisable.
   */
  markers: FolderMarkers | null;
}

export interface Inventory {
  owned: OwnedItem[];
  /** Unknown entries, and errors that prevented a closer look: never deleted. */
  foreign: { path: string; sizeBytes: number; reason: string }[];
  /**
   * Version folders of other programs, each with its own wheel. They are kept, along with everything they
   * share with ours.
   */
  others: string[];
  /** Folders that contain only the above, deepest first; removed if empty. */
  folders: string[];
}

/**
 * What one of our folders may contain. A folder with `children` is walked; any other match is ours as a
 * whole.
 */
interface Shape {
  name: RegExp;
  kind: Kind;
  what: string;
  children?: readonly Shape[];
  /** For names that alone prove nothing. */
  evidence?: Evidence;
  /** Of a folder: the files that serve as evidence. */
  markers?: FolderMarkers;
}

const SHARED_SHAPES: readonly Shape[] = [
  {
    name: /^\d+\.\d+\.\d+$/,
    kind: 'folder',
    what: 'uv',
    children: [{ name: /^uv(?:\.exe)?(?:\.\d+\.download|\.verified)?$/, kind: 'file', what: 'uv' }],
  },
  {
    name: /^store$/,
    kind: 'folder',
    what: 'downloads',
    children: [
      { name: /^[0-9a-f]{64}$/, kind: 'folder', what: 'downloads' },
      {
        name: /^[0-9a-f]{64}\.partial(?:\.json(?:\.\d+\.[0-9a-f]{8}\.tmp)?)?$/,
        kind: 'file',
        what: 'downloads',
      },
    ],
  },
  {
    name: /^python$/,
    kind: 'folder',
    what: 'Python',
    children: [
      {
        name: ENVIRONMENT_ID,
        kind: 'folder',
        what: 'Python',
        evidence: pythonEvidence,
        markers: PYTHON_MARKERS,
      },
      { name: PYTHON_LEFTOVER, kind: 'folder', what: 'Python' },
    ],
  },
  {
    name: /^models$/,
    kind: 'folder',
    what: 'models',
    children: [
      { name: /^(?:\.staged-)?[\w.-]+@[0-9a-f]{40}(?:-[0-9a-f]{8})?$/, kind: 'folder', what: 'models' },
    ],
  },
  {
    name: /^locks$/,
    kind: 'folder',
    what: 'locks',
    children: [
      {
        name: new RegExp(`^(?:root|${VERSION})\\.lock(?:\\.holder\\.json(?:\\.\\d+\\.tmp)?)?$`),
        kind: 'file',
        what: 'locks',
      },
      // FUSE file systems rename a file to this when it is deleted while open.
      { name: /^\.fuse_hidden[0-9a-f]+$/, kind: 'file', what: 'locks' },
    ],
  },
  {
    name: /^runs$/,
    kind: 'folder',
    what: 'notes of runs',
    children: [{ name: RUN_ID, kind: 'folder', what: 'notes of runs' }],
  },
  {
    name: /^logs$/,
    kind: 'folder',
    what: 'logs',
    children: [{ name: /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\.log$/, kind: 'file', what: 'logs' }],
  },
  {
    name: /^backups$/,
    kind: 'folder',
    what: 'backups of repairs',
    children: [{ name: /^[0-9a-f]{8}$/, kind: 'folder', what: 'backups of repairs' }],
  },
  {
    name: /^daemons$/,
    kind: 'folder',
    what: 'secrets of daemons',
    children: [
      {
        name: /^[0-9a-f]{64}(?:\.\d+\.[0-9a-f]{8}\.tmp)?$/,
        kind: 'file',
        what: 'secrets of daemons',
      },
    ],
  },
  { name: /^known-files$/, kind: 'file', what: 'downloads' },
  { name: /^index-pages\.json(?:\.\d+\.[0-9a-f]{8}\.tmp)?$/, kind: 'file', what: 'downloads' },
  { name: /^choices\.json(?:\.\d+\.[0-9a-f]{8}\.tmp)?$/, kind: 'file', what: 'choices' },
  { name: /^network\.json(?:\.\d+\.[0-9a-f]{8}\.tmp)?$/, kind: 'file', what: 'network settings' },
];

const LEFTOVER_SHAPES = (['folder', 'link', 'file'] as const).map(
  (kind): Shape => ({ name: LEFTOVERS[kind], kind, what: 'runtime' }),
);
const VERSION_SHAPES: readonly Shape[] = [
  { name: /^manifest\.json$/, kind: 'file', what: 'runtime', evidence: manifestEvidence },
  { name: /^install\.log$/, kind: 'file', what: 'runtime' },
  { name: /^history\.jsonl$/, kind: 'file', what: 'runtime' },
  { name: /^\.venv$/, kind: 'link', what: 'runtime', evidence: environmentLinkEvidence },
  {
    name: /^\.venv$/,
    kind: 'folder',
    what: 'runtime',
    evidence: environmentEvidence,
    markers: ENVIRONMENT_MARKERS,
  },
  ...LEFTOVER_SHAPES,
  {
    name: /^envs$/,
    kind: 'folder',
    what: 'runtime',
    children: [
      {
        name: ENVIRONMENT_ID,
        kind: 'folder',
        what: 'runtime',
        evidence: environmentEvidence,
        markers: ENVIRONMENT_MARKERS,
      },
      ...LEFTOVER_SHAPES,
    ],
  },
];

const ROOT_SHAPES: readonly Shape[] = [
  { name: /^uv$/, kind: 'folder', what: 'shared', children: SHARED_SHAPES },
  { name: new RegExp(`^${VERSION}$`), kind: 'folder', what: 'runtime', children: VERSION_SHAPES },
];

/**
 * Walks the whole runtime root. Entries are recognised as ours by name and kind, and by content where anyone
 * could use the name; journals vouch for unfinished ones. Follows no links, deletes nothing. Hard links are
 * counted once.
 */
export async function takeInventory(runtimeRoot: string): Promise<Inventory> {
  const inventory: Inventory = {
    owned: [],
    foreign: [],
    others: await foldersOfOthers(runtimeRoot),
    folders: [],
  };
  const context = { inventory, seen: new Set<string>(), known: await readKnown(runtimeRoot) };
  await look(runtimeRoot, ROOT_SHAPES, context, null);
  return inventory;
}

async function foldersOfOthers(runtimeRoot: string): Promise<string[]> {
  const entries = await readdir(runtimeRoot, { withFileTypes: true }).catch(() => []);
  return entries
    .filter((entry) => entry.isDirectory() && isVersionName(entry.name) && !isOwnVersionName(entry.name))
    .map(({ name }) => join(runtimeRoot, name))
    .sort();
}

interface Context {
  inventory: Inventory;
  seen: Set<string>;
  known: Known;
}

async function look(
  folder: string,
  shapes: readonly Shape[],
  context: Context,
  version: string | null,
): Promise<void> {
  const { inventory, seen, known } = context;
  for (const name of (await readdir(folder).catch(() => [])).sort()) {
    const path = join(folder, name);
    if (inventory.others.includes(path)) continue;
    const status = await lstat(path).catch(() => null);
    // Plans hold no lock, so another run may have deleted what was just listed.
    if (status === null) continue;
    const named = shapes.filter((candidate) => candidate.name.test(name));
    const shape = named.find((candidate) => candidate.kind === kindOf(status));
    const newer = shape?.children === VERSION_SHAPES ? await newerManifest(path) : null;
    if (newer !== null) {
      const reason = `was written by ${newer}, which this version does not understand`;
      inventory.foreign.push({ path, sizeBytes: await sizeOf(path, seen), reason });
      continue;
    }
    if (shape?.children) {
      if (shape.children === SHARED_SHAPES && inventory.others.length > 0) continue;
      const within = shape.children === VERSION_SHAPES ? `runtime ${name}` : version;
      await look(path, shape.children, context, within);
      continue;
    }
    const reason = shape ? await reasonAgainst(shape, path, name, known) : unfit(named, kindOf(status));
    if (reason !== null && (await isGone(path))) continue;
    const sizeBytes = await sizeOf(path, seen);
    if (reason !== null) {
      inventory.foreign.push({ path, sizeBytes, reason });
    } else {
      inventory.owned.push({
        path,
        what: version ?? shape?.what ?? '',
        sizeBytes,
        markers: shape?.markers ?? null,
      });
    }
  }
  inventory.folders.push(folder);
}

async function reasonAgainst(shape: Shape, path: string, name: string, known: Known): Promise<string | null> {
  if (!shape.evidence) return null;
  return shape.evidence(path, name, known).catch((error: unknown) => errorMessage(error));
}

function unfit(named: readonly Shape[], kind: Kind): string {
  const [shape] = named;
  return shape ? `is no ${shape.kind} of ours: it is a ${kind}` : 'is not known to ktx';
}

/** Size in bytes of a file, or of everything in a folder. */
async function sizeOf(path: string, seen: Set<string>): Promise<number> {
  const status = await lstat(path).catch(() => null);
  if (!status) return 0;
  if (!status.isDirectory()) {
    const identity = `${status.dev}:${status.ino}`;
    if (status.nlink > 1 && seen.has(identity)) return 0;
    seen.add(identity);
    return status.size;
  }
  const names = await readdir(path).catch(() => []);
  let sum = 0;
  for (const name of names) sum += await sizeOf(join(path, name), seen);
  return sum;
}
