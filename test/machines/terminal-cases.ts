import type { MachineCase } from './lab.ts';

/** Runs in a real pseudo-terminal of this size; what it prints is printed without carriage returns. */
const inTerminal = (command: string, size = 'rows 24 cols 80') =>
  `script -qec "stty ${size}; ${command}" /dev/null </dev/null | tr -d "\\r"; exit \${PIPESTATUS[0]}`;
const KTX = '$CLEAN HOME=$H $MORE $NODE $LAUNCHER';
const DRY = 'setup --dry-run --offline --feature core --python system';
/** A word a line is what a program prints that believes in a width of 0. */
const WHOLE_LINES = [/Plan: core for linux/, /hosts that will be contacted: none/];

const sized = (size: string, source: string): MachineCase => ({
  kind: 'terminal',
  name: `a terminal of ${size.replace('rows ', '').replace(' cols ', ' x ')}, lines`,
  source,
  script: `MORE=TERM=xterm; ${inTerminal(`${KTX} ${DRY} --yes --plain`, size)}`,
  exits: 0,
  says: WHOLE_LINES,
});

/** What a terminal says of itself, and what is believed. */
export const TERMINAL_CASES: MachineCase[] = [
  sized('rows 0 cols 0', 'npm/npm#2189'),
  sized('rows 1 cols 1', 'peterh/liner#76'),
  sized('rows 24 cols 11', 'yarnpkg/berry#1479'),
  sized('rows 0 cols 65535', 'curl/curl#4818'),
  {
    kind: 'terminal',
    name: 'TERM=dumb, a terminal of 0 x 0',
    source: 'npm/npm#2189',
    script: `MORE=TERM=dumb; ${inTerminal(`${KTX} ${DRY} --yes`, 'rows 0 cols 0')}`,
    exits: 0,
    says: WHOLE_LINES,
    saysNot: [/\u001b\[\?1049h/],
  },
  {
    kind: 'terminal',
    name: "CI=1 in somebody's own terminal: CI is named",
    source: 'google-gemini/gemini-cli#1563',
    script: `MORE="TERM=xterm CI=1"; ${inTerminal(`${KTX} setup --offline`)}`,
    exits: 1,
    says: [/because CI=1 is set/, /--yes/],
  },
  {
    kind: 'terminal',
    name: 'CI=false asks as if it were not set',
    source: 'npm/cli test/lib (ci-info: CI=false)',
    script: `MORE="TERM=dumb CI=false"; (sleep 20; printf '\\003') | timeout 60 script -qec "${KTX} setup --offline --plain" /dev/null; true`,
    exits: 0,
    says: [/Core/],
    saysNot: [/CI is set/],
  },
  {
    kind: 'terminal',
    name: 'NODE_EXTRA_CA_CERTS that does not exist: said once, in lines',
    source: 'our own',
    script: `ktx NODE_EXTRA_CA_CERTS=/nowhere/ca.pem setup --dry-run --yes --plain --offline --feature core --python system`,
    exits: 0,
    says: WHOLE_LINES,
  },
  {
    kind: 'terminal',
    name: 'output that nobody reads any more (a closed pipe)',
    source: 'pypa/pip tests/functional/test_broken_stdout.py',
    script: `setup --python system | head -c 20; code=\${PIPESTATUS[0]}; echo "ended $code"; exit 0`,
    exits: 0,
    says: [/ended \d+/],
    saysNot: [/EPIPE/],
  },
];
