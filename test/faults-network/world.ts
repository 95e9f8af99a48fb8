import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { link, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { planSetup, runSetup } from '../../src/install/setup.ts';
import type { SetupOptions } from '../../src/install/setup-options.ts';
import { createLinePresenter } from '../../src/present/lines.ts';
import { eventEmitter, type FailureReport, type SetupEvent } from '../../src/support/events.ts';
import { PACKAGE_ROOT } from '../../src/support/package-root.ts';
import { openWheelhouse, type WheelhouseFile } from '../fixtures/wheelhouse.ts';
import { makeAuthority, type TestAuthority } from '../network/fixtures.ts';

export const SECRETS = [
  'matrix-pass-word',
  btoa('me:matrix-pass-word'),
  'proxy-pass-word',
  btoa('p:proxy-pass-word'),
];
const CLI_VERSION = '0.0.1-matrix';

/** What all cases share, made once. */
export interface World {
  root: string;
  files: WheelhouseFile[];
  /** The one package that is not in the store of a case. */
  subject: WheelhouseFile;
  subjectProject: string;
  uvPath: string;
  pythonPath: string;
  /** Signs `127.0.0.1`. */
  authority: TestAuthority;
  expired: TestAuthority;
  otherName: TestAuthority;
}

export async function makeWorld(root: string): Promise<World> {
  const dir = async (name: string) => {
    await mkdir(join(root, name));
    return join(root, name);
  };
  const [files, authority, expired, otherName] = await Promise.all([
    openWheelhouse(),
    dir('ca').then((path) => makeAuthority(path)),
    dir('ca-old').then((path) => makeAuthority(path, undefined, ['-days', '-1'])),
    dir('ca-name').then((path) => makeAuthority(path, 'portal.example')),
  ]);
  const subject = files.find(({ file }) => file.startsWith('idna-'))!;
  const uvWheel = files.find(({ file }) => file.startsWith('uv-'))!;
  const uvPath = join(root, 'uv');
  const script = `import zipfile,sys,os
z=zipfile.ZipFile(sys.argv[1]); n=[n for n in z.namelist() if n.endswith('scripts/uv')][0]
open(sys.argv[2],'wb').write(z.read(n)); os.chmod(sys.argv[2],0o755)`;
  await promisify(execFile)('/usr/bin/python3', ['-c', script, uvWheel.path, uvPath]);
  return {
    root,
    files,
    subject,
    subjectProject: 'idna',
    uvPath,
    pythonPath: '/usr/bin/python3',
    authority,
    expired,
    otherName,
  };
}

export interface CaseSetup {
  env?: NodeJS.ProcessEnv;
  options?: Partial<SetupOptions>;
  /** `uv`: none is given. `python`: a managed one is wanted. */
  kind: 'index' | 'wheel' | 'uv' | 'python' | 'folder';
}

export interface CaseOutcome {
  /** `null`: everything was fetched. */
  failure: FailureReport | null;
  /** All that anybody could see: events, lines for people, the log. */
  output: string;
  isUntouched: boolean;
}

/** Runs one setup over a runtime that works, whose store has everything but what the case is about. */
export async function runCase(
  world: World,
  name: string,
  setup: CaseSetup,
  isFailureDue: boolean,
): Promise<CaseOutcome> {
  const home = join(world.root, `case-${name}`);
  const runtimeRoot = join(home, 'runtime');
  await fillStore(world, join(runtimeRoot, 'uv', 'store'));
  const versionDir = await plantRuntime(runtimeRoot);
  const before = await snapshot(versionDir);
  const events: SetupEvent[] = [];
  const options: SetupOptions = {
    cliVersion: CLI_VERSION,
    features: ['core'],
    assetDir: join(PACKAGE_ROOT, 'assets', 'python'),
    runtimeRoot,
    homeDir: home,
    shouldForce: true,
    python: setup.kind === 'python' ? 'managed' : { path: world.pythonPath },
    ...(setup.kind === 'uv' ? {} : { uvPath: world.uvPath }),
    ...setup.options,
    env: {
      PATH: '/usr/bin:/bin',
      HOME: home,
      XDG_CONFIG_DIRS: join(home, 'none'),
      // One second of patience, and no second try: a case shall end.
      UV_HTTP_TIMEOUT: '1',
      UV_HTTP_CONNECT_TIMEOUT: '1',
      UV_HTTP_RETRIES: '0',
      ...setup.env,
    },
    onEvent: (event) => events.push(event),
  };
  if (isFailureDue) await runSetup(options).catch(() => {});
  else await planAndFetch(options, events);
  const failure = events.find((event) => event.type === 'failure')?.failure ?? null;
  const presenter = createLinePresenter({ homeDir: home });
  const log = await readFile(join(versionDir, 'install.log'), 'utf8').catch(() => '');
  const after = await snapshot(versionDir);
  await rm(home, { recursive: true });
  return {
    failure,
    output: [JSON.stringify(events), ...events.flatMap((event) => presenter.lines(event)), log].join('\n'),
    isUntouched: before === after && (failure === null || failure.untouched.includes('still works')),
  };
}

/** As far as the network goes: what follows is the same for every case. */
async function planAndFetch(options: SetupOptions, events: SetupEvent[]): Promise<void> {
  const emit = eventEmitter((event) => events.push(event));
  try {
    const plan = await planSetup(options);
    if (plan.status !== 'install') throw new Error('nothing was planned');
    emit({ type: 'plan', plan: plan.summary });
    try {
      await plan.job.acquireUv(emit);
      await plan.job.locked?.fetch(emit);
    } finally {
      await plan.network.close();
    }
  } catch (error) {
    const { reportFailure } = await import('../../src/install/setup.ts');
    emit({ type: 'failure', failure: await reportFailure(error, options, 'fetch') });
  }
}

async function fillStore(world: World, storeDir: string): Promise<void> {
  for (const { sha256, file, path } of world.files) {
    if (file === world.subject.file || file.startsWith('uv-')) continue;
    await mkdir(join(storeDir, sha256), { recursive: true });
    await link(path, join(storeDir, sha256, file)).catch(async () =>
      writeFile(join(storeDir, sha256, file), await readFile(path)),
    );
  }
}

/** A runtime that looks whole, so that it can be seen whether a failure left it alone. */
async function plantRuntime(runtimeRoot: string): Promise<string> {
  const versionDir = join(runtimeRoot, CLI_VERSION);
  const bin = join(versionDir, 'envs', 'old', 'bin');
  await mkdir(bin, { recursive: true });
  for (const name of ['python', 'ktx-daemon']) await writeFile(join(bin, name), name);
  const asset = JSON.parse(await readFile(join(PACKAGE_ROOT, 'assets', 'python', 'manifest.json'), 'utf8'));
  const manifest = {
    schemaVersion: 1,
    cliVersion: CLI_VERSION,
    installedAt: '2026-01-01T00:00:00.000Z',
    asset,
    features: ['core'],
    python: { executable: join(bin, 'python'), daemonExecutable: join(bin, 'ktx-daemon') },
    installLog: join(versionDir, 'install.log'),
  };
  await writeFile(join(versionDir, 'manifest.json'), JSON.stringify(manifest));
  await writeFile(join(versionDir, 'envs', 'old', 'environment.json'), JSON.stringify(manifest));
  return versionDir;
}

/** Every file of a runtime but the log, which is replaced when a build starts. */
async function snapshot(dir: string): Promise<string> {
  const names = (await readdir(dir, { recursive: true })).sort();
  const hash = createHash('sha256');
  for (const name of names) {
    if (name === 'install.log') continue;
    const path = join(dir, name);
    hash.update(`${name}\n`);
    if ((await stat(path)).isFile()) hash.update(await readFile(path));
  }
  return hash.digest('hex');
}
