import { cp, link, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { CASES } from '../../faults-network/cases.ts';
import { type Lab, type MatrixCase, NONE } from '../../faults-network/lab.ts';
import { indexListener } from '../../faults-network/servers.ts';
import { ownCertificate } from '../../faults-network/setting-lab.ts';
import { startProxy, startServer, type TestServer } from '../../fixtures/network.ts';
import { makeWorld, type World } from '../../fixtures/network-world.ts';
import { LAUNCHER } from '../../fixtures/program.ts';
import { drive, type Journey } from './drive.ts';

export interface DriverRow extends Journey {
  kind: string;
  fault: string;
}

/** Those that fail; what gets through needs no driver. */
export const NETWORK_FAULTS: readonly MatrixCase[] = CASES.filter(({ cause }) => cause !== null);
/** Causes of which somebody must lose patience. */
const IMPATIENT = new Set(['no-answer', 'silence', 'too-slow', 'proxy-unreachable', 'tls']);

/** What nobody can mend from this machine alone, by the reason. */
const BEYOND: Readonly<Record<string, string>> = {
  'index CONNECT: 302 to a sign-in page': 'somebody signs in',
  'index CONNECT: 511': 'somebody signs in',
  "index proxy's certificate has expired, its CA is known": 'the proxy needs another certificate',
  "index proxy's certificate is for another name": 'the proxy needs another certificate',
  'uv mirror: wrong bytes': 'the mirror is the only source here',
  'python mirror: truncated': 'the mirror is the only source here',
};

/** What all journeys share: the values that a person would have in a small table. */
export interface NetworkLab {
  world: World;
  values: Record<string, string>;
  close(): Promise<void>;
}

export async function openNetworkLab(root: string): Promise<NetworkLab> {
  const world = await makeWorld(root);
  const index = await startServer(indexListener(world.files, NONE));
  const proxy = await startProxy();
  const certificate = join(root, 'client.pem');
  await writeFile(certificate, ownCertificate({ world } as Lab));
  return {
    world,
    values: {
      'index-url': `${index.url.replace('://', '://me:matrix-pass-word@')}/simple`,
      // What stands for an address that was typed with a login in it.
      secret: `${index.url.replace('://', '://me:matrix-pass-word@')}/simple`,
      'index-user': 'me',
      'index-password': 'matrix-pass-word',
      proxy: proxy.host,
      'proxy-host': proxy.host,
      'proxy-user': 'p',
      'proxy-password': 'proxy-pass-word',
      'ca-file': world.authority.caPath,
      'client-certificate': certificate,
      python: world.pythonPath,
    },
    async close() {
      await index.close();
      await proxy.close();
    },
  };
}

/** One fault of the matrix, from an empty runtime root whose store has everything but what the fault is about. */
export async function driveNetworkFault(lab: NetworkLab, fault: MatrixCase): Promise<DriverRow> {
  const { world } = lab;
  const servers: TestServer[] = [];
  const home = await mkdtemp(join(world.root, 'drive-'));
  const keep = (server: TestServer) => {
    servers.push(server);
    return server;
  };
  try {
    const prepared = await fault.prepare({ world, keep, dir: () => mkdtemp(join(world.root, 'folder-')) });
    const runtimeRoot = join(home, 'runtime');
    await fillStore(world, join(runtimeRoot, 'uv', 'store'), prepared.missing ?? []);
    for (const [path, content] of Object.entries(prepared.files ?? {})) {
      await mkdir(dirname(join(home, path)), { recursive: true });
      await writeFile(join(home, path), content);
    }
    const seconds = String(IMPATIENT.has(fault.cause ?? '') ? 1 : 15);
    const env = {
      PATH: '/usr/local/bin:/usr/bin:/bin',
      HOME: home,
      LANG: 'C.UTF-8',
      XDG_CONFIG_DIRS: join(home, 'none'),
      UV_HTTP_TIMEOUT: seconds,
      UV_HTTP_CONNECT_TIMEOUT: seconds,
      UV_HTTP_RETRIES: '0',
      ...prepared.env,
    };
    const { isOffline, allowedHosts = [] } = prepared.options ?? {};
    const argv = [
      ...[process.execPath, LAUNCHER, 'setup', '--yes', '--no-input', '--json'],
      ...['--runtime-root', runtimeRoot],
      ...['--python', fault.kind === 'python' ? 'managed' : world.pythonPath],
      ...(fault.kind === 'uv' ? [] : ['--uv', world.uvPath]),
      ...(isOffline ? ['--offline'] : []),
      ...allowedHosts.flatMap((host) => ['--allow-host', host]),
    ];
    const journey = await drive(argv, env, { ...lab.values, 'runtime-root': join(home, 'elsewhere') });
    const isBeyond = `${fault.kind} ${fault.fault}` in BEYOND;
    return { kind: isBeyond ? 'beyond' : fault.kind, fault: fault.fault, ...journey };
  } finally {
    for (const server of servers) await server.close();
    await rm(home, { recursive: true, force: true, maxRetries: 3 });
  }
}

async function fillStore(world: World, storeDir: string, missing: readonly string[]): Promise<void> {
  for (const { sha256, file, path } of world.files) {
    if (file === world.subject.file || ['uv-', ...missing].some((start) => file.startsWith(start))) continue;
    await mkdir(join(storeDir, sha256), { recursive: true });
    const target = join(storeDir, sha256, file);
    await link(path, target).catch(() => cp(path, target));
  }
}
