import { execFile } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import type { SetupEvent } from '../../src/core/events.ts';
import { runChecks } from '../../src/doctor/run-checks.ts';
import { startManagedPythonDaemon } from '../../src/embed/start-daemon.ts';
import { setupEventSchema } from '../../src/present/event-schema.ts';
import { pythonDownloadsList } from '../../src/python/python-downloads.ts';
import { runSetup } from '../../src/setup/setup.ts';
import { detectHost } from '../../src/shipped/target.ts';
import { openStore } from '../../src/store/store.ts';
import { managedUvPath } from '../../src/uv/acquire.ts';
import { installUvFrom, uvPinsFor } from '../../src/uv/binary.ts';
import { endNow } from '../fixtures/family.ts';
import { CONTRACT_DAEMON, wheelOf, writeForeignAsset } from '../fixtures/foreign-asset.ts';
import { type InterceptingProxy, startInterceptingProxy } from '../fixtures/intercepting-proxy.ts';
import { type LoopbackIndex, startLoopbackIndex } from '../fixtures/loopback-index.ts';
import { closedAddress } from '../fixtures/network.ts';
import { plainEnvironment } from '../fixtures/program.ts';
import { packSystemPython } from '../fixtures/python-archive.ts';
import { temporaryFolder, temporaryFolderForFile } from '../fixtures/temporary-folder.ts';
import { openWheelhouse, WHEELHOUSE_DIR, type WheelhouseFile } from '../fixtures/wheelhouse.ts';

const run = promisify(execFile);

const torch = (version: string) =>
  wheelOf({
    distribution: 'torch',
    version,
    files: { 'torch/__init__.py': `__version__ = "${version}"\n` },
  });
/** The one on the package index is the newest, as it is in life. */
const PUBLIC_TORCH = torch('2.9.1');
/** What no index but the package index has. */
const HELPER = wheelOf({ distribution: 'acme_helper', version: '1.0', files: { 'acme_helper.py': '' } });
const BACKENDS: Record<string, ReturnType<typeof torch>> = {
  cpu: torch('2.9.0+cpu'),
  cu128: torch('2.9.0+cu128'),
};

/** PyTorch's own indexes: `/whl/<backend>/<project>/`, files beside them. */
function answerAsTorch(path: string): Uint8Array | string | null {
  const [, backend = '', rest] = /^\/whl\/([^/]+)\/(.*)$/.exec(path) ?? [];
  const wheel = BACKENDS[backend];
  if (!wheel) return null;
  if (rest === wheel.file) return wheel.bytes;
  const href = encodeURIComponent(wheel.file);
  return rest === 'torch/'
    ? `<!DOCTYPE html><html><body><a href="../${href}#sha256=${wheel.sha256}">${wheel.file}</a></body></html>`
    : null;
}

let index: LoopbackIndex;
let proxy: InterceptingProxy;
let minor: string;
/** Sends who fetches uv to another name of the same machine. */
let isUvElsewhere = false;

beforeAll(async () => {
  const folder = await temporaryFolderForFile();
  const [wheels, python, host] = await Promise.all([
    openWheelhouse(),
    packSystemPython(join(folder, 'pack')),
    detectHost(),
  ]);
  minor = python.version.split('.').slice(0, 2).join('.');
  const uvWheel = wheels.find(({ file }) => file.startsWith('uv-'))!;
  const files: WheelhouseFile[] = [uvWheel];
  for (const wheel of [PUBLIC_TORCH, HELPER]) {
    const path = join(folder, wheel.file);
    await writeFile(path, wheel.bytes);
    files.push({ ...wheel, path });
  }
  index = await startLoopbackIndex(files, (request, response) => {
    if (isUvElsewhere && request.method === 'GET' && request.url?.startsWith('/files/uv-')) {
      const location = `http://${index.host.replace('127.0.0.1', 'localhost')}${request.url}`;
      response.writeHead(302, { location }).end();
      return true;
    }
    if (request.url === '/python-downloads.json') {
      const { version, sha256 } = python;
      const list = pythonDownloadsList({ host, version, build: '20260610', archivePath: '/', sha256 });
      const [key, entry] = Object.entries<object>(JSON.parse(list))[0]!;
      const url = `http://${index.host}/python/${encodeURIComponent(python.file)}`;
      response
        .writeHead(200, { 'content-type': 'application/json' })
        .end(JSON.stringify({ [key]: { ...entry, url } }));
    } else if (decodeURIComponent(request.url ?? '') === `/python/${python.file}`) {
      response.writeHead(200, { 'content-length': python.bytes.length }).end(python.bytes);
    } else return false;
    return true;
  });
  await mkdir(join(folder, 'ca'));
  proxy = await startInterceptingProxy(join(folder, 'ca'), answerAsTorch);
});
afterAll(async () => {
  await index?.close();
  await proxy?.close();
});

