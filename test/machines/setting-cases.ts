import type { MachineCase } from './lab.ts';

const inLocale = (source: string, locale: string, folder: string, make: string): MachineCase => ({
  kind: 'locale',
  name: `${locale}, a home with ${folder}`,
  source,
  script: `${make}; mv $H $ROOT/${folder}; export H=$ROOT/${folder}; setup LC_ALL=${locale} LOCPATH=$ROOT/locales --python system; code=$?; ls $ROOT; exit $code`,
  exits: 0,
  says: [/is ready: core/],
  saysNot: [/Ã/],
});
/** What a German person reads; see `src/language`. */
const IN_GERMAN = [/ist bereit: Core/];
const define = (input: string, charset: string) =>
  `mkdir -p locales; localedef -i ${input} -f ${charset} $ROOT/locales/${input}.${charset} >/dev/null 2>&1`;

/** Locales, limits, and roots of several users. */
export const SETTING_CASES: MachineCase[] = [
  {
    ...inLocale('pypa/virtualenv#186', 'de_DE.ISO-8859-1', 'jörg', define('de_DE', 'ISO-8859-1')),
    says: IN_GERMAN,
    needs: ['localedef'],
  },
  {
    ...inLocale('pypa/virtualenv#2780', 'ja_JP.EUC-JP', '名前', define('ja_JP', 'EUC-JP')),
    needs: ['localedef'],
  },
  {
    ...inLocale('our own', 'ru_RU.KOI8-R', 'имя', define('ru_RU', 'KOI8-R')),
    needs: ['localedef'],
  },
  inLocale('PEP 538', 'C', 'jörg', ':'),
  inLocale('PEP 540', 'POSIX', 'jörg', ':'),
  inLocale('our own', 'xx_YY.ISO-8859-1', 'jörg', ':'),
  inLocale('theskumar/python-dotenv#214', 'C', 'Stažené', ':'),
  {
    ...inLocale('pypa/virtualenv#1014', 'de_DE.ISO-8859-1', '🚒', define('de_DE', 'ISO-8859-1')),
    says: IN_GERMAN,
    needs: ['localedef'],
  },
  {
    kind: 'locale',
    name: 'de_DE.ISO-8859-1, an interpreter in a folder with an umlaut',
    source: 'pypa/pip#9054',
    script: `${define('de_DE', 'ISO-8859-1')}; hide_pythons; mkdir -p $ROOT/größe; cp -a $(dirname $(dirname $(python_of 3.12)))/. $ROOT/größe/
setup LC_ALL=de_DE.ISO-8859-1 LOCPATH=$ROOT/locales PATH=$ROOT/größe/bin:/usr/bin:/bin --python system`,
    exits: 0,
    says: IN_GERMAN,
    saysNot: [/Ã/],
    needs: ['localedef', '3.12'],
  },
  {
    kind: 'limits',
    name: 'ulimit -u leaves uv too few threads',
    source: 'astral-sh/uv#3150',
    script: `chown -R 65531 $ROOT; setpriv --reuid 65531 --clear-groups bash -c "ulimit -u 20; exec $CLEAN HOME=$H $NODE $LAUNCHER setup --yes --plain --offline --python system" 2>&1`,
    exits: 0,
    says: [/is ready: core/],
    needs: ['setpriv'],
  },
  {
    kind: 'shared',
    name: 'installed by root, run by uid 65530',
    source: 'OpenShift guidelines for images',
    script: `mkdir -p opt; cp -rl $H/.ktx/runtime opt/r; chmod 755 $ROOT; setup KTX_RUNTIME_ROOT=$ROOT/opt/r --python /usr/bin/python3 >/dev/null || exit 9
setpriv --reuid 65530 --clear-groups env -i PATH=/usr/bin:/bin KTX_RUNTIME_ROOT=$ROOT/opt/r HOME=/tmp $NODE $LAUNCHER admin runtime status 2>&1`,
    exits: 0,
    says: [/status: ready/],
    needs: ['setpriv'],
  },
  {
    kind: 'shared',
    name: 'installed under umask 077: owner, mode and command',
    source: 'our own',
    script: `chmod 755 $ROOT; mkdir -p opt; cp -rl $H/.ktx/runtime opt/r; umask 077; setup KTX_RUNTIME_ROOT=$ROOT/opt/r --python /usr/bin/python3 >/dev/null || exit 9
setpriv --reuid 65530 --clear-groups env -i PATH=/usr/bin:/bin KTX_RUNTIME_ROOT=$ROOT/opt/r HOME=/tmp $NODE $LAUNCHER admin runtime status 2>&1; true`,
    exits: 0,
    says: [/cannot be read: \S+ belongs to uid 0 and its mode is \d+/, /chmod -R a\+rX/],
    saysNot: [/manifest is invalid/],
    needs: ['setpriv'],
  },
];
