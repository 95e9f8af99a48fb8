import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { appendFile, mkdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { runSetup } from '../../src/setup/setup.ts';
import { type ArtefactStore, openStore } from '../../src/store/store.ts';
import type { SetupError } from '../../src/support/errors.ts';
import {
  acceptPinnedUv,
  assertPinnedUv,
  inspectUvBinary,
  installUvFrom,
  type UvPins,
} from '../../src/uv/binary.ts';
import { isMarkedVerified, markVerified } from '../../src/uv/verified-mark.ts';
import { writeForeignAsset } from '../fixtures/foreign-asset.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';
import { BINARY, tarGz } from '../fixtures/uv-archive.ts';

const sha256Of = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const archiveBytes = tarGz([['uv-x/uv', BINARY]]);

let uvPath: string;
let store: ArtefactStore;
let pins: UvPins;
beforeEach(async () => {
  const root = await temporaryFolder();
  uvPath = join(root, 'uv', '0.11.21', 'uv');
  store = openStore(join(root, 'uv', 'store'));
  const common = { kind: 'uv' as const, sizeBytes: null, unpackedBytes: null };
  pins = {
    archive: { ...common, file: 'uv-x.tar.gz', sha256: sha256Of(archiveBytes) },
    wheel: { ...common, file: 'uv-x.whl', sha256: 'b'.repeat(64) },
    wheelBinarySha256: 'c'.repeat(64),
  };
  await mkdir(dirname(store.pathOf(pins.archive)), { recursive: true });
  await writeFile(store.pathOf(pins.archive), archiveBytes);
});

describe('a uv that is about to be run', () => {
  beforeEach(() => installUvFrom(store, pins.archive, uvPath));

  it.each([
    ['a folder', () => mkdirSync(uvPath)],
    ['a pipe', () => execFileSync('mkfifo', [uvPath])],
  ])('is refused when it is %s, which nobody reads', async (_, make) => {
    await rm(uvPath);
    make();
    await expect(acceptPinnedUv(uvPath, pins, store)).rejects.toMatchObject({
      message: expect.stringContaining(uvPath),
      failureClass: 'verification',
    });
  });

  it('is the one of the kept archive', async () => {
    await assertPinnedUv(uvPath, pins, store);
    expect(await inspectUvBinary(uvPath, pins, store)).toMatchObject({ state: 'pinned' });
    await rm(`${uvPath}.verified`);
    expect(await inspectUvBinary(uvPath, pins, store)).toMatchObject({ state: 'pinned' });
  });

  it('is fetched again when a prune took the archive: what an install wrote down beside it vouches for nothing', async () => {
    await store.remove(pins.archive);
    expect(await inspectUvBinary(uvPath, pins, store)).toMatchObject({ state: 'altered' });
    await rm(uvPath);
    expect(await inspectUvBinary(uvPath, pins, store)).toEqual({ state: 'missing', sha256: null });
    await expect(assertPinnedUv(uvPath, pins, store)).rejects.toThrow(/disappeared while/);
  });

  it('is not hashed to its end when it is longer than any uv', async () => {
    await truncate(uvPath, 10 * 1024 ** 3);
    expect(await inspectUvBinary(uvPath, pins, store)).toEqual({ state: 'altered', sha256: null });
  });

  it('is refused when it was altered, and when nobody knows it', async () => {
    await appendFile(uvPath, 'x');
    await expect(assertPinnedUv(uvPath, pins, store)).rejects.toMatchObject({
      failureClass: 'verification',
      message: expect.stringContaining('was altered'),
    });
    await store.remove(pins.archive);
    await rm(`${uvPath}.verified`);
    await expect(assertPinnedUv(uvPath, pins, store)).rejects.toThrow(/is not the uv .* that ktx knows/);
    await assertPinnedUv(uvPath, null, store);
  });

  it('is what the kept archive holds, whatever was written down', async () => {
    await appendFile(uvPath, 'x');
    await markVerified(uvPath, 'any', sha256Of(Buffer.concat([BINARY, Buffer.from('x')])));
    expect(await inspectUvBinary(uvPath, pins, store)).toMatchObject({ state: 'altered' });
  });

  it('is not marked as verified when it changes while it is hashed', async () => {
    const digestOf: ArtefactStore['digestOf'] = async (path) => {
      const sha256 = await store.digestOf(path);
      await appendFile(uvPath, 'x');
      return sha256;
    };
    await acceptPinnedUv(uvPath, pins, { ...store, digestOf });
    expect(await isMarkedVerified(uvPath)).toBe(false);
  });

  it('is looked at again when it has changed since the plan', async () => {
    await rm(`${uvPath}.verified`);
    await acceptPinnedUv(uvPath, pins, store);
    expect(await isMarkedVerified(uvPath)).toBe(true);
    await appendFile(uvPath, 'x');
    await expect(acceptPinnedUv(uvPath, pins, store)).rejects.toThrow(/was altered/);
    expect(await isMarkedVerified(uvPath)).toBe(false);
  });
});

it('what stays in the way of the right binary is not taken for it', async () => {
  await mkdir(join(uvPath, 'in-the-way'), { recursive: true });
  await expect(installUvFrom(store, pins.archive, uvPath)).rejects.toThrow();
});

it('no mark, no file: not verified; and a mark that cannot be written is no failure', async () => {
  expect(await isMarkedVerified(uvPath)).toBe(false);
  await markVerified(uvPath, 'x', 'a'.repeat(64));
  await markVerified(uvPath, null, 'a'.repeat(64));
  expect(await isMarkedVerified(uvPath)).toBe(false);
});

describe('one that was given with --uv', () => {
  async function refusalOf(text: string, mode: number) {
    const root = await temporaryFolder();
    const assetDir = join(root, 'assets');
    await writeForeignAsset(assetDir);
    const given = join(root, 'precious.txt');
    await writeFile(given, text, { mode });
    const error = await runSetup({
      cliVersion: '0.3.0',
      features: ['core'],
      assetDir,
      homeDir: root,
      runtimeRoot: join(root, 'runtime'),
      env: { PATH: '/usr/bin:/bin' },
      uvPath: given,
      isOffline: true,
    }).then(
      () => expect.unreachable('it ran'),
      (thrown: SetupError) => thrown,
    );
    expect([error.message, ...error.nextSteps].join()).not.toMatch(/delete|managed/i);
    expect(await readFile(given, 'utf8')).toBe(text);
    return { error, given };
  }

  it('and does not run is corrected, not deleted', async () => {
    const { error, given } = await refusalOf('precious', 0o644);
    expect(error.message).toBe(`The program that was given with --uv does not run: ${given}.`);
    expect(error.evidence.join()).toContain('EACCES');
  });

  it.each([
    ['echo uvx 0.11.21', 'uv --version prints: uvx 0.11.21'],
    ['true', 'uv --version prints nothing'],
  ])('and is another program is refused before anything is built with it: %s', async (text, evidence) => {
    const { error, given } = await refusalOf(`#!/bin/sh\n${text}\n`, 0o755);
    expect(error.message).toBe(`The program that was given with --uv is not uv: ${given}.`);
    expect(error.evidence).toEqual([evidence]);
  });
});
