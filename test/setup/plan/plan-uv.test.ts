import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { planUv } from '../../../src/setup/plan/plan-uv.ts';
import type { SourceProbe } from '../../../src/setup/session/source-probes.ts';
import type { Artefact } from '../../../src/shipped/lock.ts';
import type { HostPlatform } from '../../../src/shipped/target.ts';
import { type ArtefactStore, openStore } from '../../../src/store/store.ts';
import { SetupError } from '../../../src/support/errors.ts';
import { fileIdentity } from '../../../src/support/fs/file-identity.ts';
import { managedUvPath } from '../../../src/uv/acquire.ts';
import { uvPinsFor } from '../../../src/uv/binary.ts';
import { markVerified } from '../../../src/uv/verified-mark.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';

const LINUX = { platform: 'linux', arch: 'x64', libc: 'gnu', glibcVersion: '2.36' } as HostPlatform;
const UNKNOWN = { ...LINUX, platform: 'freebsd' } as HostPlatform;
const { archive, wheel } = uvPinsFor(LINUX)!;

let runtimeRoot: string;
let path: string;
let store: ArtefactStore;
beforeEach(async () => {
  runtimeRoot = join(await temporaryFolder(), 'runtime');
  path = managedUvPath({ runtimeRoot });
  store = openStore(join(runtimeRoot, 'uv', 'store'));
});

async function place(at = path): Promise<string> {
  await mkdir(dirname(at), { recursive: true });
  await writeFile(at, '#!/bin/sh\n', { mode: 0o755 });
  return at;
}

/** What sources say of an artefact; those that are not named have nothing. */
function network(answers: Partial<Record<'archive' | 'wheel', Partial<SourceProbe>>> = {}) {
  const asked: string[] = [];
  return {
    asked,
    probe: async (artefact: Artefact): Promise<SourceProbe> => {
      const which = artefact.file === wheel.file ? 'wheel' : 'archive';
      asked.push(which);
      const own = {
        place: null,
        hosts: [],
        sizeBytes: null,
        obstacles: [`${which}: not there`],
        failures: [new SetupError(`no ${which}`, { failureClass: 'network' })],
        slow: [],
        ...answers[which],
      };
      return { ...own, settled: async () => own as unknown as SourceProbe };
    },
    open: async () => ({ profile: { indexes: [{ origin: 'PIP_INDEX_URL' }] } }),
  };
}

const plan = (options: object = {}, more: { host?: HostPlatform; network?: object } = {}) =>
  planUv(
    {
      options: { cliVersion: '0.3.0', runtimeRoot, ...options },
      host: LINUX,
      network: network(),
      ...more,
    } as never,
    store,
  );

describe('a uv that was given', () => {
  it('is taken as it is, and nothing is fetched', async () => {
    const uvPath = await place(join(runtimeRoot, 'mine'));
    expect(await plan({ uvPath })).toEqual({
      acquisition: { kind: 'given', path: uvPath },
      artefact: null,
      origin: { from: 'as given with --uv', place: uvPath },
      rejected: [],
      hosts: [],
    });
  });

  it('and is not there is no plan', async () => {
    const uvPath = join(runtimeRoot, 'none');
    await expect(plan({ uvPath })).rejects.toMatchObject({
      message: `There is no uv at ${uvPath}.`,
      failureClass: 'conflict',
      evidence: [`--uv ${uvPath}`],
    });
  });
});