/** An empty home on a network with a package index, a list of Pythons, and PyTorch's host behind a proxy. */
async function machine(extra: NodeJS.ProcessEnv = {}) {
  const root = await temporaryFolder();
  const assetDir = join(root, 'assets');
  const { wheelPath } = await writeForeignAsset(assetDir, {
    requiresPython: `>=${minor}`,
    files: { 'ktx_daemon/__main__.py': CONTRACT_DAEMON, 'semantic_layer/__init__.py': '' },
    metadata: [
      'Requires-Dist: acme-helper',
      'Provides-Extra: local-embeddings',
      'Requires-Dist: torch>=2.2.0; extra == "local-embeddings"',
    ],
    script: 'ktx-daemon = ktx_daemon.__main__:main',
  });
  const events: SetupEvent[] = [];
  const options = {
    cliVersion: '0.3.0',
    assetDir,
    runtimeRoot: join(root, 'run time'),
    homeDir: root,
    env: plainEnvironment(root, {
      UV_DEFAULT_INDEX: index.url,
      UV_ASTRAL_MIRROR_URL: `http://${index.host}`,
      UV_PYTHON_DOWNLOADS_JSON_URL: `http://${index.host}/python-downloads.json`,
      HTTPS_PROXY: proxy.url,
      SSL_CERT_FILE: proxy.caPath,
      ...extra,
    }),
    onEvent: (event: SetupEvent) => events.push(event),
  };
  const { cliVersion, runtimeRoot, homeDir, env } = options;
  const projectDir = join(root, 'project');
  const daemonOptions = { cliVersion, runtimeRoot, homeDir, env, assetDir, projectDir };
  return { options, events, daemonOptions, wheelPath, uvPath: managedUvPath({ runtimeRoot }) };
}

/** Every path once: uv asks for the length of a file, then for parts of it. */
const torchPaths = () => [...new Set(proxy.requests.splice(0).map(({ path }) => path))];
const pathsOf = (backend: string) => [`/whl/${backend}/torch/`, `/whl/${backend}/${BACKENDS[backend]!.file}`];
const isPublicTorchTaken = () => index.requests.includes(`/files/${PUBLIC_TORCH.file}`);

async function torchVersion(pythonPath: string): Promise<string> {
  const { stdout } = await run(pythonPath, ['-I', '-c', 'import torch; print(torch.__version__)']);
  return stdout.trim();
}

it('core without torch, then the extra with the CPU build of it', async () => {
  const { options, events, daemonOptions, wheelPath } = await machine();
  const core = await runSetup({ ...options, features: ['core'] });
  expect(core.status).toBe('installed');
  expect(torchPaths()).toEqual([]);

  const all = await runSetup({ ...options, features: ['local-embeddings'] });
  expect(all.features).toEqual(['core', 'local-embeddings']);
  expect(torchPaths()).toEqual(pathsOf('cpu'));
  expect(isPublicTorchTaken()).toBe(false);
  expect(await torchVersion(all.pythonPath)).toBe('2.9.0+cpu');

  const commands = (await readFile(all.logPath, 'utf8')).match(/^\$ .*$/gm)!;
  const { pythonPath } = all;
  expect(commands.map((line) => line.slice(line.indexOf('/uv ') + 4))).toEqual([
    `python install ${minor}`,
    `venv --python ${minor} ${join(pythonPath, '../..')}`,
    `pip install --python ${pythonPath} ${wheelPath}[local-embeddings]`,
  ]);

  // The plan does not promise what it cannot know.
  const { plan } = events.find((event) => event.type === 'plan')!;
  expect(plan).toMatchObject({ hosts: [index.host], hasOpenHosts: true, downloadBytes: null });
  expect(plan.notes.join('\n')).toContain('without a lock');
  for (const event of events) setupEventSchema.parse(event);

  expect((await runSetup({ ...options, features: ['local-embeddings'] })).status).toBe('ready');
  const checks = await runChecks(options);
  expect(checks.filter(({ status }) => status !== 'pass' && status !== 'skipped')).toEqual([]);
  const daemon = await startManagedPythonDaemon({ ...daemonOptions, features: ['local-embeddings'] });
  onTestFinished(() => endNow([daemon.state.pid]));
  expect(daemon.status).toBe('started');
  expect(torchPaths()).toEqual([]);
});

