import type { MachineCase } from './lab.ts';

const COPY =
  'hide_pythons; mkdir -p $H/.pyenv/versions; cp -a $(dirname $(dirname $(python_of 3.12))) $H/.pyenv/versions/3.12.1; P=$H/.pyenv/versions/3.12.1/lib/python3.12';
const ON_PATH = 'PATH=$ROOT/bin:/usr/bin:/bin PY312=$(python_of 3.12)';
const wrapper = (text: string) =>
  `mkdir -p bin; printf '%s\\n' '#!/bin/bash' '${text}' >bin/python3; chmod +x bin/python3`;

/** An interpreter that answers, and something beside it. */
export const DISTURBED_CASES: MachineCase[] = [
  {
    kind: 'disturbed',
    name: 'warnings on stderr are none of our business',
    source: 'astral-sh/uv#2599',
    script: `hide_pythons; ${wrapper('echo "warning: old" >&2; exec "$PY312" "$@"')}; plan ${ON_PATH}`,
    exits: 0,
    says: [/Python 3\.12/],
    needs: ['3.12'],
  },
  {
    kind: 'disturbed',
    name: 'an answer that is empty',
    source: 'astral-sh/uv#2278',
    script: `hide_pythons; ${wrapper('exit 0')}; plan ${ON_PATH}`,
    exits: 1,
    says: [/bin\/python3 does not run: it printed nothing/],
    saysNot: [/JSON/],
  },
  {
    kind: 'disturbed',
    name: 'a sitecustomize that prints at the end',
    source: 'astral-sh/uv#20444',
    script: `${COPY}; echo 'import atexit; atexit.register(print, "bye")' >$P/site-packages/sitecustomize.py; plan`,
    exits: 1,
    says: [/prints at its end: "bye"/],
    needs: ['3.12'],
  },
  {
    kind: 'disturbed',
    name: 'a sitecustomize that fails',
    source: 'pypa/virtualenv tests/unit/create/test_creator.py',
    script: `${COPY}; echo 'import nothing_like_that' >$P/site-packages/sitecustomize.py; plan`,
    exits: 0,
    says: [/Python 3\.12/],
    needs: ['3.12'],
  },
  {
    kind: 'disturbed',
    name: 'a sitecustomize that ends the interpreter',
    source: 'astral-sh/uv#11508',
    script: `${COPY}; echo 'import os; os._exit(7)' >$P/site-packages/sitecustomize.py; plan`,
    exits: 1,
    says: [/python3\.12 does not run: it ended with exit code 7/],
    needs: ['3.12'],
  },
  {
    kind: 'disturbed',
    name: 'python is a folder, a broken link, a file that may not be run',
    source: 'astral-sh/uv#7928',
    script: `hide_pythons; mkdir -p bin/python3.12; ln -s nowhere bin/python3.13; touch bin/python3.11; mkdir good; ln -s $(python_of 3.12) good/python3; plan PATH=$ROOT/bin:$ROOT/good:/usr/bin:/bin`,
    exits: 0,
    says: [/Python 3\.12/],
    needs: ['3.12'],
  },
  {
    kind: 'disturbed',
    name: 'Python 2 is called python3',
    source: 'pyenv test/which.bats',
    script: `hide_pythons; mkdir bin; ln -s $(python_of 2.7) bin/python3; plan PATH=$ROOT/bin:/usr/bin:/bin`,
    exits: 1,
    says: [/bin\/python3 is Python 2/],
    needs: ['2.7'],
  },
  {
    kind: 'disturbed',
    name: 'LD_LIBRARY_PATH with a foreign libssl',
    source: 'our own',
    script: `mkdir lib; echo broken >lib/libssl.so.3; echo broken >lib/libcrypto.so.3; plan LD_LIBRARY_PATH=$ROOT/lib`,
    exits: 1,
    says: [/lacks the standard modules ssl/, /LD_LIBRARY_PATH is set/],
  },
  {
    kind: 'disturbed',
    name: 'LD_PRELOAD of a library that is not there',
    source: 'astral-sh/uv tests: interpreter stderr',
    script: `plan LD_PRELOAD=/nowhere/libjemalloc.so`,
    exits: 0,
    says: [/Python 3\.11/],
  },
  {
    kind: 'disturbed',
    name: 'python3-minimal: the package is named',
    source: 'our own',
    script: `mkdir empty; mount --bind empty /usr/lib/python3.11/lib-dynload; mount --bind empty /usr/lib/python3.11/venv; mount --bind empty /usr/lib/python3.11/sqlite3; plan`,
    exits: 1,
    says: [/lacks the standard modules .*apt install python3\.11/],
  },
  {
    kind: 'disturbed',
    name: 'Debian without python3-venv: its ensurepip is not needed',
    source: 'our own',
    script: `mkdir empty; mount --bind empty /usr/lib/python3.11/ensurepip; setup --python system`,
    exits: 0,
    says: [/is ready: core/],
  },
  {
    kind: 'disturbed',
    name: 'the standard library was removed under it',
    source: 'pypa/virtualenv#1850',
    script: `${COPY}; rm -r $P/encodings; plan`,
    exits: 1,
    says: [/python3\.12 does not run/],
    needs: ['3.12'],
  },
];
