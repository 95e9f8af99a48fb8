import type { MachineCase } from './lab.ts';

const noProc = (command: string) =>
  `umount -l /proc; ${command}; code=$?; mount -t proc proc /proc; exit $code`;

function withHiddenProcesses(hidepid: 1 | 2, source: string): MachineCase {
  return {
    kind: 'processes',
    name: `/proc with hidepid=${hidepid}, as an ordinary user`,
    source,
    script: `mount -o remount,hidepid=${hidepid} /proc; chown -R 65530 $ROOT
setpriv --reuid 65530 --clear-groups $CLEAN HOME=$H $NODE $LAUNCHER setup --yes --plain --offline --python system 2>&1`,
    exits: 0,
    says: [/is ready: core/],
    needs: ['setpriv'],
  };
}

/** What a machine does not show of its processes. */
export const PROCESS_CASES: MachineCase[] = [
  {
    kind: 'processes',
    name: 'setup without /proc',
    source: 'our own',
    script: noProc('setup --python system'),
    exits: 0,
    says: [/✓ ktx \S+ is ready: core/],
  },
  {
    kind: 'processes',
    name: 'a failed setup without /proc ends what it started',
    source: 'systemd/systemd#43042',
    script: noProc('setup --python system --runtime-root /dev/null/x'),
    exits: 1,
    says: [/next/],
  },
  {
    kind: 'processes',
    name: 'SIGTERM without /proc ends uv, and nothing is left',
    source: 'our own',
    script: noProc(
      `$CLEAN HOME=$H $NODE $LAUNCHER setup --yes --plain --offline --python system >out 2>&1 & pid=$!
until grep -q "\\[packages\\]" out; do sleep 0.05; done; kill -TERM $pid; wait $pid; code=$?; cat out; (exit $code)`,
    ),
    exits: 130,
    says: [/\[packages\]/],
    saysNot: [/is ready/],
  },
  {
    kind: 'processes',
    name: 'stop without /proc does not claim what nobody saw',
    source: 'our own',
    script: `setup --python system >/dev/null && ktx admin runtime start --project-dir $H >/dev/null || exit 9
no_proc; ktx admin runtime stop --project-dir $H; code=$?; mount -t proc proc /proc
ktx admin runtime stop --project-dir $H; until_gone; exit $code`,
    exits: 1,
    says: [/It was not stopped/, /\/proc is not mounted/, /kill \d+/, /Stopped ktx daemon/],
  },
  {
    kind: 'processes',
    name: 'status of a daemon without /proc',
    source: 'our own',
    script: `setup --python system >/dev/null && ktx admin runtime start --project-dir $H >/dev/null || exit 9
no_proc; ktx admin runtime start --project-dir $H; code=$?; mount -t proc proc /proc
ktx admin runtime stop --project-dir $H >/dev/null; until_gone; exit $code`,
    exits: 1,
    says: [/cannot see/],
    saysNot: [/is not a ktx daemon/],
  },
  {
    kind: 'processes',
    name: 'a daemon is started without /proc: the command returns',
    source: 'our own',
    script: `setup --python system >/dev/null || exit 9; no_proc
timeout 100 $CLEAN HOME=$H $NODE $LAUNCHER admin runtime start --project-dir $H 2>&1; code=$?; mount -t proc proc /proc; ktx admin runtime stop --project-dir $H; until_gone; exit $code`,
    exits: 0,
    says: [/Started ktx daemon/, /Stopped ktx daemon/],
  },
  withHiddenProcesses(1, 'giampaolo/psutil#2026'),
  {
    kind: 'processes',
    name: 'a /proc of another PID namespace',
    source: 'podman-container-tools/podman#5550',
    script: `umount /proc; setup --python system; code=$?; mount -t proc proc /proc; exit $code`,
    exits: 0,
    says: [/is ready: core/],
  },
  withHiddenProcesses(2, 'hishamhm/htop#676'),
  {
    kind: 'processes',
    name: 'an image build: chroot without /proc, /sys and /dev/shm',
    source: 'termux/proot#326',
    script: `mkdir -p $ROOT/jail && for d in usr bin lib lib64 etc tmp dev; do [ -e /$d ] && mkdir -p $ROOT/jail/$d && mount --rbind /$d $ROOT/jail/$d; done
for d in $(dirname $NODE) $(dirname $(dirname $LAUNCHER)) $ROOT/home; do mkdir -p $ROOT/jail$d; mount --bind $d $ROOT/jail$d; done
chroot $ROOT/jail env -i PATH=/usr/bin:/bin HOME=$H $NODE $LAUNCHER setup --yes --plain --offline --python system 2>&1`,
    exits: 0,
    says: [/is ready: core/],
    needs: ['chroot'],
  },
];
