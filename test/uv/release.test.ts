import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { zipSync } from 'fflate';
import { afterEach, describe, expect, it } from 'vitest';
import {
  latestVersion,
  PLATFORMS,
  parseSha256File,
  readArchivePins,
  readWheelPins,
  renderReleaseModule,
} from '../../scripts/refresh-uv-manifest.mjs';
import { MANAGED_UV_ARTIFACTS, MANAGED_UV_VERSION, MANAGED_UV_WHEELS } from '../../src/uv/release.ts';
import { sha256 } from '../fixtures/asset.ts';

const pins = JSON.parse(readFileSync(new URL('../../scripts/pins.json', import.meta.url), 'utf8'));

/** The platforms that have a pinned uv. */
const CONTRACT = {
  'darwin-arm64': [
    'uv-aarch64-apple-darwin.tar.gz',
    '1f921d491ba5ffeea774eb04d6681ecee379101341cbb1500394993b541bf3f4',
  ],
  'darwin-x64': [
    'uv-x86_64-apple-darwin.tar.gz',
    'f3c8e5708a84b920c18b691214d54d2b0da6b984789caae95d47c95120cb7765',
  ],
  'linux-arm64': [
    'uv-aarch64-unknown-linux-musl.tar.gz',
    'e71badaed2a2c3a404a0a00974b51c7ed5f5bc7be947916846005b739c68a5a2',
  ],
  'linux-x64': [
    'uv-x86_64-unknown-linux-musl.tar.gz',
    '9dadff5b9e7b1d2d011e41852a1cbca713d9d5d88194f2eb6bd240fa4fb0a719',
  ],
  'win32-arm64': [
    'uv-aarch64-pc-windows-msvc.zip',
    '74e443f8004022dde57a1bd0d10c097830f9ea8feb4ec927db52cd5d805c2f48',
  ],
  'win32-x64': [
    'uv-x86_64-pc-windows-msvc.zip',
    'ace861f360c6de2babedc1607d0f454b6b09a820dbc8182dc15af927e4df9589',
  ],
};

describe('the pinned release', () => {
  it('24. is the table of the contract', () => {
    expect(MANAGED_UV_VERSION).toBe('0.11.21');
    expect(MANAGED_UV_ARTIFACTS).toEqual(
      Object.fromEntries(
        Object.entries(CONTRACT).map(([key, [file, digest]]) => [key, { file, sha256: digest }]),
      ),
    );
  });

  it('is what the script makes of scripts/pins.json', () => {
    const module = readFileSync(new URL('../../src/uv/release.ts', import.meta.url), 'utf8');
    expect(module).toBe(renderReleaseModule(pins.uv));
  });

  it('has a wheel with a known binary for every archive', () => {
    expect(Object.keys(MANAGED_UV_WHEELS)).toEqual(Object.keys(MANAGED_UV_ARTIFACTS));
    for (const wheel of Object.values(MANAGED_UV_WHEELS)) {
      expect(wheel.file).toMatch(/^uv-0\.11\.21-py3-none-.+\.whl$/);
      expect(wheel.sha256).toMatch(/^[a-f0-9]{64}$/);
      expect(wheel.binarySha256).toMatch(/^[a-f0-9]{64}$/);
      expect(wheel.binarySizeBytes).toBeGreaterThan(wheel.sizeBytes);
    }
  });
});

