import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { zipSync } from 'fflate';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { KtxExpectedError, SetupError } from '../../src/support/errors.ts';
import {
  type EnsureManagedUvOptions,
  ensureManagedUv,
  type ManagedUvRelease,
  managedUvPath,
  placeUvBinary,
} from '../../src/uv/acquire.ts';
import { MANAGED_UV_VERSION } from '../../src/uv/release.ts';
import { sha256 } from '../fixtures/asset.ts';
import { BINARY, tarGz } from '../fixtures/uv-archive.ts';

const ARCHIVE = tarGz([
  ['uv-x/', null],
  ['uv-x/uvx', Buffer.from('x')],
  ['uv-x/uv', BINARY],
]);
const RETRY = 'ktx admin runtime install --yes';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'ktx-uv-'));
});
afterEach(async () => {
  vi.unstubAllGlobals();
  await rm(root, { recursive: true, force: true });
});

function release(archive: Uint8Array = ARCHIVE, file = 'uv-test.tar.gz'): ManagedUvRelease {
  const artifact = { file, sha256: sha256(archive) };
  return { version: '9.9.9', artifacts: { 'linux-x64': artifact, 'win32-x64': artifact } };
}

function options(changes: EnsureManagedUvOptions = {}): EnsureManagedUvOptions {
  return { platform: 'linux', arch: 'x64', runtimeRoot: root, release: release(), ...changes };
}

async function rejection(promise: Promise<unknown>): Promise<Error> {
  return promise.then(
    () => Promise.reject(new Error('it did not reject')),
    (error: unknown) => error as Error,
  );
}

describe('managedUvPath', () => {
  it('is below the runtime root, by version, with .exe on Windows', () => {
    expect(managedUvPath({ runtimeRoot: '/r', platform: 'linux' })).toBe(
      join('/r', 'uv', MANAGED_UV_VERSION, 'uv'),
    );
    expect(managedUvPath({ runtimeRoot: '/r', platform: 'win32', release: release() })).toBe(
      join('/r', 'uv', '9.9.9', 'uv.exe'),
    );
    expect(managedUvPath({ env: { KTX_RUNTIME_ROOT: '' }, homeDir: '/h', platform: 'linux' })).toBe(
      join('/h', '.ktx', 'runtime', 'uv', MANAGED_UV_VERSION, 'uv'),
    );
  });
});

