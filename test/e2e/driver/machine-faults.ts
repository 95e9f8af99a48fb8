import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PACKAGE_ROOT } from '../../../src/support/package-root.ts';
import { type MachineLab, PYENV } from '../../machines/lab.ts';
import type { Journey } from './drive.ts';
import type { DriverRow } from './network-faults.ts';

export interface MachineFault {
  name: string;
  /** Nothing on this machine or in the table of values can mend it. */
  isBeyond?: true;
  /** Bash, after the prelude of the machine matrix and `journey`, which drives `ktx setup --offline` with more flags. */
  script: string;
}

/** A folder that this user owns and may not write to. */
const AS_USER = 'chown -R 65530 $ROOT; AS="setpriv --reuid 65530 --clear-groups"';
const OTHER = 'V=$ROOT/other/root';

export const MACHINE_FAULTS: readonly MachineFault[] = [
  { name: 'a small volume', script: 'vol size=8m; journey --runtime-root $ROOT/vol' },
  {
    name: 'a volume without file entries',
    script: 'vol size=900m,nr_inodes=300; journey --runtime-root $ROOT/vol --ignore-disk',
  },
  {
    name: 'a full volume, and an older runtime that is in the way',
    script: `vol size=420m; cp -r "$SEED" $ROOT/vol/uv; mkdir -p $ROOT/vol/0.0.1/envs/x
head -c 300m /dev/zero > $ROOT/vol/0.0.1/envs/x/big; journey --runtime-root $ROOT/vol`,
  },
  { name: 'a volume that fills up', script: 'vol size=60m; journey --runtime-root $ROOT/vol --ignore-disk' },
  { name: 'a read-only volume', script: 'vol ro; journey --runtime-root $ROOT/vol' },
  { name: 'a volume without execution', script: 'vol noexec,size=900m; journey --runtime-root $ROOT/vol' },
  { name: 'a home that is read-only', script: 'mount --bind $H $H; mount -o remount,bind,ro $H; journey' },
  { name: 'a file in place of the runtime folder', script: 'touch $ROOT/x; journey --runtime-root $ROOT/x' },
  { name: 'a file above the runtime folder', script: 'touch $ROOT/x; journey --runtime-root $ROOT/x/y/z' },
  {
    name: 'a file in place of the locks',
    script: 'rm -rf $H/.ktx/runtime/uv/locks; touch $H/.ktx/runtime/uv/locks; journey',
  },
  { name: 'a link that leads nowhere', script: 'ln -s nowhere $ROOT/x; journey --runtime-root $ROOT/x/y' },
  { name: 'a link that leads to itself', script: 'ln -s x $ROOT/x; journey --runtime-root $ROOT/x/y' },
  {
    name: 'a folder that its owner may not write',
    script: `mkdir $ROOT/x; ${AS_USER}; chmod 555 $ROOT/x; journey --runtime-root $ROOT/x`,
  },
  {
    name: 'a folder of another user',
    script: `${AS_USER}; mkdir -m 755 $ROOT/x; journey --runtime-root $ROOT/x`,
  },
  { name: 'a folder that everybody may write', script: 'chmod 777 $H/.ktx/runtime; journey' },
  {
    name: 'an immutable folder',
    script: 'mkdir $ROOT/x; chattr +i $ROOT/x; journey --runtime-root $ROOT/x; chattr -i $ROOT/x',
  },
  { name: 'a path that is too long', script: `journey --runtime-root $ROOT/$(printf 'x%.0s' {1..300})` },
  { name: 'a limit of file sizes', script: 'ulimit -S -f 1000; journey' },
  { name: 'a limit of open files', script: 'ulimit -S -n 26; journey' },

  {
    name: 'offline, and a package is missing',
    script: 'rm -r $H/.ktx/runtime/uv/store/$(ls $H/.ktx/runtime/uv/store | head -1); journey',
  },
  { name: 'offline, and nothing is there', script: 'rm -r $H/.ktx/runtime/uv; journey' },
  {
    name: 'offline, and a package was altered',
    script:
      'f=$(ls $H/.ktx/runtime/uv/store/*/uvicorn*); cp $f f; printf x | dd of=f conv=notrunc status=none; rm $f; mv f $f; journey',
  },
  {
    name: 'an interpreter that dies',
    script: `printf '#!/bin/sh\\nkill -9 $$\\n' > $ROOT/py; chmod +x $ROOT/py; PY=$ROOT/py journey`,
  },
  { name: 'an interpreter that is none', script: 'PY=/usr/bin/false journey' },
  { name: 'an interpreter that is not there', script: 'PY=$ROOT/none journey' },
  { name: 'no Python on this machine', isBeyond: true, script: 'hide_pythons; PY=system journey' },
  { name: 'a uv that is not there', script: 'journey --uv $ROOT/none' },
  { name: 'a uv that is none', script: 'journey --uv /usr/bin/false' },
];

const PRELUDE = `
${OTHER}
PY=/usr/bin/python3
AS=
vol() { mkdir -p $ROOT/vol; mount -t tmpfs -o "$1" none $ROOT/vol; }
journey() { $AS $CLEAN HOME="$H" "$NODE" "$DRIVE" "$VALUES" "$NODE" "$LAUNCHER" setup --yes --no-input --json --offline --python "$PY" "$@"; }
mkdir -p $ROOT/other
`;

/** One fault, as root in a mount and a PID namespace of its own. */
export async function driveMachineFault(lab: MachineLab, fault: MachineFault): Promise<DriverRow> {
  const root = await mkdtemp(join(lab.root, 'drive-'));
  await mkdir(join(root, 'home'));
  const values = join(lab.root, `values-${root.split('-').at(-1)}.json`);
  await writeFile(
    values,
    JSON.stringify({
      'runtime-root': join(root, 'other', 'root'),
      python: '/usr/bin/python3',
      'index-url': '',
    }),
    { mode: 0o644 },
  );
  const prelude = join(PACKAGE_ROOT, 'test', 'machines', 'prelude.sh');
  const script = `. ${JSON.stringify(prelude)}\n${PRELUDE}\n${fault.script}\n`;
  const env = {
    PATH: '/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin',
    NODE: process.execPath,
    LAUNCHER: lab.launcher,
    SEED: lab.seed,
    ROOT: root,
    PYENV,
    TMPDIR: tmpdir(),
    VALUES: values,
    DRIVE: join(import.meta.dirname, 'drive.ts'),
  };
  try {
    const printed = await new Promise<string>((resolve) => {
      execFile(
        'unshare',
        ['-m', '-p', '-f', '--mount-proc', 'bash', '-c', script],
        { env, maxBuffer: 2 ** 26 },
        (_error, stdout, stderr) => resolve(stdout || `no journey: ${stderr.slice(-600)}`),
      );
    });
    const line = printed.split('\n').find((each) => each.startsWith('{'));
    const journey: Journey =
      line === undefined
        ? { isReady: false, firstCause: null, steps: [printed.slice(0, 600)], left: [] }
        : JSON.parse(line);
    return { kind: fault.isBeyond ? 'beyond' : 'machine', fault: fault.name, ...journey };
  } finally {
    await rm(root, { recursive: true, force: true, maxRetries: 3 });
  }
}
