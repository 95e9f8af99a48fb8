import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { BUNDLE_PLATFORMS, hostOf, neededFiles, pinnedArtefacts } from '../../src/bundle/pins.ts';
import type { RuntimeLock } from '../../src/shipped/lock.ts';
import { PACKAGE_ROOT } from '../../src/support/package-root.ts';
import { uvPinsFor } from '../../src/uv/binary.ts';

/** The lock that ktx ships. */
const lock: RuntimeLock = JSON.parse(
  readFileSync(join(PACKAGE_ROOT, 'assets', 'python', 'lock.json'), 'utf8'),
);
const all = { lock, platforms: ['linux-x64'], features: ['core'], python: 'managed' } as const;
const whats = (options: Parameters<typeof neededFiles>[0]) => neededFiles(options).map(({ what }) => what);

describe.each(BUNDLE_PLATFORMS)('%s', (platform) => {
  const pins = uvPinsFor(hostOf(platform))!;

  it('needs uv, as a wheel or as an archive', () => {
    const [uv] = neededFiles({ ...all, platforms: [platform] });
    expect(uv).toEqual({ what: `uv for ${platform}`, alternatives: [[pins.wheel], [pins.archive]] });
  });

  it('needs a Python of its own, or the wheels for each that may be there', () => {
    // Those of core fit each Python; those of the embeddings are compiled.
    const both = { ...all, platforms: [platform], features: ['core', 'local-embeddings'] } as const;
    const managed = whats(both);
    const none = whats({ ...both, python: 'none' });
    expect(managed).toContain(`Python for ${platform}`);
    expect(none).not.toContain(`Python for ${platform}`);
    const wheels = managed.filter((what) => what.endsWith('.whl'));
    expect(wheels.length).toBeGreaterThan(5);
    expect(none).toEqual(expect.arrayContaining(wheels));
    expect(none.length).toBeGreaterThan(managed.length);
  });
});

it('needs the model for embeddings alone: its files, or the container that holds them', () => {
  expect(whats(all)).not.toContain('the embedding model');
  const needed = neededFiles({ ...all, features: ['core', 'local-embeddings'] });
  const model = needed.find(({ what }) => what === 'the embedding model')!;
  const { files, container } = lock.models!['local-embeddings']!;
  expect(model.alternatives.map((set) => set.map(({ sha256 }) => sha256))).toEqual([
    files,
    [container.artefact],
  ]);
});

it('names each wheel once, whatever platforms share it', () => {
  const needed = whats({ ...all, platforms: [...BUNDLE_PLATFORMS], python: 'none' });
  expect(new Set(needed).size).toBe(needed.length);
  expect(needed.filter((what) => what.startsWith('uv for ')).length).toBe(BUNDLE_PLATFORMS.length);
});

it('knows every artefact of the lock and every uv by its digest, and nothing else', () => {
  const pinned = pinnedArtefacts(lock);
  const uvs = BUNDLE_PLATFORMS.map((platform) => uvPinsFor(hostOf(platform))!).flatMap(
    ({ wheel, archive }) => [wheel, archive],
  );
  const digests = [...Object.keys(lock.artefacts), ...uvs.map(({ sha256 }) => sha256)];
  expect([...pinned.keys()].sort()).toEqual([...new Set(digests)].sort());
  for (const [sha256, artefact] of pinned) expect(artefact.sha256).toBe(sha256);
});
