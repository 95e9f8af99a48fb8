import type { MachineCase } from './lab.ts';

const SETUP = '$CLEAN HOME=$H $NODE $LAUNCHER setup --yes --plain --offline --python system';
const limited = (limits: string) => `bash -c "${limits}; exec ${SETUP}" 2>&1`;
const asOrdinary = (limits: string, uid = 65532) =>
  `chown -R ${uid} $ROOT; setpriv --reuid ${uid} --clear-groups ${limited(limits)}`;
/** A control group of its own with few processes, as containers have. */
const withPids = (count: number) =>
  `G=/sys/fs/cgroup/pids/ktx-$$; [ -d /sys/fs/cgroup/pids ] || G=/sys/fs/cgroup/ktx-$$; mkdir $G; echo ${count} >$G/pids.max; (echo 0 >$G/cgroup.procs; ${SETUP} 2>&1); code=$?; sleep 1; rmdir $G; exit $code`;

/** Little of everything: threads, processes, files, memory. */
export const LIMIT_CASES: MachineCase[] = [
  {
    kind: 'limits',
    name: 'a container with pids.max 40',
    source: 'podman-container-tools/podman#17647, mozilla/sccache#1972',
    script: withPids(40),
    exits: 0,
    says: [/is ready: core/],
  },
  {
    kind: 'limits',
    name: 'a container with pids.max 14: named, with what to raise',
    source: 'ghostwright/phantom#135',
    script: `${withPids(14)}`,
    exits: 1,
    says: [/✗ This container may run no more than 14 processes and threads \(pids\.max\)/, /--pids-limit/],
    saysNot: [/✗[^✗]*panicked/],
  },
  {
    kind: 'limits',
    name: 'ulimit -n 64',
    source: 'containers/toolbox#602',
    script: limited('ulimit -n 64'),
    exits: 0,
    says: [/is ready: core/],
  },
  {
    kind: 'limits',
    name: 'ulimit -n 24: named, with what to raise',
    source: 'npm/npm#7862',
    script: `${limited('ulimit -n 24')}`,
    exits: 1,
    says: [/✗ Too many files are open/, /raise the (?:hard )?limit of open files/],
    saysNot: [/network connection/, /class +network/],
  },
  {
    kind: 'limits',
    name: 'ulimit -f: a file may have 4 MB',
    source: 'npm/npm#3341',
    script: limited('ulimit -f 4096'),
    exits: 1,
    says: [/next/],
    saysNot: [/panicked/],
  },
  {
    kind: 'limits',
    name: 'ulimit -s 256: small stacks',
    source: 'rust-lang/rustup#4403',
    script: asOrdinary('ulimit -s 256'),
    exits: 0,
    says: [/is ready: core/],
    needs: ['setpriv'],
  },
];