it("the user's own backend is kept, and --index-url leads uv too", async () => {
  const nowhere = `${await closedAddress()}/simple/`;
  const { options } = await machine({ UV_TORCH_BACKEND: 'cu128', UV_DEFAULT_INDEX: nowhere });
  const features = ['local-embeddings' as const];
  const result = await runSetup({ ...options, features, indexUrl: index.url });
  expect(torchPaths()).toEqual(pathsOf('cu128'));
  expect(isPublicTorchTaken()).toBe(false);
  expect(await torchVersion(result.pythonPath)).toBe('2.9.0+cu128');
});

it('what ktx itself fetches comes from the hosts of the plan', async () => {
  const { options, events } = await machine();
  isUvElsewhere = true;
  onTestFinished(() => {
    isUvElsewhere = false;
  });
  await expect(runSetup({ ...options, features: ['core'] })).rejects.toThrow(/localhost/);
  expect(events.at(-1)).toMatchObject({ failure: { cause: 'host-not-allowed' } });
});

it('where no Python can be fetched, one of this machine is taken, as for a wheel with a lock', async () => {
  const python = (await run('which', [`python${minor}`])).stdout.trim();
  const path = { PATH: `${dirname(python)}:/usr/bin:/bin`, UV_PYTHON_PREFERENCE: 'only-managed' };
  const nothing = {
    UV_PYTHON_DOWNLOADS_JSON_URL: `http://${index.host}/none.json`,
    UV_PYTHON_SEARCH_PATH: '',
  };
  const { options, events } = await machine({ ...path, ...nothing });
  const { pythonPath } = await runSetup({ ...options, features: ['core'] });
  const { stdout } = await run(pythonPath, ['-c', 'import sys; print("%d.%d" % sys.version_info[:2])']);
  expect(stdout.trim()).toBe(minor);
  const lines = events.flatMap((event) => (event.type === 'lines' ? event.lines : []));
  expect(lines.join('\n')).toMatch(/Using Python \S+ of the system: \//);

  const managed = runSetup({ ...options, features: ['core'], python: 'managed', shouldForce: true });
  await expect(managed).rejects.toThrow('python downloads json');
  const named = await runSetup({
    ...options,
    features: ['core'],
    python: { path: python },
    shouldForce: true,
  });
  expect(named.status).toBe('installed');

  events.length = 0;
  const kept = await runSetup({ ...options, features: ['core'], shouldForce: true });
  const said = JSON.stringify(events);
  expect(said).toContain(`Using the Python chosen for this runtime earlier: ${python}`);
  expect(said).toMatch(/of the system: \//);
  expect(said).not.toContain('cannot be used');
  expect(kept.status).toBe('installed');
});

it('--offline holds for uv too', async () => {
  const { options, events, uvPath } = await machine();
  await installUvFrom(openStore(WHEELHOUSE_DIR), uvPinsFor(await detectHost())!.wheel, uvPath);
  index.requests.length = 0;
  const failure = await runSetup({ ...options, features: ['local-embeddings'], isOffline: true }).then(
    () => expect.unreachable('nothing can come from anywhere'),
    (error: Error) => error,
  );
  expect(failure.message).toContain('because the network was disabled');
  expect(events.at(-1)).toMatchObject({ failure: { cause: 'offline', failureClass: 'network' } });
  expect([...index.requests, ...torchPaths()]).toEqual([]);
});
