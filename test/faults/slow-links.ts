import { spawn, spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { SetupEvent } from '../../src/core/events.ts';
import { makeAuthority } from '../fixtures/network.ts';
import { makeWorld } from '../fixtures/network-world.ts';
import { LAUNCHER, plainEnvironment } from '../fixtures/program.ts';

/** One bad line. Absent: as good as loopback. */
export interface SlowLink {
  name: string;
  /** Each way: half of a round trip. */
  delayMs?: number;
  loss?: number;
  bytesPerSecond?: number;
  /** What a proxy needs for each CONNECT; absent: no proxy. */
  proxyDelayMs?: number;
}

export const SLOW_LINKS: readonly SlowLink[] = [
  { name: 'proxy that needs 4 s a connect', proxyDelayMs: 4000 },
  { name: '50 kB/s', bytesPerSecond: 50_000 },
  { name: '10 % loss, 800 ms round trip', delayMs: 400, loss: 0.1 },
  { name: 'all three', delayMs: 400, loss: 0.1, bytesPerSecond: 50_000, proxyDelayMs: 4000 },
];

export interface SlowLinkRow {
  link: string;
  seconds: number;
  outcome: string;
  /** What it said of its waiting. */
  said: string[];
  /** Longest time without any event: neither a word nor a byte. */
  silentSeconds: number;
  problems: string[];
}

const HERE = import.meta.dirname;

/** Why no line can be made here; `null` when it can. */
export function slowLinkObstacle(): string | null {
  const { status, stderr } = spawnSync('unshare', ['-n', 'ip', 'tuntap', 'add', 'dev', 'x0', 'mode', 'tun']);
  return status === 0 ? null : String(stderr).trim() || 'there is no unshare';
}

/** A whole `ktx setup` with real packages over each line, uv there already. */
export async function slowLinkRows(
  links: readonly SlowLink[],
  onRow: (row: SlowLinkRow) => void = () => {},
): Promise<SlowLinkRow[]> {
  const root = await mkdtemp(join(tmpdir(), 'ktx-slow-'));
  try {
    const world = await makeWorld(root);
    const dir = join(root, 'line');
    await mkdir(dir);
    const authority = await makeAuthority(dir);
    const paths = {
      key: join(dir, 'server.key'),
      cert: join(dir, 'server.pem'),
      list: join(dir, 'wheels.json'),
    };
    await writeFile(paths.key, authority.key);
    await writeFile(paths.cert, authority.cert);
    await writeFile(paths.list, JSON.stringify(world.files));
    const rows: SlowLinkRow[] = [];
    for (const [at, link] of links.entries()) {
      const home = join(root, `home-${at}`);
      await mkdir(home);
      const row = await slowLinkRow(link, {
        home,
        ...paths,
        caPath: authority.caPath,
        uvPath: world.uvPath,
      });
      rows.push(row);
      onRow(row);
    }
    return rows;
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

async function slowLinkRow(
  link: SlowLink,
  place: { home: string; key: string; cert: string; list: string; caPath: string; uvPath: string },
): Promise<SlowLinkRow> {
  const fixtures = join(HERE, '..', 'fixtures');
  const server = [join(fixtures, 'slow-server.ts'), '10.9.0.2', place.key, place.cert, place.list];
  const config = {
    delay_ms: link.delayMs ?? 0,
    loss: link.loss ?? 0,
    bytes_per_second: link.bytesPerSecond ?? null,
    server: [process.execPath, ...server, String(link.proxyDelayMs ?? 0)],
  };
  const line = spawn(
    'unshare',
    ['-n', '/usr/bin/python3', join(fixtures, 'slow_link.py'), JSON.stringify(config)],
    { stdio: ['pipe', 'pipe', 'inherit'] },
  );
  const startedAt = performance.now();
  const events: SetupEvent[] = [];
  for await (const text of createInterface({ input: line.stdout })) {
    const said = JSON.parse(text) as { index?: string; proxy?: string } & SetupEvent;
    if (said.index === undefined) {
      events.push(said);
      continue;
    }
    const args = ['setup', '--yes', '--json', '--feature', 'core', '--index-url', said.index];
    const env = plainEnvironment(place.home, {
      SSL_CERT_FILE: place.caPath,
      UV_ASTRAL_MIRROR_URL: 'http://127.0.0.1:9',
      ...(link.proxyDelayMs === undefined ? {} : { HTTPS_PROXY: said.proxy }),
    });
    const more = [
      '--uv',
      place.uvPath,
      '--python',
      '/usr/bin/python3',
      '--runtime-root',
      join(place.home, 'r'),
    ];
    const request = { argv: [process.execPath, LAUNCHER, ...args, ...more], env };
    line.stdin.end(`${JSON.stringify(request)}\n`);
  }
  const exitCode =
    line.exitCode ?? (await new Promise<number | null>((resolve) => line.once('exit', resolve)));
  const failure = events.find((event) => event.type === 'failure')?.failure;
  const said = events.flatMap((event) =>
    event.type === 'note' && /slow|still asking|again in|goes on/.test(event.text) ? [event.text] : [],
  );
  const problems = [
    ...(exitCode === 0 ? [] : [`exit code ${exitCode}`]),
    ...(link.proxyDelayMs === undefined || said.some((text) => text.includes('still asking'))
      ? []
      : ['does not say what it waits for']),
  ];
  return {
    link: link.name,
    seconds: Math.round((performance.now() - startedAt) / 1000),
    outcome: failure ? `${failure.cause}: ${failure.title}` : exitCode === 0 ? 'ready' : 'failed',
    said: [...new Set(said)],
    silentSeconds: longestSilence(events),
    problems,
  };
}

function longestSilence(events: readonly SetupEvent[]): number {
  const times = events.map(({ at }) => Date.parse(at)).filter(Number.isFinite);
  const gaps = times.slice(1).map((time, position) => time - times[position]!);
  return Math.round(Math.max(0, ...gaps) / 1000);
}

export function slowLinkLine({ link, seconds, silentSeconds, outcome, said, problems }: SlowLinkRow): string {
  const facts = `${seconds} s, at most ${silentSeconds} s without a word or a byte`;
  const wrong = problems.length > 0 ? `  (${problems.join('; ')})` : '';
  const row = `${problems.length === 0 ? 'right' : 'WRONG'}  ${link.padEnd(32)}${outcome}, ${facts}${wrong}`;
  return [row, ...said.map((text) => `       says: ${text}`)].join('\n');
}
