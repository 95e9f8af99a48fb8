import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { link, mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { managedPythonRuntimeLayout } from '../../../src/core/layout.ts';
import { appendHistory, HISTORY_FILE } from '../../../src/runtime/history.ts';
import { type Switchover, switchOver } from '../../../src/runtime/switchover.ts';
import { durableFolders } from '../../../src/setup/build/execute-plan.ts';
import type { Artefact } from '../../../src/shipped/lock.ts';
import { openStore } from '../../../src/store/store.ts';
import { writeFileAtomic } from '../../../src/support/fs/atomic-file.ts';
import { publishNewFile } from '../../../src/support/fs/publish-file.ts';
import { placeUvBinary } from '../../../src/uv/acquire.ts';
import { VectorFile } from '../../../src/vectors/vector-file.ts';
import { writeRuntime } from '../../fixtures/asset.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';
import { watchSyncs } from '../../fixtures/watch-syncs.ts';

/** A power cut loses what was not synced, and a rename may survive without the data: so the order matters. */
afterEach(() => vi.unstubAllEnvs());
const textOf = (path: string) => (existsSync(path) ? readFileSync(path, 'utf8') : null);

describe.runIf(process.platform === 'linux')('what lasts through a power cut', () => {
  it('a file: its bytes are synced before it takes its place, its folder afterwards', async () => {
    const folder = await temporaryFolder();
    const path = join(folder, 'file');
    await writeFile(path, 'old');
    const syncs = await watchSyncs(() => textOf(path));
    await writeFileAtomic(path, 'new');
    expect(syncs).toEqual([
      { path: expect.stringMatching(/\/file\.\d+\.[0-9a-f]{8}\.tmp$/), seen: 'old' },
      { path: folder, seen: 'new' },
    ]);
  });

  it('uv: its bytes are there before its name', async () => {
    const path = join(await temporaryFolder(), 'uv');
    const syncs = await watchSyncs(() => existsSync(path));
    await placeUvBinary(path, Buffer.from('uv'));
    expect(syncs[0]).toEqual({ path: expect.stringMatching(/\/\.?uv.+/), seen: false });
    expect(await readFile(path, 'utf8')).toBe('uv');
  });

  it('a file that is published once: its bytes before its name, its folder afterwards', async () => {
    const folder = await temporaryFolder();
    const path = join(folder, 'secret');
    const syncs = await watchSyncs(() => textOf(path));
    expect(await publishNewFile(path, 'text')).toBe(true);
    expect(syncs).toEqual([
      { path: expect.stringMatching(/\/secret\..+\.tmp$/), seen: null },
      { path: folder, seen: 'text' },
    ]);
    expect(await publishNewFile(path, 'other')).toBe(false);
    expect(textOf(path)).toBe('text');
  });

  it('a stored file that the caller syncs later, with the others: nothing is synced', async () => {
    const store = openStore(join(await temporaryFolder(), 'store'));
    const sha256 = createHash('sha256').update('one').digest('hex');
    const artefact: Artefact = { file: 'a.whl', sha256, kind: 'wheel', sizeBytes: 3, unpackedBytes: null };
    const body = (async function* () {
      yield Buffer.from('one');
    })();
    const syncs = await watchSyncs(() => null);
    await store.put(artefact, body, { isDurable: false });
    expect(syncs).toEqual([]);
    expect(await readFile(store.pathOf(artefact), 'utf8')).toBe('one');
  });

  it('an installation: the switch waits for its environment, its Python and the files they were made from', () => {
    const wheel = { sha256: 'a'.repeat(64), file: 'a.whl' } as Artefact;
    const plan = { environmentDir: '/runtime/0.1.0/envs/1', locked: { toFetch: [wheel] } };
    const run = { plan, tools: { store: openStore('/runtime/uv/store') } } as unknown as Parameters<
      typeof durableFolders
    >[0];
    expect(durableFolders(run, '/runtime/uv/python/3.13')).toEqual([
      '/runtime/0.1.0/envs/1',
      '/runtime/uv/python/3.13',
      `/runtime/uv/store/${wheel.sha256}`,
    ]);
  });

  it('a line of the history, before the switch that it announces', async () => {
    const folder = await temporaryFolder();
    const path = join(folder, HISTORY_FILE);
    const syncs = await watchSyncs(() => textOf(path)?.split('\n').length);
    for (let count = 0; count < 2; count++)
      await appendHistory(folder, { command: 'setup', from: null, to: '7f3c0000' } as never);
    expect(syncs).toEqual([2, 3].map((seen) => ({ path, seen })));
  });

  it.each(['jsonl', 'npy'] as const)('vectors as %s: whole before they have their name', async (format) => {
    const path = join(await temporaryFolder(), 'vectors');
    const file = await VectorFile.open(path, { format } as never);
    await file.append([{ text: 'a' }], [Buffer.alloc(384 * 4)]);
    const syncs = await watchSyncs(() => existsSync(path));
    await file.finish();
    expect(syncs.filter(({ seen }) => !seen).map(({ path: synced }) => synced)).toContain(`${path}.partial`);
    expect(syncs.at(-1)).toEqual({ path: dirname(path), seen: true });
  });

  it('an artefact of the store', async () => {
    const storeDir = join(await temporaryFolder(), 'store');
    const sha256 = createHash('sha256').update('wheel').digest('hex');
    const artefact: Artefact = { sha256, file: 'a.whl', kind: 'wheel', sizeBytes: 5, unpackedBytes: null };
    const store = openStore(storeDir);
    const syncs = await watchSyncs(() => textOf(store.pathOf(artefact)));
    await store.put(
      artefact,
      (async function* () {
        yield Buffer.from('wheel');
      })(),
    );
    expect(syncs).toEqual([
      { path: join(storeDir, `${sha256}.partial`), seen: null },
      { path: join(storeDir, sha256), seen: 'wheel' },
    ]);
  });

  it('the switch: everything that the manifest points to is on the disk before the manifest names it', async () => {
    const { layout, switchover } = await given();
    const seen = await watchSync(layout.manifestPath);
    await switchOver(switchover);
    const [{ args, manifest, beside } = { beside: [] }] = seen.read();
    expect({ args, manifest }).toEqual({ args: ['-f', '--', switchover.environmentDir], manifest: 'old' });
    // The line of the history and the new manifest, which only has to take its place then.
    expect(beside).toContain(HISTORY_FILE);
    expect(beside.filter((name) => /^manifest\.json\..+\.tmp$/.test(name))).toHaveLength(1);
  });

  it('where no command can do it, each file and each folder is synced, also before', async () => {
    const { layout, switchover } = await given();
    vi.stubEnv('PATH', await temporaryFolder());
    const { environmentDir } = switchover;
    const syncs = await watchSyncs(() => manifestState(layout.manifestPath));
    await switchOver(switchover);
    const before = syncs.filter(({ seen }) => seen === 'old').map(({ path }) => path);
    for (const name of ['', 'module.py', 'environment.json', 'sizes.json'])
      expect(before).toContain(name === '' ? environmentDir : join(environmentDir, name));
    expect(before).toContain(dirname(environmentDir));
    expect(before).toContain(layout.runtimeRoot);
    expect(syncs.at(-1)).toEqual({ path: layout.versionDir, seen: 'new' });
  });
});

const manifestState = (path: string) => (readFileSync(path, 'utf8').includes('later') ? 'new' : 'old');

/** Puts a `sync` first in PATH that records its arguments and the manifest that was active. */
async function watchSync(manifestPath: string) {
  const folder = await temporaryFolder();
  const seenPath = join(folder, 'seen');
  const script = `#!/bin/sh\n{ printf '%s\\n' "$@"; grep -c later '${manifestPath}'; ls -m '${dirname(manifestPath)}'; } > '${seenPath}'\n`;
  await writeFile(join(folder, 'sync'), script, { mode: 0o755 });
  vi.stubEnv('PATH', `${folder}:${process.env['PATH']}`);
  return {
    read() {
      const lines = readFileSync(seenPath, 'utf8').trim().split('\n');
      const at = lines.findIndex((line) => /^\d+$/.test(line));
      const beside = lines.slice(at + 1).flatMap((line) => line.split(',').map((name) => name.trim()));
      return [{ args: lines.slice(0, at), manifest: lines[at] === '0' ? 'old' : 'new', beside }];
    },
  };
}

async function given() {
  const runtimeRoot = await temporaryFolder();
  const manifest = await writeRuntime(runtimeRoot, '0.3.0');
  const layout = managedPythonRuntimeLayout({ cliVersion: '0.3.0', runtimeRoot });
  const environmentDir = join(layout.versionDir, 'envs', 'aaaaaaaa');
  await mkdir(environmentDir);
  await writeFile(join(environmentDir, 'module.py'), 'x = 1\n');
  const switchover: Switchover = {
    layout,
    environmentDir,
    manifest: { ...manifest, installedAt: 'later' },
    built: { sizes: {} },
    action: 'install',
    reason: 'forced',
    uses: [],
    journal: { write() {} },
    note() {},
  };
  return { layout, switchover };
}

it('the switch replaces the manifest and never writes into it: who reads sees the old one or the new one', async () => {
  const { layout, switchover } = await given();
  const before = await readFile(layout.manifestPath, 'utf8');
  const kept = join(layout.versionDir, 'kept');
  // A hard link to the same file: a write into it would show there.
  await link(layout.manifestPath, kept);
  await switchOver(switchover);
  expect(await readFile(kept, 'utf8')).toBe(before);
  expect(await readFile(layout.manifestPath, 'utf8')).toContain('later');
});
