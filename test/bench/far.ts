import { spawn } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { PUBLIC_FILES_URL, PUBLIC_INDEX_URL } from '../../src/network/address/public-index.ts';
import { readLockedAsset } from '../../src/shipped/locked-asset.ts';
import { detectHost } from '../../src/shipped/target.ts';
import { PACKAGE_ROOT } from '../../src/support/package-root.ts';
import { managedUvPath } from '../../src/uv/acquire.ts';
import { uvPinsFor } from '../../src/uv/binary.ts';
import { startCountingProxy } from '../fixtures/counting-proxy.ts';
import { issueCertificate, makeAuthority } from '../fixtures/network.ts';
import { LAUNCHER, plainEnvironment } from '../fixtures/program.ts';
import type { PublicServerConfig } from '../fixtures/public-server.ts';
import { openWheelhouse } from '../fixtures/wheelhouse.ts';
import { type BenchRow, compare, medianOf } from './bench-row.ts';
import { byHand, PYTHON } from './by-hand.ts';
import { fetchUv } from './cold-install.ts';
import { outputOf } from './command-output.ts';
import type { Typed } from './timed-commands.ts';

const ROUNDS = Number(process.env['KTX_BENCH_ROUNDS'] ?? 5);
const ROUND_TRIP_MS = 300;
const STATIC_UV = ['--platform', 'musllinux_1_1_x86_64', '--only-binary', ':all:'];
const FIXTURES = join(import.meta.dirname, '..', 'fixtures');
const DRY_RUN = [process.execPath, LAUNCHER, 'setup', '--dry-run', '--json', '--python', PYTHON];

/**
 * The public index at the far end of a line, by its own names: how many round trips a plan takes, how many bytes come before the
 * consent, and how long a whole set-up takes over a slow line.
 */
export async function farBench(): Promise<BenchRow[]> {
  const scratch = mkdtempSync(join(tmpdir(), 'ktx-far-'));
  try {
    const far = await makeFar(scratch);
    const uvPath = await fetchUv(join(scratch, 'uv-source'));
    return [
      await planRow(far, scratch, uvPath),
      await bytesRow(scratch, uvPath),
      await slowRow(far, scratch),
    ];
  } finally {
    rmSync(scratch, { recursive: true, force: true, maxRetries: 3 });
  }
}

interface Far {
  configPath: string;
  hostsPath: string;
  caPath: string;
}

async function makeFar(scratch: string): Promise<Far> {
  const { caPath } = await makeAuthority(scratch);
  const hosts = [PUBLIC_INDEX_URL, PUBLIC_FILES_URL].map((url) => new URL(url).hostname);
  const certificates: PublicServerConfig['certificates'] = {};
  for (const host of hosts) {
    const { key, cert } = await issueCertificate(scratch, host);
    certificates[host] = { key: String(key), cert: String(cert) };
  }
  const { lock } = (await readLockedAsset(join(PACKAGE_ROOT, 'assets', 'python')))!;
  const uvWheel = uvPinsFor(await detectHost())!.wheel;
  const files = (await openWheelhouse()).map((entry) => ({
    ...entry,
    publicPath: (entry.sha256 === uvWheel.sha256 ? uvWheel : lock.artefacts[entry.sha256])!.publicPath!,
  }));
  const configPath = join(scratch, 'public-server.json');
  const config: PublicServerConfig = { address: '10.9.0.2', certificates, files };
  writeFileSync(configPath, JSON.stringify(config));
  const hostsPath = join(scratch, 'hosts');
  writeFileSync(
    hostsPath,
    ['127.0.0.1 localhost', ...hosts.map((host) => `10.9.0.2 ${host}`), ''].join('\n'),
  );
  return { configPath, hostsPath, caPath };
}

/** Runs what is typed at the near end of a line. @returns milliseconds. */
async function timeOver(
  line: { delayMs: number; bytesPerSecond?: number },
  far: Far,
  typed: Typed,
): Promise<number> {
  const link = {
    delay_ms: line.delayMs,
    bytes_per_second: line.bytesPerSecond ?? null,
    server: [process.execPath, join(FIXTURES, 'public-server.ts'), far.configPath],
  };
  const child = spawn(
    'unshare',
    ['-n', '-m', '/usr/bin/python3', join(FIXTURES, 'slow_link.py'), JSON.stringify(link)],
    { stdio: ['pipe', 'pipe', 'inherit'] },
  );
  const env = { ...typed.env, SSL_CERT_FILE: far.caPath, PIP_CERT: far.caPath };
  const program = join(import.meta.dirname, 'timed-commands.ts');
  const argv = [
    '/bin/sh',
    '-c',
    'mount --bind "$0" /etc/hosts && exec "$@"',
    far.hostsPath,
    process.execPath,
    program,
    JSON.stringify({ ...typed, env }),
  ];
  let durationMs: number | null = null;
  for await (const text of createInterface({ input: child.stdout })) {
    const said = JSON.parse(text) as { index?: string; durationMs?: number };
    if (said.index !== undefined)
      child.stdin.end(`${JSON.stringify({ argv, env: { ...process.env, ...env } })}\n`);
    durationMs = said.durationMs ?? durationMs;
  }
  if (durationMs === null) throw new Error('what was typed at the end of the line failed');
  return durationMs;
}

