import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { digestLine } from '../../src/bundle/archive/bundle-schema.ts';
import { BLOCK_BYTES, encodeHeader, paddingAfter } from '../../src/bundle/archive/ustar.ts';
import { importBundle } from '../../src/bundle/import-bundle.ts';
import { judgeBundle } from '../../src/bundle/nearby/judge-bundle.ts';
import { SetupError } from '../../src/support/errors.ts';
import { sha256, trustOf, WHEELS, writeSmallBundle } from '../fixtures/small-bundle.ts';

export interface FuzzReport {
  count: number;
  refusals: ReadonlyMap<string, number>;
  accepted: number;
  seconds: number;
  problems: readonly string[];
}

type Random = () => number;

/**
 * Takes a bundle that was altered at random as an install would, this many times. A refusal must be a typed one; what is
 * accepted must have put the pinned files into the store and nothing else; outside of the root nothing may appear.
 */
export async function fuzzBundles(count: number, random: Random): Promise<FuzzReport> {
  // Memory, where there is a file system of it.
  const folder = await mkdtemp(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'ktx-fuzz-'));
  const startedAt = performance.now();
  const refusals = new Map<string, number>();
  const problems: string[] = [];
  let accepted = 0;
  try {
    const whole = await readFile(await writeSmallBundle(join(folder, 'right')));
    await rm(join(folder, 'right'), { recursive: true });
    const path = join(folder, 'case', 'x.bundle');
    await mkdir(dirname(path));
    const runtimeRoot = join(folder, 'root');
    const trust = trustOf();
    const wanted = { ...trust, platform: 'linux-x64', features: ['core'] };
    for (let round = 0; round < count && problems.length < 20; round++) {
      await writeFile(path, mutated(whole, random));
      const problem = (what: string) => problems.push(`round ${round}: ${what}`);
      if (round % 4 === 0)
        await judgeBundle(path, wanted).catch((error: unknown) => {
          if (!(error instanceof SetupError)) problem(`the short look throws ${String(error)}`);
        });
      try {
        await importBundle({ path, trust, runtimeRoot, platform: 'linux-x64', emit: () => {} });
        accepted++;
        for (const text of await storedTexts(runtimeRoot))
          if (!Object.values(WHEELS).includes(text)) problem('a file that is not pinned is in the store');
        await rm(runtimeRoot, { recursive: true });
      } catch (error) {
        const name = (error as { refusal?: string }).refusal ?? String(error);
        refusals.set(name, (refusals.get(name) ?? 0) + 1);
        if (!(error instanceof SetupError)) problem(`it throws ${String(error)}`);
        if (existsSync(runtimeRoot)) problem('it was refused, and something was written');
      }
      if (round % 1000 === 0) {
        const outside = (await readdir(folder)).filter((name) => !['case', 'root'].includes(name));
        const beside = (await readdir(dirname(path))).filter((name) => name !== 'x.bundle');
        if (outside.length + beside.length > 0)
          problem(`written outside: ${[...outside, ...beside].join(', ')}`);
      }
    }
    return { count, refusals, accepted, problems, seconds: (performance.now() - startedAt) / 1000 };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function storedTexts(runtimeRoot: string): Promise<string[]> {
  const entries = await readdir(runtimeRoot, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile() && entry.name.endsWith('.whl'));
  return Promise.all(files.map((entry) => readFile(join(entry.parentPath, entry.name), 'utf8')));
}

/** One to four changes, of the kinds that break readers. */
function mutated(whole: Buffer, random: Random): Buffer {
  let bytes = Buffer.from(whole);
  for (let left = 1 + pick(random, 4); left > 0; left--)
    bytes = CHANGES[pick(random, CHANGES.length)]!(bytes, random);
  return bytes;
}

const pick = (random: Random, count: number) => Math.floor(random() * count);

const CHANGES: readonly ((bytes: Buffer, random: Random) => Buffer<ArrayBuffer>)[] = [
  // A bit, a byte, a run of bytes.
  (bytes, random) => overwritten(bytes, pick(random, bytes.length), (byte) => byte ^ (1 << pick(random, 8))),
  (bytes, random) => overwritten(bytes, pick(random, bytes.length), () => pick(random, 256)),
  (bytes, random) => {
    const copy = Buffer.from(bytes);
    const at = pick(random, copy.length);
    return copy.fill(pick(random, 256), at, Math.min(copy.length, at + pick(random, 600)));
  },
  // Cut, doubled, moved, put in.
  (bytes, random) => Buffer.from(bytes.subarray(0, pick(random, bytes.length + 1))),
  (bytes, random) => {
    const [from, to] = twoPlaces(bytes, random, BLOCK_BYTES);
    return Buffer.concat([bytes.subarray(0, to), bytes.subarray(from)]);
  },
  (bytes, random) => {
    const [from, to] = twoPlaces(bytes, random, BLOCK_BYTES);
    return Buffer.concat([bytes.subarray(0, from), bytes.subarray(to)]);
  },
  (bytes, random) => {
    const at = pick(random, bytes.length);
    return Buffer.concat([
      bytes.subarray(0, at),
      Buffer.alloc(pick(random, 1100), pick(random, 256)),
      bytes.subarray(at),
    ]);
  },
  // A field of a header, its checksum right.
  (bytes, random) => {
    const copy = Buffer.from(bytes);
    const blocks = Math.floor(copy.length / BLOCK_BYTES);
    if (blocks === 0) return copy;
    const block = copy.subarray(pick(random, blocks) * BLOCK_BYTES).subarray(0, BLOCK_BYTES);
    const values = [
      '../../x',
      '/etc/passwd',
      'a\0b',
      '77777777777',
      '00000000001',
      '2',
      'x',
      '\x80\0\0\0\0\0\0\x7f',
      '',
    ];
    const places = [0, 100, 124, 156, 157, 257, 345];
    block.write(values[pick(random, values.length)]!, places[pick(random, places.length)]!, 'latin1');
    let sum = 0;
    for (let at = 0; at < BLOCK_BYTES; at++) sum += at >= 148 && at < 156 ? 32 : block[at]!;
    block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
    return copy;
  },
  // The list, its digest right.
  (bytes, random) => {
    const size = Number.parseInt(bytes.toString('latin1', 124, 135), 8);
    if (!Number.isInteger(size) || size + BLOCK_BYTES > bytes.length || size > 1e6) return Buffer.from(bytes);
    const text = bytes.toString('utf8', BLOCK_BYTES, BLOCK_BYTES + size);
    const words = text.match(/"[^"]*"|\d+|true|null|[[\]{},:]/g) ?? [];
    const word = words[pick(random, words.length)] ?? '{';
    const others = [
      'null',
      '-1',
      '1e400',
      '"../x"',
      '"__proto__"',
      '[]',
      '{}',
      '9007199254740993',
      '"\\u0000"',
      word + word,
      '',
    ];
    const list = Buffer.from(text.replace(word, () => others[pick(random, others.length)]!));
    const digest = Buffer.from(digestLine(sha256(list)));
    const rest = bytes.subarray(BLOCK_BYTES + size + paddingAfter(size) + 2 * BLOCK_BYTES);
    return Buffer.concat([...member('bundle.json', list), ...member('bundle.json.sha256', digest), rest]);
  },
];

function member(path: string, body: Buffer): Buffer[] {
  return [encodeHeader({ path, sizeBytes: body.length }), body, Buffer.alloc(paddingAfter(body.length))];
}

function overwritten(bytes: Buffer, at: number, change: (byte: number) => number): Buffer<ArrayBuffer> {
  const copy = Buffer.from(bytes);
  if (at < copy.length) copy[at] = change(copy[at]!);
  return copy;
}

function twoPlaces(bytes: Buffer, random: Random, unit: number): [number, number] {
  const count = Math.floor(bytes.length / unit) + 1;
  const places = [pick(random, count) * unit, pick(random, count) * unit];
  return [Math.min(...places), Math.max(...places)];
}

export function fuzzTable({ count, refusals, accepted, seconds, problems }: FuzzReport): string {
  const rows = [...refusals]
    .sort((a, b) => b[1] - a[1])
    .map(([name, times]) => `${String(times).padStart(8)}  ${name}`);
  return [
    ...rows,
    `${String(accepted).padStart(8)}  accepted: nothing that counts was altered`,
    `${count} mutations in ${seconds.toFixed(0)} s, ${problems.length} problems`,
    ...problems,
  ].join('\n');
}
