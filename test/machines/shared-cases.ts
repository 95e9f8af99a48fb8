import type { MachineCase } from './lab.ts';

const SHARED =
  'chmod 755 $ROOT; mkdir -p opt; cp -rl $H/.ktx/runtime opt/r; export KTX_RUNTIME_ROOT=$ROOT/opt/r';
const asUser = (command: string, more = '') =>
  `setpriv --reuid 65530 --regid 65530 --clear-groups env -i PATH=/usr/bin:/bin KTX_RUNTIME_ROOT=$ROOT/opt/r HOME=/tmp ${more} $NODE $LAUNCHER ${command} 2>&1`;
const AS_ROOT = 'setup KTX_RUNTIME_ROOT=$ROOT/opt/r';
const NEEDS = ['setpriv'];
/** A project folder that the user can write to. */
const PROJECT = 'mkdir -p project; chown 65530 project';

/** Root builds, somebody else runs: container images and shared machines. */
export const SHARED_CASES: MachineCase[] = [
  {
    kind: 'shared',
    name: "root's first interpreter is private: one that all can run is taken",
    source: 'our own',
    script: `${SHARED}; mkdir -p $ROOT/priv/bin; cp -a $(dirname $(dirname $(python_of 3.12)))/. $ROOT/priv/; chmod 700 $ROOT/priv
${AS_ROOT} PATH=$ROOT/priv/bin:/usr/bin:/bin --python system >/dev/null || exit 9; ${asUser('admin runtime status')}`,
    exits: 0,
    says: [/status: ready/],
    needs: [...NEEDS, '3.12'],
  },
  {
    kind: 'shared',
    name: 'only a private interpreter: said in the plan',
    source: 'our own',
    script: `${SHARED}; hide_pythons; mkdir -p $ROOT/priv/bin; cp -a $(dirname $(dirname $(python_of 3.12)))/. $ROOT/priv/; chmod 700 $ROOT/priv
plan KTX_RUNTIME_ROOT=$ROOT/opt/r PATH=$ROOT/priv/bin:/usr/bin:/bin`,
    exits: 0,
    says: [/Only this user will be able to use the runtime/, /priv, which is closed to others/],
    needs: [...NEEDS, '3.12'],
  },
  {
    kind: 'shared',
    name: "uv's own Python in root's home: said in the plan",
    source: 'astral-sh/uv#13309, #7758',
    script: `${SHARED}; hide_pythons; chmod 700 $H; mkdir -p $H/.local/share/uv/python/cpython-3.12.1-x/bin; ln -s $(python_of 3.12) $H/.local/share/uv/python/cpython-3.12.1-x/bin/python3.12
plan KTX_RUNTIME_ROOT=$ROOT/opt/r`,
    exits: 0,
    says: [/Only this user will be able to use the runtime/],
    needs: [...NEEDS, '3.12'],
  },
  {
    kind: 'shared',
    name: 'embeddings wanted by a user who may not install: the daemon stays',
    source: 'our own',
    script: `${SHARED}; ${PROJECT}; ${AS_ROOT} --python /usr/bin/python3 >/dev/null || exit 9
${asUser('admin runtime start --project-dir $ROOT/project')} || exit 8
${asUser('admin runtime start --feature local-embeddings --project-dir $ROOT/project')}; code=$?
${asUser('admin runtime start --project-dir $ROOT/project')}; ${asUser('admin runtime stop --project-dir $ROOT/project')}; until_gone; exit $code`,
    exits: 1,
    says: [/belongs to uid 0/, /[Uu]sing existing ktx daemon|already runs|running/, /Stopped ktx daemon/],
    needs: NEEDS,
  },
  {
    kind: 'shared',
    name: 'the image of docs/several-users.md: built in a chroot, run by uid 65530',
    source: 'docs/several-users.md',
    script: `J=$ROOT/jail; mkdir -p $J/opt/ktx $J/tmp $J/home/app; chmod 1777 $J/tmp; chmod 755 $ROOT $J; chown 65530 $J/home/app
for d in usr bin lib lib64 etc dev; do [ -e /$d ] && mkdir -p $J/$d && mount --rbind /$d $J/$d; done; mkdir -p $J/proc; mount -t proc proc $J/proc
for d in $(dirname $NODE) $(dirname $(dirname $LAUNCHER)); do mkdir -p $J$d; mount --bind $d $J$d; done; cp -rl $H/.ktx/runtime/. $J/opt/ktx/
umask 022; chroot $J env -i PATH=/usr/bin:/bin HOME=/root KTX_RUNTIME_ROOT=/opt/ktx $NODE $LAUNCHER setup --yes --plain --offline --feature core --python system 2>&1 || exit 9
as_app() { setpriv --reuid 65530 --regid 0 --clear-groups chroot --userspec=65530:0 $J env -i PATH=/usr/bin:/bin KTX_RUNTIME_ROOT=/opt/ktx HOME=/home/app $NODE $LAUNCHER "$@" 2>&1; }
as_app() { chroot --userspec=65530:0 --groups= $J env -i PATH=/usr/bin:/bin KTX_RUNTIME_ROOT=/opt/ktx HOME=/home/app $NODE $LAUNCHER "$@" 2>&1; }
as_app admin runtime status || exit 8; as_app setup --yes --plain --offline --feature core || exit 7; as_app doctor --plain || exit 6
as_app admin runtime start --project-dir /home/app || exit 5; as_app admin runtime stop --project-dir /home/app; until_gone; find $J/opt/ktx -user 65530 | head -1`,
    exits: 0,
    says: [/is ready: core/, /status: ready/, /Stopped ktx daemon/],
    saysNot: [/No permission/],
    needs: [...NEEDS, 'chroot'],
  },
  {
    kind: 'shared',
    name: 'the user of an image has a home that does not exist',
    source: 'astral-sh/uv#17026',
    script: `${SHARED}; ${AS_ROOT} --python /usr/bin/python3 >/dev/null || exit 9; ${asUser('admin runtime status', 'HOME=/nonexistent')}`,
    exits: 0,
    says: [/status: ready/],
    needs: NEEDS,
  },
  {
    kind: 'shared',
    name: 'the image is mounted read-only at run time',
    source: 'astral-sh/uv-docker-example#82',
    script: `${SHARED}; ${PROJECT}; ${AS_ROOT} --python /usr/bin/python3 >/dev/null || exit 9; mount --bind opt opt; mount -o remount,ro,bind opt
${asUser('admin runtime start --project-dir $ROOT/project')} || exit 8; ${asUser('admin runtime stop --project-dir $ROOT/project')}; until_gone`,
    exits: 0,
    says: [/Stopped ktx daemon/],
    needs: NEEDS,
  },
  {
    kind: 'shared',
    name: "another user's files in the root (a volume that was copied): not trusted",
    source: 'astral-sh/uv#13107',
    script: `${SHARED}; ${AS_ROOT} --python /usr/bin/python3 >/dev/null || exit 9; chown -R 4711 opt; chmod 700 opt/r/*; ${asUser('admin runtime status')}; true`,
    exits: 0,
    says: [/belongs to another user \(uid 4711\), who could put programs there/],
    needs: NEEDS,
  },
];