/** uv's official host refuses at once: the index alone is far away. */
function nearEnvironment(home: string): NodeJS.ProcessEnv {
  return plainEnvironment(home, { UV_ASTRAL_MIRROR_URL: 'http://127.0.0.1:9' });
}

async function planRow(far: Far, scratch: string, uvPath: string): Promise<BenchRow> {
  const roundTrips = async (more: readonly string[]) => {
    const times = async (delayMs: number) => {
      const found: number[] = [];
      for (let round = 0; round < ROUNDS; round++) {
        const home = mkdtempSync(join(scratch, 'plan-'));
        placeUv(uvPath, home);
        const typed = { commands: [[...DRY_RUN, ...more]], env: nearEnvironment(home) };
        found.push(await timeOver({ delayMs }, far, typed));
      }
      return medianOf(found);
    };
    const near = await times(0);
    return ((await times(ROUND_TRIP_MS / 2)) - near) / ROUND_TRIP_MS;
  };
  const ours = await roundTrips([]);
  // The same index by its address: as any other, its pages are read.
  const pages = await roundTrips(['--index-url', PUBLIC_INDEX_URL]);
  console.log(`plan: ${ours.toFixed(1)} round trips of ${ROUND_TRIP_MS} ms, with pages ${pages.toFixed(1)}`);
  return {
    name: `round trips of a plan at ${ROUND_TRIP_MS} ms`,
    yardstick: '7 round trips',
    limit: 1,
    rounds: ROUNDS,
    ratio: ours / 7,
    medianMs: ours * ROUND_TRIP_MS,
    yardstickMedianMs: 7 * ROUND_TRIP_MS,
  };
}

/** All that comes over the wire: TLS, heads and bodies. From the real index. */
async function bytesRow(scratch: string, uvPath: string): Promise<BenchRow> {
  const proxy = await startCountingProxy();
  try {
    const home = mkdtempSync(join(scratch, 'bytes-'));
    placeUv(uvPath, home);
    const [command = '', ...args] = DRY_RUN;
    const startedAt = performance.now();
    await outputOf(command, args, { ...nearEnvironment(home), HTTPS_PROXY: proxy.url });
    const bytes = proxy.receivedBytes();
    console.log(`plan: ${Math.round(bytes / 1000)} kB before the consent`);
    const medianMs = performance.now() - startedAt;
    return {
      name: `bytes before the consent (${Math.round(bytes / 1000)} kB)`,
      yardstick: '200 kB',
      limit: 1,
      rounds: 1,
      ratio: bytes / 200_000,
      medianMs,
      yardstickMedianMs: medianMs,
    };
  } finally {
    await proxy.close();
  }
}

async function slowRow(far: Far, scratch: string): Promise<BenchRow> {
  const line = { delayMs: 50, bytesPerSecond: 5_000_000 };
  let round = 0;
  const folder = () => {
    const path = join(scratch, `slow-${round++}`);
    mkdirSync(path);
    return path;
  };
  const setUp = [process.execPath, LAUNCHER, 'setup', '--yes', '--no-input', '--json', '--python', PYTHON];
  return compare({
    name: 'cold core set-up over 5 MB/s and 100 ms',
    yardstick: 'by hand over the same line',
    limit: 1.0,
    rounds: Math.min(ROUNDS, 5),
    run: () => timeOver(line, far, { commands: [setUp], env: nearEnvironment(folder()) }),
    runYardstick: () => {
      const path = folder();
      return timeOver(line, far, byHand(path, 'core', { env: plainEnvironment(path), uvFlags: STATIC_UV }));
    },
  });
}

function placeUv(uvPath: string, home: string): void {
  const place = managedUvPath({ homeDir: home, env: {} });
  mkdirSync(dirname(place), { recursive: true });
  copyFileSync(uvPath, place);
}
