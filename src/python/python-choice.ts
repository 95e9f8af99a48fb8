import type { KtxRuntimeFeature } from '../core/features.ts';
import { LOCKED_MINORS } from '../shipped/asset-digest.ts';
import { unavailability } from '../shipped/feature-support.ts';
import { type Artefact, lockArtefact, type RuntimeLock } from '../shipped/lock.ts';
import { type HostPlatform, lockedMinors, platformKey, targetKey } from '../shipped/target.ts';
import { SetupError } from '../support/errors.ts';
import {
  otherPython,
  otherRemedy,
  setupAgain,
  USE_PYTHON_MIRROR,
  USE_SYSTEM_PYTHON,
} from '../support/remedies.ts';
import { managedPythonKey } from './python-downloads.ts';
import {
  findSystemPythons,
  inspectSystemPython,
  minorOf,
  type SystemPython,
  type SystemPythonSearch,
} from './system-python.ts';
import { findUnpackedPython } from './unpacked-python.ts';

/**
 * `auto`: managed if available, else a system interpreter that passes its check. A version (`3.13`,
 * `3.13.2`): the same, restricted to that version.
 */
export type PythonChoice = 'auto' | 'managed' | 'system' | { path: string } | { version: string };

export interface ManagedPython {
  kind: 'managed';
  version: string;
  target: string;
  archive: Artefact;
  /** Where the archive is: already unpacked, in the store, or still to be fetched. */
  presence: 'unpacked' | 'stored' | 'fetch';
  /** Where it was unpacked earlier. Its files are verified against their list just before use. */
  unpackedDir: string | null;
  notes: string[];
}

export interface ChosenSystemPython {
  kind: 'system';
  version: string;
  path: string;
  target: string;
  notes: string[];
  /**
   * Why the others were rejected: each source of the managed one, and each interpreter found on this machine.
   */
  rejected: string[];
}

export type PythonDecision = ManagedPython | ChosenSystemPython;

/**
 * Decides which Python the environment uses. Order for `auto`: managed and unpacked, managed and in the
 * store, managed and reachable, then a system interpreter that matches the lock and passes its check.
 * @throws SetupError naming every source and interpreter that was tried, and why it was rejected.
 */
