import type { MachineCase } from './lab.ts';

const linked = (root: string) => `mkdir -p ${root}/bin; ln -s $(python_of 3.12) ${root}/bin/python3.12`;
const found = (name: string, source: string, make: string, flags = ''): MachineCase => ({
  kind: 'interpreter',
  name,
  source,
  script: `hide_pythons; ${make}; plan ${flags}`,
  exits: 0,
  says: [/Python 3\.12/],
  needs: ['3.12'],
});
/** An interpreter that says of itself what is asked here: for builds that this machine has none of. */
const claiming = (change: string) =>
  `mkdir -p bin; printf '%s\\n' '#!/bin/bash' '"$PY312" "$@" | sed -e "${change}"' >bin/python3; chmod +x bin/python3`;
const ON_PATH = 'PATH=$ROOT/bin:/usr/bin:/bin PY312=$(python_of 3.12)';
const refused = (name: string, source: string, make: string, says: RegExp, flags = ON_PATH): MachineCase => ({
  kind: 'interpreter',
  name,
  source,
  script: `hide_pythons; ${make}; plan ${flags}`,
  exits: 1,
  says: [says],
  needs: ['3.12'],
});

/** Interpreters as version managers, package managers and uv know them, and those that are named and not taken. */
export const DISCOVERY_CASES: MachineCase[] = [
  {
    kind: 'interpreter',
    name: 'pyenv: global at 3.9, and 3.12 installed; its real shims',
    source: 'our own',
    script: `hide_pythons; plan PATH=$PYENV/shims:$PYENV/bin:/usr/bin:/bin PYENV_ROOT=$PYENV PYENV_VERSION=$(basename $(ls -d $PYENV/versions/3.9.* | tail -1))`,
    exits: 0,
    says: [/Python 3\.1[1-5]/, /shims\/python3\.1\d is a shim of pyenv, which has not chosen/],
    needs: ['3.12', '3.9'],
  },
  {
    kind: 'interpreter',
    name: 'Debian with Python 3.15 alone: core, and why not embeddings',
    source: 'Debian sid, python3.15',
    script: `S=$CACHE/sid; [ -x $S/usr/bin/python3.15 ] || debootstrap --variant=minbase --include=python3.15,python3.15-venv sid $S >log 2>&1 || { tail -3 log; exit 9; }
for d in dev proc $(dirname $NODE) $(dirname $(dirname $LAUNCHER)) $ROOT; do mkdir -p $S$d; mount --rbind $d $S$d || mount --rbind /$d $S/$d; done
in_sid() { chroot $S env -i HOME=$H PATH=/usr/bin:/bin $NODE $LAUNCHER setup --yes --plain --offline "$@" 2>&1; }
in_sid --feature core; echo "core $?"; in_sid --feature local-embeddings; echo "embeddings $?"`,
    isLong: true,
    exits: 0,
    says: [
      /Python 3\.15\.\d+ starts/,
      /core 0/,
      /python3\.15 is Python 3\.15\.\d+; onnxruntime \S+ is not made for Linux on x64 with Python 3\.15/,
      /Install without embeddings: .*--feature core/,
      /embeddings 1/,
    ],
    needs: ['debootstrap'],
  },
  found('Homebrew', 'uv docs, Python versions', linked('brew/opt/python@3.12'), 'HOMEBREW_PREFIX=$ROOT/brew'),
  found(
    'a manylinux image',
    'pypa/manylinux README',
    `mkdir -p $ROOT/opt/python; mount --bind $ROOT/opt /opt; ${linked('/opt/python/cp312-cp312')}`,
  ),
  found(
    'a hosted runner',
    'actions/setup-python docs, hosted tool cache',
    linked('cache/Python/3.12.1/x64'),
    'RUNNER_TOOL_CACHE=$ROOT/cache',
  ),
  found(
    'UV_PYTHON_SEARCH_PATH',
    'uv python_find.rs: python_find_search_path',
    linked('search'),
    'UV_PYTHON_SEARCH_PATH=$ROOT/search/bin',
  ),
  found(
    'poetry',
    'python-poetry/poetry docs, poetry python install',
    linked('$H/.local/share/pypoetry/python/cpython@3.12.1'),
  ),
  found(
    'a folder of version managers with names that are no versions',
    'pyenv test/versions.bats',
    `mkdir -p $H/.pyenv/versions/{system,3.12-dev,my-project}; ln -s loop $H/.pyenv/versions/loop; ${linked('$H/.pyenv/versions/3.12.1')}`,
  ),
  found(
    'a PATH with relative folders, empty parts and files in it',
    'pyenv test/shims-linked-from-elsewhere.bats',
    `mkdir -p rel; printf '#!/bin/sh\\nexit 3\\n' >rel/python3; chmod +x rel/python3; ${linked('abs')}`,
    'PATH=rel:.::/etc/passwd:$ROOT/abs/bin:/usr/bin:/bin',
  ),
  found(
    'CloudLinux: /opt/alt',
    'CloudLinux docs, alternative Python versions',
    `mkdir -p $ROOT/opt; mount --bind $ROOT/opt /opt; ${linked('/opt/alt/python312')}`,
  ),
  found(
    'Homebrew after an upgrade: one link leads nowhere',
    'Homebrew/brew docs, brew cleanup',
    `mkdir -p $ROOT/brew/opt; ln -s ../Cellar/python@3.13/3.13.1 $ROOT/brew/opt/python@3.13; ${linked('brew/opt/python@3.12')}`,
    'HOMEBREW_PREFIX=$ROOT/brew',
  ),
  found(
    'pyenv-virtualenv: environments among the versions',
    'pyenv/pyenv-virtualenv README',
    `V=$H/.pyenv/versions; mkdir -p $V; ${linked('$H/.pyenv/versions/3.12.1')}; $(python_of 3.12) -m venv --without-pip $V/3.12.1/envs/app; ln -s 3.12.1/envs/app $V/app; ln -s 3.12.1/envs/app $V/3.13-app`,
    'VIRTUAL_ENV=$H/.pyenv/versions/app',
  ),
  found(
    'shims of a pyenv that was deleted',
    'pyenv/pyenv README, uninstalling',
    `mkdir -p shims; for n in python python3 python3.12; do printf '#!/usr/bin/env bash\nexec "/gone/.pyenv/libexec/pyenv" exec "\${0##*/}" "$@"\n' >shims/$n; chmod +x shims/$n; done; ${linked('$H/.local/share/mise/installs/python/3.12.1')}`,
    'PATH=$ROOT/shims:/usr/bin:/bin',
  ),
  found(
    'an active environment whose base was removed',
    'pypa/pipx#1074',
    `mkdir -p $ROOT/venv/bin; ln -s /gone/bin/python3.12 $ROOT/venv/bin/python3.12; ln -s python3.12 $ROOT/venv/bin/python; echo 'home = /gone/bin' >$ROOT/venv/pyvenv.cfg; ${linked('$H/.asdf/installs/python/3.12.1')}`,
    'PATH=$ROOT/venv/bin:/usr/bin:/bin VIRTUAL_ENV=$ROOT/venv',
  ),
  found(
    "uv's free-threaded build beside a usual one",
    'uv python_install.rs: python_install_freethreaded',
    `U=$H/.local/share/uv/python; F=$U/cpython-3.13.1+freethreaded-linux-x86_64-gnu/bin; mkdir -p $F; printf '%s\n' '#!/bin/bash' 'exec '$(python_of 3.12)' "$@" | sed -e "s/isFreeThreaded.: false/isFreeThreaded": true/"' >$F/python3.13; chmod +x $F/python3.13; ${linked('$H/.local/share/uv/python/cpython-3.12.1-linux-x86_64-gnu')}`,
  ),
  found(
    'asdf: shims without a chosen version, data elsewhere',
    'asdf-vm/asdf docs, ASDF_DATA_DIR',
    `mkdir -p shims; printf '#!/bin/sh\necho "No version is set for command python3.12" >&2; exit 126\n' >shims/python3.12; chmod +x shims/python3.12; ${linked('$ROOT/data/installs/python/3.12.1')}`,
    'PATH=$ROOT/shims:/usr/bin:/bin ASDF_DATA_DIR=$ROOT/data',
  ),
  refused(
    'a free-threaded 3.13',
    'uv python_find.rs: python_find_freethreaded_313',
    claiming('s/isFreeThreaded.: false/isFreeThreaded\\": true/'),
    /is a free-threaded build/,
  ),
  refused(
    'a PyPy',
    'pyenv versions/pypy3.10; uv discovery: PyPy',
    claiming('s/CPython/PyPy/'),
    /is PyPy, not CPython/,
  ),
  refused(
    'a 32-bit build',
    'pypa/virtualenv tests/unit/discovery/test_discovery.py',
    claiming('s/bits.: 64/bits\\": 32/'),
    /is a 32-bit build/,
  ),
  refused(
    'conda that is installed and not active',
    'conda/conda docs, activation',
    'conda_at $H/miniconda3',
    /miniconda3\/bin\/python belongs to a conda environment/,
    '',
  ),
  {
    kind: 'interpreter',
    name: 'each interpreter that was passed over is in the plan, with the reason',
    source: 'uv python list',
    script: `mkdir -p bin; ln -s $(python_of 3.9) bin/python3; ln -s $(python_of 3.12) bin/python3.12; plan PATH=$ROOT/bin:/usr/bin:/bin`,
    exits: 0,
    says: [
      /bin\/python3 is Python 3\.9\.\d+; packages are locked for/,
      /is Python 3\.11\.\d+ and fits; 3\.12\.\d+ goes first/,
    ],
    needs: ['3.12', '3.9'],
  },
  {
    kind: 'interpreter',
    name: 'nothing fits: the first advice is not the network',
    source: 'our own',
    script: `hide_pythons; ktx UV_PYTHON_INSTALL_MIRROR=http://127.0.0.1:9 UV_ASTRAL_MIRROR_URL=http://127.0.0.1:9 PIP_INDEX_URL=http://127.0.0.1:9/simple setup --yes --plain --python system`,
    exits: 1,
    says: [/next +Install Python 3\.11/],
    saysNot: [/next +Check/],
  },
];
