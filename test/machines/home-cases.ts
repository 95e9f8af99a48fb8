import type { MachineCase } from './lab.ts';

const SETUP = '$NODE $LAUNCHER setup --yes --plain --offline --python system';
const asStranger = (vars: string) =>
  `chmod 755 $ROOT; setpriv --reuid 65530 --clear-groups env -i PATH=/usr/bin:/bin ${vars} ${SETUP} 2>&1`;

/** Homes as containers and build services give them. */
export const HOME_CASES: MachineCase[] = [
  {
    kind: 'facts',
    name: 'the home exists and may not be entered',
    source: 'npm/cli#4769',
    script: `chmod 700 $H; ${asStranger('HOME=$H')}`,
    exits: 1,
    says: [/ktx-|home/, /KTX_RUNTIME_ROOT|--runtime-root|chown|chmod/],
    saysNot: [/node:internal/],
    needs: ['setpriv'],
  },
  {
    kind: 'facts',
    name: 'HOME is /, and nothing may be written there',
    source: 'packit/sandcastle#85',
    script: asStranger('HOME=/'),
    exits: 1,
    says: [/\/\.ktx/, /--runtime-root|KTX_RUNTIME_ROOT/],
    needs: ['setpriv'],
  },
  {
    kind: 'facts',
    name: 'the home belongs to somebody else',
    source: 'nodejs/docker-node#331',
    script: `chmod 755 $H $H/.ktx; ${asStranger('HOME=$H')}`,
    exits: 1,
    says: [/belongs to|No permission/, /--runtime-root|KTX_RUNTIME_ROOT|chown/],
    needs: ['setpriv'],
  },
  {
    kind: 'facts',
    name: 'HOME is a file',
    source: 'npm/npm#10164',
    script: `echo x >file; $CLEAN HOME=$ROOT/file ${SETUP} 2>&1`,
    exits: 1,
    says: [/file/, /--runtime-root|KTX_RUNTIME_ROOT/],
  },
  {
    kind: 'facts',
    name: 'HOME ends in slashes and dots',
    source: 'pypa/pipx tests/test_environment.py',
    script: `$CLEAN HOME=$H/..//home/./ ${SETUP} 2>&1`,
    exits: 0,
    says: [/is ready: core/],
  },
];