describe('a uv in its place', () => {
  it('that nobody put there is refused, whatever it is', async () => {
    await place();
    await expect(plan()).rejects.toBeInstanceOf(SetupError);
  });

  it('that is a folder is refused', async () => {
    await mkdir(path, { recursive: true });
    await expect(plan()).rejects.toBeInstanceOf(SetupError);
  });

  it('where none is pinned is taken, and not called pinned', async () => {
    await place();
    expect(await plan({}, { host: UNKNOWN })).toMatchObject({
      acquisition: { kind: 'here', path, isPinned: false },
      origin: { from: 'already here', place: path },
    });
  });

  it('that is not there, where none is pinned, is left to what brings it', async () => {
    expect(await plan({}, { host: UNKNOWN })).toMatchObject({ acquisition: { kind: 'ensure', path } });
  });

  it.each([
    ['a function that fetches it', { fetchUvArtifact: async () => Buffer.from('') }, false],
    ['commands that are injected', { exec: async () => ({ stdout: '', stderr: '' }) }, true],
  ])('with %s is not looked at', async (_, options, isThere) => {
    if (isThere) await place();
    expect(await plan(options)).toMatchObject({ acquisition: { kind: 'ensure', path }, hosts: [] });
  });

  it('that was altered is fetched again; offline it is said', async () => {
    await place();
    await markVerified(path, await fileIdentity(path), 'a'.repeat(64));
    await expect(plan({ isOffline: true })).rejects.toMatchObject({
      message: expect.stringMatching(/^uv \S+ was altered, and --offline forbids to fetch it\.$/),
      evidence: expect.arrayContaining([`the uv at ${path} is not as ktx put it there`]),
    });
    const fetched = await plan({}, { network: network({ archive: { place: 'mirror.example' } }) });
    expect(fetched.acquisition).toMatchObject({ kind: 'fetch', path });
  });
});

describe('a uv that is not here', () => {
  it.each([
    ['the archive', [archive.file]],
    ['the wheel', [wheel.file]],
    ['the archive before the wheel', [archive.file, wheel.file]],
  ])('comes from the store: %s', async (_, kept) => {
    vi.spyOn(store, 'verify').mockImplementation(async ({ file }) =>
      kept.includes(file) ? 'ok' : 'missing',
    );
    const asking = network({ archive: { place: 'mirror.example' } });
    const { acquisition, artefact, origin, hosts } = await plan({}, { network: asking });
    expect(acquisition).toMatchObject({ kind: 'fetch', path, artefact: { file: kept[0] } });
    expect(artefact).toMatchObject({ file: kept[0], sizeBytes: 0 });
    expect(origin).toEqual({ from: 'from the store', place: store.dir });
    expect([hosts, asking.asked]).toEqual([[], []]);
  });

  it('comes from the official builds, with the hosts and the size that they name', async () => {
    const found = {
      place: 'mirror.example',
      sizeBytes: 7,
      hosts: ['mirror.example', 'files.example'],
      obstacles: [],
    };
    expect(
      await plan({}, { network: network({ archive: found, wheel: { place: 'index.example' } }) }),
    ).toEqual({
      acquisition: { kind: 'fetch', path, artefact: { ...archive, sizeBytes: 7 } },
      artefact: { ...archive, sizeBytes: 7 },
      origin: { from: 'official builds', place: 'mirror.example' },
      rejected: [],
      hosts: ['mirror.example', 'files.example'],
    });
  });

  it("else from the wheel on the user's own index, and says why not from elsewhere", async () => {
    const found = { place: 'index.example', hosts: ['index.example'], obstacles: ['wheel: slow'] };
    expect(await plan({}, { network: network({ wheel: found }) })).toMatchObject({
      acquisition: { kind: 'fetch', path, artefact: wheel },
      origin: { from: 'your package index (PIP_INDEX_URL)', place: 'index.example' },
      rejected: ['archive: not there', 'wheel: slow'],
      hosts: ['index.example'],
    });
  });

  it.each([
    ['archive', 'official builds', []],
    ['wheel', 'your package index (PIP_INDEX_URL)', ['archive: not there']],
  ] as const)('waits for a slow source of the %s when nobody else has it', async (which, from, rejected) => {
    const asking = network();
    const { probe } = asking;
    const slow = {
      ...asking,
      probe: async (artefact: Artefact) => {
        const found = await probe(artefact);
        const isSlow = (artefact.file === wheel.file) === (which === 'wheel');
        const later = { ...found, place: 'slow.example', obstacles: [], hosts: ['slow.example'] };
        return isSlow ? { ...found, settled: async () => later } : found;
      },
    };
    expect(await plan({}, { network: slow })).toMatchObject({
      origin: { from, place: 'slow.example' },
      rejected,
    });
  });

  it('and nobody has is told with the failure of each source', async () => {
    await expect(plan()).rejects.toMatchObject({
      message: 'uv could not be downloaded from any source.',
      failureClass: 'network',
    });
    await expect(plan({ isOffline: true })).rejects.toMatchObject({
      message: expect.stringMatching(/^uv \S+ is not here, and --offline forbids to fetch it\.$/),
    });
  });
});