export async function choosePython(options: {
  choice: PythonChoice;
  lock: RuntimeLock;
  host: HostPlatform;
  features: readonly KtxRuntimeFeature[];
  pythonDir: string;
  env: NodeJS.ProcessEnv;
  /** The runtime may be shared: prefer an interpreter that all users can run. */
  isShared?: boolean;
  isStored: (artefact: Artefact) => Promise<boolean>;
  /**
   * Checks the archive's sources; one line for each that cannot provide it, empty as soon as one can. If
   * patient, waits for slow sources; otherwise a slow source counts as an obstacle after a moment.
   */
  findObstacles: (archive: Artefact, isPatient: boolean) => Promise<string[]>;
  signal?: AbortSignal;
}): Promise<PythonDecision> {
  const { choice, lock, host } = options;
  const supported = lockedMinors(lock, host).filter(
    (minor) => unavailability(lock, host, minor, options.features) === null,
  );
  if (supported.length === 0) throw unsupportedPlatform(lock, host, options.features);
  const version = typeof choice === 'object' && 'version' in choice ? choice.version : null;
  const minors = version === null ? supported : supported.filter((minor) => minor === minorOf(version));
  if (version !== null && minors.length === 0) throw unsupportedVersion(version, lock, options, supported);

  const lockedHere = lockedMinors(lock, host);
  const whyNot = (minor: string) =>
    lockedHere.includes(minor) ? unavailability(lock, host, minor, options.features) : null;
  if (typeof choice === 'object' && 'path' in choice) {
    const judged = await systemPythonFor(choice, [], { ...options, minors, whyNot });
    return systemDecision(judged, host, [], []);
  }

  const isWanted = (found: string) => version === null || `${found}.`.startsWith(`${version}.`);
  const candidate = choice === 'system' ? null : managedCandidate(lock, host, minors);
  const managed = candidate !== null && isWanted(candidate.version) ? candidate : null;
  let obstacles: string[] = [];
  if (managed) {
    const key = managedPythonKey(host, managed.version);
    const wanted = { key, archiveSha256: managed.archive.sha256 };
    const unpackedDir = await findUnpackedPython(options.pythonDir, wanted);
    if (unpackedDir !== null) return { ...managed, presence: 'unpacked', unpackedDir };
    if (await options.isStored(managed.archive)) return { ...managed, presence: 'stored' };
    obstacles = await options.findObstacles(managed.archive, choice === 'managed');
    if (obstacles.length === 0) return { ...managed, presence: 'fetch' };
  }
  if (choice === 'managed') throw noManagedPython(lock, host, obstacles);

  const { env, isShared, signal } = options;
  const search = await findSystemPythons({
    host,
    minors,
    knownMinors: lockedHere,
    whyNot,
    env,
    isShared,
    signal,
  });
  const best = search.usable.find((python) => isWanted(python.version));
  if (!best && managed) {
    // Nothing else is left, so wait for the slow source.
    obstacles = await options.findObstacles(managed.archive, true);
    if (obstacles.length === 0) return { ...managed, presence: 'fetch' };
  }
  if (!best) {
    const isForCore = ({ foundVersion }: { foundVersion?: string }) =>
      foundVersion !== undefined && unavailability(lock, host, minorOf(foundVersion), ['core']) === null;
    throw noPython(minors, obstacles, search, options.features.length > 1 && search.refused.some(isForCore));
  }
  const notes =
    choice !== 'system' && managed
      ? [
          `Python ${managed.version} is not available here; using the system's Python ${best.version} (${best.path}), which is supported`,
        ]
      : [];
  if (best.closedBy) {
    notes.push(
      `Only this user will be able to use the runtime: its Python ${best.path} is in ${best.closedBy}, which is closed to others`,
    );
  }
  return systemDecision(best, host, notes, [...obstacles, ...passedOver(best, search)]);
}

/** Why each other interpreter was not chosen. One of the same version is usually another name of the chosen one. */
function passedOver(best: SystemPython, { usable, refused }: SystemPythonSearch): string[] {
  return [
    ...usable
      .filter(({ version }) => version !== best.version)
      .map(({ path, version }) => `${path} is Python ${version} and fits; ${best.version} goes first`),
    ...refused.map(({ path, reason }) => `${path} ${reason}`),
  ];
}

function managedCandidate(
  lock: RuntimeLock,
  host: HostPlatform,
  minors: readonly string[],
): ManagedPython | null {
  const sha256 = lock.python.archives[platformKey(host)];
  if (!sha256 || !minors.includes(minorOf(lock.python.version))) return null;
  return {
    kind: 'managed',
    version: lock.python.version,
    target: targetKey(host, lock.python.version),
    archive: lockArtefact(lock, sha256),
    presence: 'fetch',
    unpackedDir: null,
    notes: [],
  };
}

function systemDecision(
  python: SystemPython,
  host: HostPlatform,
  notes: string[],
  rejected: string[],
): ChosenSystemPython {
  const { path, version } = python;
  return { kind: 'system', path, version, target: targetKey(host, python.version), notes, rejected };
}

function unsupportedPlatform(
  lock: RuntimeLock,
  host: HostPlatform,
  features: readonly KtxRuntimeFeature[],
): SetupError {
  const reasons = lockedMinors(lock, host).map(
    (minor) => `Python ${minor}: ${unavailability(lock, host, minor, features)}`,
  );
  return new SetupError(`${features.join(' and ')} cannot be installed on ${platformKey(host)}.`, {
    failureClass: 'platform',
    evidence: reasons.length > 0 ? reasons : [`no packages are locked for ${platformKey(host)}`],
    remedies: features.length > 1 ? [setupAgain('Install without embeddings', ['--feature', 'core'])] : [],
  });
}