describe('refresh-uv-manifest', () => {
  const servers: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const close of servers.splice(0)) await close();
  });

  /** Serves paths from a table; what is asked of another host is asked here. */
  async function servedFetch(answer: (path: string) => Uint8Array | string | null) {
    const server = createServer((request, response) => {
      const body = answer(decodeURIComponent(request.url ?? ''));
      if (body === null) response.writeHead(404).end();
      else response.end(body);
    }).listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    servers.push(() => new Promise((resolve) => server.close(resolve)));
    const { port } = server.address() as AddressInfo;
    return (url: string, init?: RequestInit) =>
      fetch(`http://127.0.0.1:${port}${new URL(url).pathname}`, init);
  }

  it('reads six digests from the files beside the archives', async () => {
    const fetchHere = await servedFetch(
      (path) => `${sha256(path)} *${path.split('/').at(-1)?.slice(0, -7)}\n`,
    );
    const found = await readArchivePins('1.2.3', fetchHere as typeof fetch);
    expect(Object.keys(found)).toEqual(Object.keys(PLATFORMS));
    expect(found['linux-x64']).toEqual({
      file: 'uv-x86_64-unknown-linux-musl.tar.gz',
      sha256: sha256('/astral-sh/uv/releases/download/1.2.3/uv-x86_64-unknown-linux-musl.tar.gz.sha256'),
    });
  });

  it('names the address and the status of a failing answer', async () => {
    const fetchHere = await servedFetch(() => null);
    await expect(readArchivePins('1.2.3', fetchHere as typeof fetch)).rejects.toThrow(
      'Failed to fetch https://github.com/astral-sh/uv/releases/download/1.2.3/uv-aarch64-apple-darwin.tar.gz.sha256: HTTP 404',
    );
  });

  it('takes the latest version from the end of its address', async () => {
    const answer = { ok: true, url: 'https://github.com/astral-sh/uv/releases/tag/0.12.5' };
    expect(await latestVersion((async () => answer) as never)).toBe('0.12.5');
  });

  it.each([
    ['a page', `<html>${'x'.repeat(200)}`],
    ['another file', `${'a'.repeat(64)}  other.zip\n`],
    ['a short digest', `${'a'.repeat(63)}  uv.zip\n`],
    ['an upper-case digest', `${'A'.repeat(64)}  uv.zip\n`],
  ])('refuses %s in place of a digest', (_name, text) => {
    expect(() => parseSha256File('uv.zip', text)).toThrow(
      new Error(`Unexpected sha256 file contents for uv.zip: ${text.slice(0, 120)}`),
    );
  });

  it('refuses to generate a module with a platform left out', () => {
    const { 'win32-x64': _left, ...archives } = pins.uv.archives;
    expect(() => renderReleaseModule({ ...pins.uv, archives })).toThrow(
      'Missing artifact entry for win32-x64',
    );
  });

  it('reads the digest of the binary inside each wheel, and refuses a wheel that is not the listed one', async () => {
    const platforms = [
      ['macosx_11_0_arm64', 'uv'],
      ['macosx_10_12_x86_64', 'uv'],
      ['manylinux_2_17_aarch64.musllinux_1_1_aarch64', 'uv'],
      ['musllinux_1_1_x86_64', 'uv'],
      ['win_arm64', 'uv.exe'],
      ['win_amd64', 'uv.exe'],
    ];
    const wheels = new Map(
      platforms.map(([tag, binary]) => [
        `uv-1.2.3-py3-none-${tag}.whl`,
        zipSync({ [`uv-1.2.3.data/scripts/${binary}`]: Buffer.from(`binary for ${tag}`) }),
      ]),
    );
    const listing = (digest: (bytes: Uint8Array) => string) =>
      JSON.stringify({
        files: [...wheels].map(([filename, bytes]) => ({
          filename,
          url: `../../files/${filename}`,
          hashes: { sha256: digest(bytes) },
        })),
      });
    const serve = (digest: (bytes: Uint8Array) => string) =>
      servedFetch((path) =>
        path === '/simple/uv/' ? listing(digest) : (wheels.get(path.replace('/files/', '')) ?? null),
      );
    const found = await readWheelPins(
      '1.2.3',
      'https://index.example/simple',
      (await serve(sha256)) as never,
    );
    expect(found['win32-x64']).toEqual({
      file: 'uv-1.2.3-py3-none-win_amd64.whl',
      bytes: wheels.get('uv-1.2.3-py3-none-win_amd64.whl')?.length,
      sha256: sha256(wheels.get('uv-1.2.3-py3-none-win_amd64.whl') as Uint8Array),
      binarySha256: sha256('binary for win_amd64'),
      binaryBytes: 20,
    });
    expect(found['linux-arm64']?.file).toContain('musllinux_1_1_aarch64');
    const lying = await serve(() => 'a'.repeat(64));
    await expect(readWheelPins('1.2.3', 'https://index.example/simple', lying as never)).rejects.toThrow(
      'its digest is not the listed one',
    );
  });
});