describe('ensureManagedUv', () => {
  it('12. a missing uv is fetched once, from GitHub', async () => {
    const fetchArtifact = vi.fn(async () => ARCHIVE);
    await ensureManagedUv(options({ fetchArtifact }));
    expect(fetchArtifact.mock.calls).toEqual([
      ['https://github.com/astral-sh/uv/releases/download/9.9.9/uv-test.tar.gz'],
    ]);
  });

  it('12. by default with the global fetch', async () => {
    const fetched = vi.fn(async () => new Response(ARCHIVE));
    vi.stubGlobal('fetch', fetched);
    expect(await readFile(await ensureManagedUv(options()))).toEqual(BINARY);
    expect(fetched).toHaveBeenCalledTimes(1);
  });

  it('13. other bytes than the pinned ones: nothing is written', async () => {
    const error = await rejection(
      ensureManagedUv(options({ fetchArtifact: async () => Buffer.from('<html>') })),
    );
    expect(error).toBeInstanceOf(KtxExpectedError);
    expect(error.message).toBe(
      `Downloaded uv 9.9.9 failed checksum verification (a proxy or captive portal may have altered the download). Retry: ${RETRY}`,
    );
    expect((error as SetupError).evidence).toContain(`expected sha256 ${sha256(ARCHIVE)}`);
    expect(await readdir(root)).toEqual([]);
  });

  it('14. a failing fetch: retry command, path for air-gapped hosts and the cause', async () => {
    const cause = new Error('getaddrinfo ENOTFOUND');
    const error = await rejection(ensureManagedUv(options({ fetchArtifact: () => Promise.reject(cause) })));
    expect(error).toBeInstanceOf(KtxExpectedError);
    expect(error).toBeInstanceOf(SetupError);
    expect(error.cause).toBe(cause);
    expect(error.message).toBe(
      `ktx could not download uv 9.9.9 (required to install the ktx Python runtime). Check network access to github.com and retry: ${RETRY}. Air-gapped hosts: place the uv binary at ${managedUvPath(options())}.`,
    );
    expect(await readdir(root)).toEqual([]);
  });

  it('14. an answer that is not OK fails with its status', async () => {
    const server = createServer((_request, response) => response.writeHead(503).end('no')).listen(
      0,
      '127.0.0.1',
    );
    await new Promise((resolve) => server.once('listening', resolve));
    const realFetch = globalThis.fetch;
    const { port } = server.address() as AddressInfo;
    vi.stubGlobal('fetch', () => realFetch(`http://127.0.0.1:${port}/`));
    const error = await rejection(ensureManagedUv(options()));
    await new Promise((resolve) => server.close(resolve));
    expect((error.cause as Error).message).toBe('HTTP 503');
  });

  it.each([
    ['linux', 'uv-test.tar.gz', ARCHIVE],
    ['win32', 'uv-test.zip', zipSync({ 'uvx.exe': Buffer.from('x'), 'uv.exe': BINARY })],
  ] as const)(
    '15. %s: exact bytes, mode 0755, no residue; the second call does not fetch',
    async (platform, file, archive) => {
      const fetchArtifact = vi.fn(async () => archive);
      const given = options({ platform, release: release(archive, file), fetchArtifact });
      const umask = process.umask(0o077);
      try {
        const uvPath = await ensureManagedUv(given);
        expect(uvPath).toBe(managedUvPath(given));
        expect(await readFile(uvPath)).toEqual(BINARY);
        expect((await stat(uvPath)).mode & 0o777).toBe(0o755);
        expect(await readdir(dirname(uvPath))).toEqual([platform === 'win32' ? 'uv.exe' : 'uv']);
        expect(await ensureManagedUv(given)).toBe(uvPath);
      } finally {
        process.umask(umask);
      }
      expect(fetchArtifact).toHaveBeenCalledTimes(1);
    },
  );

  it('16. an unknown platform is named, with the place for a binary', async () => {
    const given = options({ platform: 'freebsd', arch: 'riscv64' });
    const error = await rejection(ensureManagedUv(given));
    expect(error).toBeInstanceOf(KtxExpectedError);
    expect(error.message).toBe(
      `ktx does not bundle uv for freebsd-riscv64. Place a uv 9.9.9 binary at ${managedUvPath(given)} and retry: ${RETRY}`,
    );
  });

  it('16. a binary placed there by hand is returned, unread', async () => {
    const given = options({
      platform: 'freebsd',
      arch: 'riscv64',
      fetchArtifact: () => Promise.reject(new Error()),
    });
    await mkdir(dirname(managedUvPath(given)), { recursive: true });
    await writeFile(managedUvPath(given), 'mine');
    expect(await ensureManagedUv(given)).toBe(managedUvPath(given));
  });

  it('17. the right archive without a binary is no expected error', async () => {
    const archive = tarGz([['uv-x/uvx', BINARY]]);
    const error = await rejection(
      ensureManagedUv(options({ release: release(archive), fetchArtifact: async () => archive })),
    );
    expect(error).not.toBeInstanceOf(KtxExpectedError);
    expect(error.message).toBe('uv archive uv-test.tar.gz is missing the uv binary');
    expect(await readdir(root)).toEqual([]);
  });

  it('18. another installer was faster: its binary stays', async () => {
    const given = options();
    const uvPath = managedUvPath(given);
    // A folder in its place is what no rename replaces.
    const fetchArtifact = async () => {
      await mkdir(uvPath, { recursive: true });
      return ARCHIVE;
    };
    expect(await ensureManagedUv({ ...given, fetchArtifact })).toBe(uvPath);
    expect(await readdir(dirname(uvPath))).toEqual(['uv']);
  });
});

describe('placeUvBinary', () => {
  it('18. a failing rename without a target is an error', async () => {
    const uvPath = join(root, 'uv');
    // Content that removes the staged file while it is written, as a cleaner of temporary files would.
    async function* content() {
      await rm(`${uvPath}.${process.pid}.download`);
      yield BINARY;
    }
    const error = await rejection(placeUvBinary(uvPath, content() as never));
    expect(error).toMatchObject({ code: 'ENOENT', syscall: 'rename' });
    expect(await readdir(root)).toEqual([]);
  });

  it('content that cannot be written whole is an error even where a binary is, and leaves no staged file', async () => {
    const uvPath = join(root, 'uv');
    await writeFile(uvPath, 'the old one');
    async function* content() {
      yield BINARY;
      throw new Error('disk full');
    }
    const error = await rejection(placeUvBinary(uvPath, content() as never));
    expect(error.message).toBe('disk full');
    expect(await readdir(root)).toEqual(['uv']);
    expect(await readFile(uvPath, 'utf8')).toBe('the old one');
  });
});
