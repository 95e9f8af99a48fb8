import { closedPlaceFor, otherOwnerOf } from '../../support/closed-place.ts';
import {
  excludeFromAntivirus,
  FREE_MEMORY,
  FREE_QUOTA,
  FREE_SPACE,
  LIFT_CPU_LIMIT,
  LIFT_FILE_LIMIT,
  MAKE_WRITABLE,
  makeWritable,
  mountExecutable,
  moveAway,
  OTHER_ROOT,
  otherPython,
  otherRemedy,
  otherRoot,
  RAISE_OPEN_FILES,
  RAISE_PROCESSES,
  REBUILD,
  RETRY,
  releaseFromQuarantine,
  setupAgain,
  thenSetup,
  USE_SYSTEM_PYTHON,
} from '../../support/remedies.ts';
import type { CauseRow } from './cause-row.ts';
import type { MachineFacts } from './machine-facts.ts';
import { tightPidsLimit } from './pids-limit.ts';

/** `<text>: <where>`, or the text alone. */
const at =
  (text: string) =>
  ({ where, path }: MachineFacts) =>
    `${text}${(where ?? path) === undefined ? '' : `: ${where ?? path}`}`;
const of = ({ program }: MachineFacts) => program ?? 'A program';
const writable = ({ path }: MachineFacts) => {
  if (path === undefined) return MAKE_WRITABLE;
  const place = closedPlaceFor(path);
  const owner = otherOwnerOf(place);
  return owner === null
    ? makeWritable(place)
    : thenSetup(
        `${place} belongs to uid ${owner}: let its owner install this, or open it to this user, then run`,
      );
};
const aside = ({ path }: MachineFacts) =>
  path === undefined ? thenSetup('Move the file away, then run') : moveAway(path);
const RAISE_CONTAINER_PROCESSES = thenSetup(
  'Give the container more processes (--pids-limit of docker and podman), then run',
);
const EXCLUDE = excludeFromAntivirus('the runtime folder');
const WITHOUT_EMBEDDINGS = setupAgain('Install without embeddings', ['--feature', 'core']);

