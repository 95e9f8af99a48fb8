import { mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { hasOtherSettings, startedBeforeRuntime } from '../../src/daemon/outdated.ts';

let folder: string;
let manifest: string;
const written = new Date('2026-05-01T12:00:00Z');
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ktx-outdated-'));
  manifest = join(folder, 'manifest.json');
  await writeFile(manifest, '{}');
  await utimes(manifest, written, written);
});
afterEach(() => rm(folder, { recursive: true }));

describe('startedBeforeRuntime', () => {
  it.each([
    ['2026-05-01T11:59:59.999Z', true],
    ['2026-05-01T12:00:00.000Z', false],
    ['2026-05-02T00:00:00.000Z', false],
    ['some day', false],
  ])('a daemon started at %s: %s', async (startedAt, isOutdated) => {
    expect(await startedBeforeRuntime({ startedAt }, manifest)).toBe(isOutdated);
  });

  it('a runtime that is not there outdates nothing', async () => {
    expect(await startedBeforeRuntime({ startedAt: '2020-01-01T00:00:00Z' }, join(folder, 'none'))).toBe(
      false,
    );
  });
});

describe('hasOtherSettings', () => {
  const health = (settings: unknown) => ({ embeddings: { settings } });
  it.each([
    [{}, {}, false],
    [health({}), {}, false],
    [health(undefined), { KTX_EMBEDDINGS_THREADS: '1' }, false],
    [health({ KTX_EMBEDDINGS_THREADS: '1' }), { KTX_EMBEDDINGS_THREADS: '1' }, false],
    [health({ KTX_EMBEDDINGS_THREADS: '' }), {}, false],
    [health({}), { KTX_EMBEDDINGS_THREADS: '1' }, true],
    [health({ KTX_EMBEDDINGS_THREADS: '1' }), {}, true],
    [health({ KTX_EMBEDDINGS_IDLE_SECONDS: '60' }), { KTX_EMBEDDINGS_IDLE_SECONDS: '0' }, true],
    [health('odd'), { KTX_EMBEDDINGS_THREADS: '1' }, false],
    [{ embeddings: null }, { KTX_EMBEDDINGS_THREADS: '1' }, false],
  ])('%j for a start with %j: %s', (answer, env, isOther) => {
    expect(hasOtherSettings(answer, env)).toBe(isOther);
  });
});
