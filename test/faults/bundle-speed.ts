import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { digestLine } from '../../src/bundle/archive/bundle-schema.ts';
import { encodeHeader, paddingAfter } from '../../src/bundle/archive/ustar.ts';
import { verifyBundle } from '../../src/bundle/verify.ts';
import { jsonText } from '../../src/support/fs/atomic-file.ts';
import { contentsOf, sha256, trustOf } from '../fixtures/small-bundle.ts';

const MEMBER_BYTES = 64 * 1024 * 1024;
const SELF = fileURLToPath(import.meta.url);

/** A bundle of so many members of 64 MiB, and what a program that pins them says. */
function bigBundle(count: number) {
  const block = Buffer.alloc(MEMBER_BYTES);
  const bodyOf = (number: number): Buffer => {
    randomLike(block, number);
    return block;
  };
  const files = Array.from({ length: count }, (_, number) => ({
    file: `big${number}-1.0-py3-none-any.whl`,
    sha256: createHash('sha256').update(bodyOf(number)).digest('hex'),
  }));
  const members = files
    .map(({ file, sha256: digest }, number) => ({
      number,
      member: {
        path: `store/${digest}/${file}`,
        sha256: digest,
        sizeBytes: MEMBER_BYTES,
        kind: 'wheel' as const,
        source: 'package index',
        licence: 'MIT',
      },
    }))
    .sort((a, b) => (a.member.path < b.member.path ? -1 : 1));
  return { members, bodyOf };
}

/** Different bytes in each member, made quickly. */
function randomLike(block: Buffer, number: number): void {
  block.fill(Buffer.from(`${number} ${sha256(String(number))}`));
}

async function writeBig(path: string, count: number): Promise<void> {
  const { members, bodyOf } = bigBundle(count);
  const file = await open(path, 'w');
  const list = Buffer.from(jsonText(contentsOf({ members: members.map(({ member }) => member) })));
  const put = async (name: string, body: Buffer) => {
    await file.write(encodeHeader({ path: name, sizeBytes: body.length }));
    await file.write(body);
    await file.write(Buffer.alloc(paddingAfter(body.length)));
  };
  await put('bundle.json', list);
  await put('bundle.json.sha256', Buffer.from(digestLine(sha256(list))));
  for (const { member, number } of members) await put(member.path, bodyOf(number));
  await file.write(Buffer.alloc(1024));
  await file.close();
}

function trustFor(path: string) {
  const trust = trustOf();
  const listed = JSON.parse(
    execFileSync('tar', ['-xOf', path, 'bundle.json'], { encoding: 'utf8', maxBuffer: 2 ** 26 }),
  );
  const artefacts = Object.fromEntries(
    listed.members.map(({ sha256: digest, path: name }: { sha256: string; path: string }) => [
      digest,
      { file: name.split('/').at(-1), kind: 'wheel', bytes: MEMBER_BYTES, unpackedBytes: null },
    ]),
  );
  return { ...trust, lock: { ...trust.lock, artefacts } } as typeof trust;
}

/** Verifies in a process of its own: what it took, as JSON. */
async function verifyHere(path: string): Promise<void> {
  const trust = trustFor(path);
  const startedAt = performance.now();
  await verifyBundle(path, trust);
  const ms = performance.now() - startedAt;
  console.log(JSON.stringify({ ms, maxRssBytes: process.resourceUsage().maxRSS * 1024 }));
}

export interface SpeedReport {
  sizeBytes: number;
  opensslSeconds: number;
  verifySeconds: number;
  /** Above 1: faster than openssl. */
  speedRatio: number;
  maxRssBytes: number;
}

/** Verifies a bundle of this many GiB against `openssl dgst -sha256`, in turns, the best of all rounds. */
export async function measureVerify(gib: number, rounds = 3): Promise<SpeedReport> {
  const folder = await mkdtemp(join(tmpdir(), 'ktx-speed-'));
  try {
    const path = join(folder, 'big.bundle');
    await writeBig(path, gib * 16);
    const openssl: number[] = [];
    const verify: { ms: number; maxRssBytes: number }[] = [];
    for (let round = 0; round < rounds; round++) {
      const startedAt = performance.now();
      execFileSync('openssl', ['dgst', '-sha256', path]);
      openssl.push(performance.now() - startedAt);
      const { stdout, stderr, status } = spawnSync(process.execPath, [SELF, path], { encoding: 'utf8' });
      if (status !== 0) throw new Error(stderr);
      verify.push(JSON.parse(stdout));
    }
    const opensslSeconds = Math.min(...openssl) / 1000;
    const verifySeconds = Math.min(...verify.map(({ ms }) => ms)) / 1000;
    return {
      sizeBytes: gib * 2 ** 30,
      opensslSeconds,
      verifySeconds,
      speedRatio: opensslSeconds / verifySeconds,
      maxRssBytes: Math.max(...verify.map(({ maxRssBytes }) => maxRssBytes)),
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

if (process.argv[1] === SELF && process.argv[2]) await verifyHere(process.argv[2]);
