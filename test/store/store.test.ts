import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, truncate, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import type { Artefact } from '../../src/shipped/lock.ts';
import { type ArtefactStore, DigestMismatchError, hashFile, openStore } from '../../src/store/store.ts';
import { SetupError } from '../../src/support/errors.ts';

let dir: string;
let store: ArtefactStore;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'ktx-store-'));
  store = openStore(join(dir, 'store'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const BYTES = Buffer.alloc(700_000, 'wheel');
const artefact: Artefact = {
  sha256: createHash('sha256').update(BYTES).digest('hex'),
  file: 'pkg-1.0-py3-none-any.whl',
  kind: 'wheel',
  sizeBytes: BYTES.length,
  unpackedBytes: null,
};

async function* inChunks(bytes: Uint8Array, size = 16_384) {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}
const left = () => readdir(join(dir, 'store'));

describe('put', () => {
  it('stores the bytes under their digest and says how far it is', async () => {
    const seen: number[] = [];
    expect(await store.put(artefact, inChunks(BYTES), { onBytes: (done) => seen.push(done) })).toBe(
      BYTES.length,
    );
    expect(store.pathOf(artefact)).toBe(join(dir, 'store', artefact.sha256, artefact.file));
    expect(await readFile(store.pathOf(artefact))).toEqual(BYTES);
    expect(seen.at(-1)).toBe(BYTES.length);
    expect(await left()).toEqual([artefact.sha256]);
    expect(await store.verify(artefact)).toBe('ok');
  });

  it.each<[string, Uint8Array]>([
    ['one flipped byte', Buffer.concat([BYTES.subarray(0, -1), Buffer.from('X')])],
    ['too short', BYTES.subarray(0, 1000)],
    ['empty', Buffer.alloc(0)],
  ])('refuses %s and leaves nothing', async (_, bytes) => {
    const error = await store.put(artefact, inChunks(bytes)).catch((each: unknown) => each);
    expect(error).toBeInstanceOf(DigestMismatchError);
    expect(error).toMatchObject({
      expected: artefact.sha256,
      actual: createHash('sha256').update(bytes).digest('hex'),
      sizeBytes: bytes.length,
    });
    expect(await left()).toEqual([]);
    expect(await store.has(artefact)).toBe(false);
  });

  it('does not wait for the end of what is too long', async () => {
    async function* endless() {
      for (;;) yield BYTES;
    }
    await expect(store.put(artefact, endless())).rejects.toBeInstanceOf(DigestMismatchError);
    expect(await left()).toEqual([]);
  });

  it('nor for the end of a body of unknown size that is longer than its unpacked content', async () => {
    async function* endless() {
      for (;;) yield BYTES;
    }
    const archive: Artefact = { ...artefact, kind: 'uv', sizeBytes: null, unpackedBytes: 2 * BYTES.length };
    await expect(store.put(archive, endless())).rejects.toMatchObject({ sizeBytes: 3 * BYTES.length });
    expect(await left()).toEqual([]);
  });

  it('shows the partial file while it arrives, under its own name', async () => {
    const seen: string[][] = [];
    async function* watched() {
      for await (const chunk of inChunks(BYTES)) {
        yield chunk;
        seen.push(await left());
      }
    }
    await store.put(artefact, watched());
    expect(seen.flat().every((name) => name.startsWith(`${artefact.sha256}.partial`))).toBe(true);
    expect(seen.length).toBeGreaterThan(0);
  });

  it('leaves nothing when the body fails for a reason of this machine', async () => {
    async function* broken() {
      yield BYTES;
      throw new Error('wire cut');
    }
    await expect(store.put({ ...artefact, sizeBytes: null }, broken())).rejects.toThrow('wire cut');
    expect(await left()).toEqual([]);
  });

  it('keeps what has arrived, to the byte, when the transfer breaks off or the user cancels', async () => {
    const error = new SetupError('wire cut', { failureClass: 'network' });
    const abort = new AbortController();
    async function* broken() {
      yield BYTES.subarray(0, 300_001);
      throw error;
    }
    async function* cancelling() {
      yield BYTES.subarray(300_001, 300_011);
      abort.abort();
      yield BYTES.subarray(300_011);
    }
    const origin = { host: 'a.example', etag: '"x"' };
    await expect(store.put(artefact, broken(), { origin })).rejects.toBe(error);
    expect(await store.partial(artefact)).toEqual({ sizeBytes: 300_001, origin });
    await expect(
      store.put(artefact, cancelling(), { signal: abort.signal, startBytes: 300_001 }),
    ).rejects.toMatchObject({ name: 'CancelledError' });
    expect(await store.partial(artefact)).toEqual({ sizeBytes: 300_011, origin });
    expect(await readFile(join(dir, 'store', `${artefact.sha256}.partial`))).toEqual(
      BYTES.subarray(0, 300_011),
    );
  });

  it('goes on after the kept bytes, hashing them first; what does not fit leaves nothing', async () => {
    const path = join(dir, 'store', `${artefact.sha256}.partial`);
    await mkdir(join(dir, 'store'));
    await writeFile(path, BYTES.subarray(0, 300_001));
    expect(await store.put(artefact, inChunks(BYTES.subarray(300_001)), { startBytes: 300_001 })).toBe(
      BYTES.length,
    );
    expect([await store.verify(artefact), await left()]).toEqual(['ok', [artefact.sha256]]);
    await store.remove(artefact);
    await writeFile(path, Buffer.alloc(300_001, 'other'));
    await expect(
      store.put(artefact, inChunks(BYTES.subarray(300_001)), { startBytes: 300_001 }),
    ).rejects.toBeInstanceOf(DigestMismatchError);
    expect(await left()).toEqual([]);
  });

  it('a partial file longer than the file, or empty, is none; one with a spoilt note has no origin', async () => {
    const path = join(dir, 'store', `${artefact.sha256}.partial`);
    await mkdir(join(dir, 'store'));
    await writeFile(path, Buffer.alloc(BYTES.length + 1));
    expect([await store.partial(artefact), await left()]).toEqual([null, []]);
    await writeFile(path, '');
    expect(await store.partial(artefact)).toBeNull();
    await writeFile(path, 'x');
    await writeFile(`${path}.json`, '{"host":1}');
    expect(await store.partial(artefact)).toEqual({ sizeBytes: 1, origin: null });
  });

  it('says where it could not write', async () => {
    await writeFile(join(dir, 'file'), '');
    const error = await openStore(join(dir, 'file', 'store'))
      .put(artefact, inChunks(BYTES))
      .catch((each: unknown) => each);
    expect(error).toMatchObject({
      causeId: 'file-in-the-way',
      message: `A file is where a folder should be: ${join(dir, 'file')}.`,
    });
    for (const [code, failureClass] of [
      ['ENOSPC', 'disk'],
      ['EACCES', 'permission'],
      ['EROFS', 'permission'],
    ]) {
      const failing = async function* (): AsyncGenerator<Uint8Array> {
        yield BYTES.subarray(0, 1);
        throw Object.assign(new Error(code), { code });
      };
      await expect(store.put(artefact, failing())).rejects.toMatchObject({
        failureClass,
        message: expect.stringContaining(store.dir),
      });
    }
  });
});

describe('verify', () => {
  it('tells ok, missing and altered apart; has() looks at the size alone', async () => {
    expect([await store.verify(artefact), await store.has(artefact)]).toEqual(['missing', false]);
    await store.put(artefact, inChunks(BYTES));
    expect([await store.verify(artefact), await store.has(artefact)]).toEqual(['ok', true]);
    const path = store.pathOf(artefact);
    const before = await stat(path);
    await writeFile(path, Buffer.concat([Buffer.from('X'), BYTES.subarray(1)]));
    expect((await stat(path)).size).toBe(before.size);
    expect([await store.verify(artefact), await store.has(artefact)]).toEqual(['altered', true]);
    await truncate(path, 5);
    expect([await store.verify(artefact), await store.has(artefact)]).toEqual(['altered', false]);
    await store.remove(artefact);
    expect(await store.verify(artefact)).toBe('missing');
    expect(await left()).toEqual([]);
  });

  it('says what is missing of many: not there, or of another size', async () => {
    const other = { ...artefact, sha256: 'f'.repeat(64) };
    expect(await store.missingOf([artefact, other])).toEqual([artefact, other]);
    await store.put(artefact, inChunks(BYTES));
    expect(await store.missingOf([artefact, other])).toEqual([other]);
    await truncate(store.pathOf(artefact), 5);
    expect(await store.missingOf([artefact, other])).toEqual([artefact, other]);
  });

  it('does not hash again what has not changed, and sees an alteration that is dated back', async () => {
    await store.put(artefact, inChunks(BYTES));
    const path = store.pathOf(artefact);
    await vi.waitUntil(async () => Date.now() - (await stat(path)).ctimeMs > 150);
    expect(await store.verify(artefact)).toBe('ok');
    // Hashing would fail at once.
    expect(await store.verify(artefact, AbortSignal.abort())).toBe('ok');
    const { atime, mtime } = await stat(path);
    await writeFile(path, Buffer.concat([Buffer.from('X'), BYTES.subarray(1)]));
    await utimes(path, atime, mtime);
    expect(await store.verify(artefact)).toBe('altered');
  });

  it('hashes again what had changed just before it was hashed: it may have changed once more in that tick', async () => {
    await store.put(artefact, inChunks(BYTES));
    const path = store.pathOf(artefact);
    vi.useFakeTimers({ toFake: ['Date'] });
    onTestFinished(() => void vi.useRealTimers());
    vi.setSystemTime((await stat(path)).ctimeMs + 50);
    expect(await store.digestOf(path)).toBe(artefact.sha256);
    await expect(store.digestOf(path, AbortSignal.abort())).rejects.toThrow();
    vi.setSystemTime((await stat(path)).ctimeMs + 150);
    expect(await store.digestOf(path)).toBe(artefact.sha256);
    expect(await store.digestOf(path, AbortSignal.abort())).toBe(artefact.sha256);
  });

  it('can be cancelled', async () => {
    await store.put(artefact, inChunks(BYTES));
    await expect(hashFile(store.pathOf(artefact), AbortSignal.abort())).rejects.toMatchObject({
      name: 'CancelledError',
    });
  });
});
