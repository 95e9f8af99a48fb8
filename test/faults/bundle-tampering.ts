import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { importBundle } from '../../src/bundle/import-bundle.ts';
import type { BundleTrust } from '../../src/bundle/verify.ts';
import { prepareTampering, TAMPERING } from '../fixtures/bundle-tampering.ts';
import { contentsOf, trustOf, writeSmallBundle } from '../fixtures/small-bundle.ts';

export interface TamperingRow {
  what: string;
  /** In the words of the error; `null`: it was accepted. */
  message: string | null;
  problems: readonly string[];
}

/** Every way in which a bundle was altered, tried as an install would: what is said, and that nothing was changed. */
export async function tamperingRows(): Promise<TamperingRow[]> {
  const folder = await mkdtemp(join(tmpdir(), 'ktx-tampering-'));
  try {
    await mkdir(join(folder, 'cases'));
    await prepareTampering(join(folder, 'cases'));
    const rows: TamperingRow[] = [];
    for (const [what, refusal, make, trust] of TAMPERING)
      rows.push(
        await tryToTake(folder, { what, refusal, path: await make(), trust: trustOf(await trust?.()) }),
      );
    const path = await writeSmallBundle(join(folder, 'right'));
    rows.push(
      await tryToTake(folder, {
        what: 'a bundle for another platform',
        refusal: 'other-platform',
        path,
        trust: trustOf(),
        platform: 'win32-arm64',
      }),
    );
    const [first, ...others] = contentsOf().members;
    const since = await writeSmallBundle(join(folder, 'since'), {
      contents: { members: [{ ...first!, isOmitted: true }, ...others] },
    });
    rows.push(
      await tryToTake(folder, {
        what: 'only what changed, and the rest is not here',
        refusal: 'structure',
        path: since,
        trust: trustOf(),
      }),
    );
    rows.push(...(await flippedBits(folder, path)));
    return rows;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** One bit in every member, header, list and padding: one row for all of a kind. */
async function flippedBits(folder: string, path: string): Promise<TamperingRow[]> {
  const whole = await readFile(path);
  const flipped = join(folder, 'flipped');
  const messages = new Map<string, number>();
  const problems: string[] = [];
  for (let at = 0; at < whole.length; at += 41) {
    const copy = Buffer.from(whole);
    copy[at] = copy[at]! ^ (1 << (at % 8));
    await writeFile(flipped, copy);
    const row = await tryToTake(folder, {
      what: `byte ${at}`,
      refusal: null,
      path: flipped,
      trust: trustOf(),
    });
    problems.push(...row.problems.map((problem) => `byte ${at}: ${problem}`));
    const message = (row.message ?? 'ACCEPTED').replace(/store\/\S+/, '<member>').split(':')[0]!;
    messages.set(message, (messages.get(message) ?? 0) + 1);
  }
  return [...messages].map(([message, count]) => ({
    what: `one flipped bit, ${count} places`,
    message,
    problems: message === 'ACCEPTED' ? problems : [],
  }));
}

async function tryToTake(
  folder: string,
  attempt: { what: string; refusal: string | null; path: string; trust: BundleTrust; platform?: string },
): Promise<TamperingRow> {
  const { what, refusal, path, trust, platform = 'linux-x64' } = attempt;
  const runtimeRoot = join(folder, 'root');
  const problems: string[] = [];
  let message: string | null = null;
  try {
    await importBundle({ path, trust, runtimeRoot, platform, emit: () => {} });
    problems.push('it was accepted');
  } catch (error) {
    const {
      name,
      refusal: found,
      message: text,
      evidence = [],
    } = error as Error & { refusal?: string; evidence?: string[] };
    message = [text, ...evidence.slice(0, 1)]
      .join(': ')
      .replaceAll(folder, '')
      .replace(/[0-9a-f]{64}/g, (digest) => `${digest.slice(0, 6)}…`);
    if (name !== 'BundleError') problems.push(`it is no refusal: ${name}`);
    if (refusal !== null && found !== refusal) problems.push(`refused as ${found}, not as ${refusal}`);
  }
  const left = await readdir(runtimeRoot, { recursive: true }).catch(() => []);
  if (left.some((name) => /\.whl$/.test(name))) problems.push(`left in the store: ${left.join(', ')}`);
  await rm(runtimeRoot, { recursive: true, force: true });
  return { what, message, problems };
}

export function tamperingTable(rows: readonly TamperingRow[]): string {
  const width = Math.max(...rows.map(({ what }) => what.length));
  return rows
    .map(({ what, message, problems }, position) =>
      [String(position + 1).padStart(3), what.padEnd(width), message ?? 'ACCEPTED', ...problems].join('  '),
    )
    .join('\n');
}
