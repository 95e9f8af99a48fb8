import type { MachineCase } from './lab.ts';

const HEAD = 'mkdir -p bin; hide_pythons';
const wrapper = (text: string, name = 'python3') =>
  `printf '%s\\n' '#!/bin/bash' '${text}' >bin/${name}; chmod +x bin/${name}`;
const ON_PATH = 'PATH=$ROOT/bin:/usr/bin:/bin PY312=$(python_of 3.12)';
/** Runs a command in a session of its own, stops every process of the case once a condition holds, and lets them go on after a while. */
const stopped = (command: string, condition: string, seconds: number) =>
  `setsid ${command} >out 2>&1 & pid=$!
for i in $(seq 1200); do ${condition} && break; kill -0 $pid 2>/dev/null || break; sleep 0.05; done
all=$(ps -eo pid=,args= | awk -v own=$$ '$1 > 1 && $1 != own && !/ps -eo|awk|^ *[0-9]+ (bash|sleep)/ {print $1}'); kill -STOP $all; sleep ${seconds}; kill -CONT $all; wait $pid; code=$?; cat out; exit $code`;
const KTX = '$NODE $LAUNCHER setup --yes --plain --offline --python system';
/** A daemon of ktx: what the proof starts, in the environment of the plan. */
const slowImports = (body: string) =>
  `mkdir -p $H/.pyenv/versions; cp -a $(dirname $(dirname $(python_of 3.12))) $H/.pyenv/versions/3.12.1; hide_pythons
printf '%s\\n' 'import sys, time' 'if any("serve-http" in each for each in sys.argv + getattr(sys, "orig_argv", [])):' '${body}' >$H/.pyenv/versions/3.12.1/lib/python3.12/sitecustomize.py`;

/** Slow is not broken: what counts is time in which a child could have run. */
export const TIME_CASES: MachineCase[] = [
  {
    kind: 'time',
    name: 'the machine stands still for 12 s while an interpreter is asked',
    source: 'our own',
    script: `${HEAD}; ${wrapper('echo >$ROOT/asked; for i in 1 2 3 4 5 6; do sleep 0.5; done; exec "$PY312" "$@"')}
${stopped(`$CLEAN ROOT=$ROOT ${ON_PATH} HOME=$H ${KTX} --dry-run`, '[ -e asked ]', 12)}`,
    exits: 0,
    says: [/Python 3\.12/],
    needs: ['3.12'],
  },
  {
    kind: 'time',
    name: 'setup is stopped for 65 s in the proof (Ctrl+Z)',
    source: 'our own',
    script: stopped(`$CLEAN HOME=$H ${KTX}`, 'grep -q "^.prove" out', 65),
    isLong: true,
    exits: 0,
    says: [/is ready: core/],
  },
  {
    kind: 'time',
    name: 'five slow shims on a busy machine',
    source: 'our own',
    script: `${HEAD}; for n in python python3 python3.11 python3.13 python3.14; do ${wrapper('for i in 1 2 3 4 5 6 7 8 9 10 11 12; do sleep 0.5; echo >/dev/null; /bin/true; done; exec "$PY312" "$@"', '$n')}; done
for i in 1 2 3 4 5 6; do (exec timeout 60 sh -c "while :; do :; done") & done; plan ${ON_PATH}; code=$?; kill $(jobs -p); wait 2>/dev/null; exit $code`,
    isLong: true,
    exits: 0,
    says: [/Python 3\.12/],
    needs: ['3.12'],
  },
  {
    kind: 'time',
    name: 'the daemon imports for 70 s, busy all the time',
    source: 'our own',
    script: `${slowImports('    end = time.monotonic() + 70\n    while time.monotonic() < end: pass')}; setup --python system`,
    isLong: true,
    exits: 0,
    says: [/is ready: core/],
    needs: ['3.12'],
  },
  {
    kind: 'time',
    name: 'the daemon reads slowly, a bit each second, for 70 s',
    source: 'Mouse-Imaging-Centre/pydpiper#268 (a start from a network folder)',
    script: `${slowImports('    for each in range(70):\n        time.sleep(1)\n        open("/etc/services").read()')}; setup --python system`,
    isLong: true,
    exits: 0,
    says: [/is ready: core/],
    needs: ['3.12'],
  },
  {
    kind: 'time',
    name: 'the daemon hangs: named, and nothing is left',
    source: 'astral-sh/uv#2278',
    script: `${slowImports('    time.sleep(100000)')}; setup --python system`,
    isLong: true,
    exits: 1,
    says: [/no healthy answer on port \d+: it made no progress for \d+ s/],
    needs: ['3.12'],
  },
];