const ROWS = {
  'disk-full': {
    failureClass: 'disk',
    title: at('The disk is full'),
    remedies: () => [FREE_SPACE, OTHER_ROOT],
  },
  quota: {
    failureClass: 'disk',
    title: at('The disk quota of this user is used up'),
    remedies: () => [FREE_QUOTA, OTHER_ROOT],
  },
  'file-too-large': {
    failureClass: 'disk',
    title: at('A file became larger than this user may write'),
    remedies: () => [LIFT_FILE_LIMIT, OTHER_ROOT],
  },
  'disk-error': {
    failureClass: 'disk',
    title: at('A file was truncated, or its disk failed, while it was used'),
    remedies: () => [REBUILD, OTHER_ROOT],
  },
  'volume-gone': {
    failureClass: 'disk',
    title: at('The volume is no longer there'),
    remedies: () => [thenSetup('Mount it again, then run'), OTHER_ROOT],
  },
  'read-only': {
    failureClass: 'permission',
    title: at('The file system is read-only'),
    remedies: () => [OTHER_ROOT],
  },
  'no-permission': {
    failureClass: 'permission',
    title: at('No permission to write'),
    remedies: (facts) => [writable(facts), OTHER_ROOT],
  },
  'refused-by-system': {
    failureClass: 'permission',
    title: at('The system refused the operation'),
    remedies: (facts) => [writable(facts), EXCLUDE, OTHER_ROOT],
  },
  noexec: {
    failureClass: 'permission',
    title: at('No programs can be started from this volume (noexec)'),
    remedies: ({ path }) => [
      otherRoot('Put the runtime on another volume'),
      ...(path === undefined ? [] : [mountExecutable(path)]),
    ],
  },
  'start-refused': {
    failureClass: 'permission',
    title: (facts) => `${of(facts)} may not be started`,
    remedies: () => [
      otherRoot('Put the runtime on another volume'),
      EXCLUDE,
      otherRemedy('Ask whether a policy of this machine (SELinux, AppArmor, AppLocker) forbids it'),
    ],
  },
  quarantined: {
    failureClass: 'permission',
    title: at('A virus scanner has quarantined a file'),
    remedies: ({ path }) => [
      releaseFromQuarantine(path ?? 'the file'),
      otherRoot('Put the runtime into a folder that the scanner excludes'),
    ],
  },
  'held-by-another-program': {
    failureClass: 'conflict',
    title: at('Another program holds a file of the runtime'),
    remedies: () => [RETRY, EXCLUDE],
  },
  'file-in-the-way': {
    failureClass: 'conflict',
    title: at('A file is where a folder should be'),
    remedies: (facts) => [aside(facts), OTHER_ROOT],
  },
  'link-loop': {
    failureClass: 'conflict',
    title: at('A link leads back to itself'),
    remedies: (facts) => [aside(facts), OTHER_ROOT],
  },
  'path-too-long': {
    failureClass: 'platform',
    title: at('The path is too long for this file system'),
    remedies: () => [otherRoot('Choose a shorter folder')],
  },
  'unsupported-by-volume': {
    failureClass: 'platform',
    title: at('The file system lacks what the runtime needs (links, locks or long names)'),
    remedies: () => [otherRoot('Put the runtime on another volume')],
  },
  'too-many-files': {
    failureClass: 'conflict',
    title: at('Too many files are open'),
    remedies: () => [RAISE_OPEN_FILES],
  },
  'too-many-processes': {
    failureClass: 'conflict',
    title: () => {
      const limit = tightPidsLimit();
      return limit === null
        ? 'This user has reached the limit of processes or threads'
        : `This container may run no more than ${limit} processes and threads (pids.max)`;
    },
    remedies: () => (tightPidsLimit() === null ? [RAISE_PROCESSES] : [RAISE_CONTAINER_PROCESSES]),
  },
  'out-of-memory': {
    failureClass: 'conflict',
    title: (facts) =>
      facts.signal === undefined
        ? 'The memory of this machine is used up'
        : `${of(facts)} was ended by ${facts.signal}; the system may have run out of memory`,
    remedies: () => [FREE_MEMORY],
  },
  'cpu-limit': {
    failureClass: 'conflict',
    title: (facts) => `${of(facts)} used more processor time than this user may`,
    remedies: () => [LIFT_CPU_LIMIT],
  },
  'stopped-from-outside': {
    failureClass: 'conflict',
    title: (facts) => `${of(facts)} was ended from outside${facts.signal ? ` (${facts.signal})` : ''}`,
    remedies: () => [RETRY],
  },
  crash: {
    failureClass: 'internal',
    title: (facts) => `${of(facts)} crashed${facts.signal ? ` (${facts.signal})` : ''}`,
    remedies: () => [REBUILD],
  },
  'old-processor': {
    failureClass: 'platform',
    title: (facts) => `The processor lacks an instruction that ${facts.program ?? 'a program'} needs`,
    remedies: () => [
      WITHOUT_EMBEDDINGS,
      otherRemedy("In a virtual machine, choose the host's processor type"),
    ],
  },
  'wrong-architecture': {
    failureClass: 'platform',
    title: (facts) => `${of(facts)} is built for another kind of machine`,
    remedies: () => [REBUILD, otherPython('Choose another Python')],
  },
  'libc-too-old': {
    failureClass: 'platform',
    title: ({ missing }) =>
      `The C library of this system is too old${missing === undefined ? '' : `: it lacks ${missing}`}`,
    remedies: () => [WITHOUT_EMBEDDINGS, otherRemedy('Use a newer system, or a container with one')],
  },
  'missing-library': {
    failureClass: 'platform',
    title: ({ missing }) =>
      `A library of this system is missing${missing === undefined ? '' : `: ${missing}`}`,
    remedies: () => [thenSetup("Install it with your system's package manager, then run"), USE_SYSTEM_PYTHON],
  },
  'blocked-call': {
    failureClass: 'platform',
    title: (facts) =>
      `A sandbox or container profile forbids a system call that ${facts.program ?? 'a program'} needs`,
    remedies: () => [
      otherRemedy('Run it without that profile, such as with --security-opt seccomp=unconfined'),
    ],
  },
} satisfies Record<string, Omit<CauseRow<MachineFacts>, 'cause'>>;

const ofRows = <Reason extends string>(rows: Record<Reason, Omit<CauseRow<MachineFacts>, 'cause'>>) =>
  Object.fromEntries(
    Object.entries<Omit<CauseRow<MachineFacts>, 'cause'>>(rows).map(([cause, row]) => [
      cause,
      { cause, ...row },
    ]),
  ) as Record<Reason, CauseRow<MachineFacts>>;

/** A failure caused by the machine; each maps to a public cause id. */
export type MachineReason = keyof typeof ROWS;

/**
 * Every machine reason with its texts, wherever it was detected: by ktx, uv, Python, a daemon or another
 * host.
 */
export const MACHINE_CAUSES: Readonly<Record<MachineReason, CauseRow<MachineFacts>>> = ofRows(ROWS);
