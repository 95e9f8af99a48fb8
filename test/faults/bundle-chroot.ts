import { spawnSync } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { copyProgram } from '../fixtures/other-package.ts';
import { packPortablePython } from '../fixtures/portable-python.ts';
import { plainEnvironment, runProgram } from '../fixtures/program.ts';
import { findInterpreters } from '../kernel/interpreters.ts';

export interface ChrootRow {
  python: string;
  user: string;
  feature: string;
  bundleBytes: number;
  seconds: number;
  problems: readonly string[];
}

/** Why no bare system can be made here; `null` when it can. */
export function chrootObstacle(): string | null {
  if (process.getuid?.() !== 0) return 'it needs root';
  for (const command of ['debootstrap', 'patchelf', 'unshare', 'ssh-keygen'])
    if (spawnSync('sh', ['-c', `command -v ${command}`]).status !== 0) return `it needs ${command}`;
  return null;
}

/**
 * A bundle with the program is carried to a bare Debian: no Node, no certificates, no Python, no route. Its signature and
 * digests are checked with what that system has, as the administrator's page says, and then one command is run.
 * @param bare a system made by `debootstrap --variant=minbase`; made here when it is not given
 */
export async function chrootRows(bare: string | undefined): Promise<ChrootRow[]> {
  const folder = await mkdtemp(join(tmpdir(), 'ktx-chroot-'));
  try {
    const system = join(folder, 'system');
    if (bare === undefined) assertRun('debootstrap', ['--variant=minbase', 'trixie', system]);
    else assertRun('cp', ['-a', bare, system]);
    const found = findInterpreters().find(({ path, minor }) => path !== null && minor === '3.13');
    if (!found?.path) throw new Error('it needs a Python 3.13 to pack');
    const python = await packPortablePython(found.path, join(folder, 'pack'));
    const archive = join(folder, python.file);
    await writeFile(archive, python.bytes);
    const launcher = await copyProgram(join(folder, 'program'), python);
    assertRun('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(folder, 'key')]);
    const rows: ChrootRow[] = [];
    for (const feature of ['core', 'local-embeddings']) {
      const bundle = join(folder, `${feature}.bundle`);
      const created = await runProgram(
        [
          ...['bundle', 'create', '--with-app', '--python-archive', archive, '--feature', feature],
          ...['--output', bundle, '--sign-key', join(folder, 'key')],
        ],
        { env: plainEnvironment(folder), launcher },
      );
      if (created.exitCode !== 0) throw new Error(`${created.stdout}${created.stderr}`);
      for (const user of ['root', 'nobody'])
        rows.push(await install({ system, bundle, feature, user, python: `managed ${python.version}` }));
      await rm(bundle);
    }
    return rows;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function install(options: {
  system: string;
  bundle: string;
  feature: string;
  user: string;
  python: string;
}): Promise<ChrootRow> {
  const { system, bundle, feature, user, python } = options;
  const home = `/home/${user}-${feature}`;
  const here = join(system, home);
  await mkdir(here, { recursive: true });
  await cp(bundle, join(here, 'ktx.bundle'));
  await writeFile(join(here, 'install-and-ask.sh'), SCRIPT);
  assertRun('chroot', [system, 'chown', '-R', `${user}:`, home]);
  const startedAt = performance.now();
  // Loopback, and no route; processes of its own, which end with it.
  const inside = [
    'ip link set lo up',
    `mount -t proc proc ${system}/proc`,
    `exec chroot --userspec=${user} ${system} env -i PATH=/usr/bin:/bin HOME=${home} sh ${home}/install-and-ask.sh`,
  ].join(' && ');
  const result = spawnSync('unshare', ['-n', '-m', '-p', '-f', 'sh', '-c', inside], {
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
  });
  const output = `${result.stdout}${result.stderr}`;
  const seconds = Math.round((performance.now() - startedAt) / 1000);
  const { size } = await stat(bundle);
  const wanted = [
    /is ready: core/,
    /analysed a statement/,
    /doctor: [03]$/m,
    ...(feature === 'core' ? [] : [/vector/]),
  ];
  const problems = [
    ...(result.status === 0 ? [] : [`exit code ${result.status}: ${output.slice(-2000)}`]),
    ...wanted.filter((words) => !words.test(output)).map((words) => `not printed: ${words.source}`),
  ];
  await rm(here, { recursive: true, force: true });
  return { python, user, feature, bundleBytes: size, seconds, problems };
}

/** What a person types there, and the doctor afterwards. */
const SCRIPT = `set -eu
cd "$HOME"
! command -v node
! command -v python3
[ ! -e /etc/ssl/certs/ca-certificates.crt ]
mkdir un && tar xf ktx.bundle -C un && rm ktx.bundle
sh un/install.sh </dev/null
rm -rf un
code=0
.local/bin/ktx doctor --plain || code=$?
echo "doctor: $code"
.local/bin/ktx setup --yes --offline --force
`;

function assertRun(command: string, args: readonly string[]): void {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8', maxBuffer: 2 ** 26 });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${stdout}${stderr}`.slice(-2000));
}

export function chrootTable(rows: readonly ChrootRow[]): string {
  return rows
    .map(
      ({ python, user, feature, bundleBytes, seconds, problems }) =>
        `${feature.padEnd(17)} ${user.padEnd(7)} ${python.padEnd(16)} ${(bundleBytes / 1e6).toFixed(0).padStart(4)} MB ${String(seconds).padStart(4)} s  ${problems.length === 0 ? 'ready, doctor passes, rebuilt offline' : problems.join('; ')}`,
    )
    .join('\n');
}