function unsupportedVersion(
  version: string,
  lock: RuntimeLock,
  { host, features }: { host: HostPlatform; features: readonly KtxRuntimeFeature[] },
  supported: readonly string[],
): SetupError {
  const minor = minorOf(version);
  const reason = lockedMinors(lock, host).includes(minor)
    ? `${features.join(' and ')}: ${unavailability(lock, host, minor, features)}`
    : `no packages are locked for Python ${minor} on ${platformKey(host)}`;
  return new SetupError(`Python ${version} cannot be used for the runtime.`, {
    failureClass: 'platform',
    evidence: [reason],
    remedies: [
      ...supported
        .slice(0, 1)
        .map((minor) => setupAgain(`Use Python ${supported.join(' or ')}`, ['--python', minor])),
      setupAgain('Let ktx choose one', ['--python', 'auto']),
    ],
  });
}

function noManagedPython(lock: RuntimeLock, host: HostPlatform, obstacles: string[]): SetupError {
  return new SetupError(`Python ${lock.python.version} for ${platformKey(host)} cannot be fetched.`, {
    failureClass: obstacles.length > 0 ? 'network' : 'platform',
    evidence: obstacles.length > 0 ? obstacles : [`the lock names no archive for ${platformKey(host)}`],
    remedies: [USE_SYSTEM_PYTHON, USE_PYTHON_MIRROR],
  });
}

/**
 * The minor version with the most prebuilt packages when a lock is made. Versions closer to it are preferred.
 */
const FAVOURED_MINOR = 13;
const KNOWN_MINORS = [...LOCKED_MINORS].sort(
  (a, b) => Math.abs(a - FAVOURED_MINOR) - Math.abs(b - FAVOURED_MINOR) || a - b,
);

/**
 * The minor versions possible for a wheel without a lock: those its Requires-Python allows, or that of the
 * requested version.
 */
export function foreignMinors(specifier: string, request: string): string[] {
  const minimum = Number(request.split('.')[1]);
  const below = Number(/<\s*3\.(\d+)/.exec(specifier)?.[1] ?? Number.POSITIVE_INFINITY);
  const isExact = !specifier.includes(request);
  return KNOWN_MINORS.filter((minor) =>
    isExact ? minor === minimum : minor >= minimum && minor < below,
  ).map((minor) => `3.${minor}`);
}

/**
 * An interpreter of this machine: the one at the path, or the best that passes its check.
 * @param obstacles why none can be fetched, one line each.
 * @throws SetupError naming every interpreter that was tried, and why it was rejected.
 */
export async function systemPythonFor(
  choice: 'system' | { path: string },
  obstacles: readonly string[],
  search: {
    minors: readonly string[];
    whyNot?: (minor: string) => string | null;
    host: HostPlatform;
    env: NodeJS.ProcessEnv;
    signal?: AbortSignal;
  },
): Promise<SystemPython> {
  if (choice !== 'system') {
    const judged = await inspectSystemPython({ ...search, path: choice.path });
    if ('version' in judged) return judged;
    throw new SetupError(`The Python at ${choice.path} cannot be used: it ${judged.reason}.`, {
      failureClass: 'platform',
      evidence: [`--python ${choice.path}`],
      remedies: [
        otherRemedy(`Use one of Python ${[...search.minors].reverse().join(', ')}`),
        setupAgain('Let ktx choose one', ['--python', 'auto']),
      ],
    });
  }
  const found = await findSystemPythons(search);
  const [best] = found.usable;
  if (best) return best;
  throw noPython(search.minors, [...obstacles], found);
}

function noPython(
  minors: readonly string[],
  obstacles: string[],
  search: SystemPythonSearch,
  wouldDoForCore = false,
): SetupError {
  return new SetupError('No Python for the runtime: none can be fetched and none on this machine fits.', {
    failureClass: obstacles.length > 0 ? 'network' : 'platform',
    evidence: [...obstacles, ...search.refused.map(({ path, reason }) => `${path} ${reason}`)],
    remedies: [
      ...(wouldDoForCore ? [setupAgain('Install without embeddings', ['--feature', 'core'])] : []),
      otherRemedy(
        `Install Python ${[...minors].reverse().join(', ')} with your system's package manager, then run`,
        { afterwards: ['ktx', 'setup'] },
      ),
      otherPython('Name an interpreter'),
      USE_PYTHON_MIRROR,
    ],
  });
}
