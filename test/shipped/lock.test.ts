import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  artefactsOf,
  largestArtefact,
  lockArtefact,
  lockedFeature,
  type RuntimeLock,
  readLockedFile,
} from '../../src/shipped/lock.ts';
import { runtimeLockSchema } from '../../src/shipped/lock-schema.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';

const [core, extra, config, archive] = ['a', 'b', 'c', 'd'].map((digit) => digit.repeat(64)) as [
  string,
  string,
  string,
  string,
];
const wheel = (file: string) => ({ file, kind: 'wheel', bytes: 1, unpackedBytes: 2 });
const plain = {
  schemaVersion: 1,
  python: { version: '3.13.14', build: '20260610', archives: {} },
  artefacts: {
    [core]: wheel('c-1-py3-none-any.whl'),
    [extra]: wheel('e-1-py3-none-any.whl'),
    [config]: { file: 'config.json', kind: 'model', bytes: 612, unpackedBytes: 612 },
    [archive]: { file: 'm-1-py3-none-any.whl', kind: 'model', bytes: 9, unpackedBytes: 9 },
  },
  targets: {
    plain: { minimum: { glibc: '2.17' }, features: { core: [core], 'local-embeddings': [core, extra] } },
    newer: {
      minimum: { glibc: '2.17' },
      features: {
        core: [core],
        'local-embeddings': { minimum: { glibc: '2.28' }, artefacts: [core, extra] },
      },
    },
    without: { minimum: {}, features: { core: [core], 'local-embeddings': { unavailable: 'no wheel' } } },
    silent: { minimum: {}, features: { core: [core] } },
  },
};
const lock: RuntimeLock = runtimeLockSchema.parse(plain);

describe('the lock', () => {
  it.each([
    ['plain', { minimum: { glibc: '2.17' }, artefacts: [core, extra] }],
    ['newer', { minimum: { glibc: '2.28' }, artefacts: [core, extra] }],
    ['without', { unavailable: 'no wheel' }],
    ['silent', null],
    ['nowhere', null],
  ])('%s: a feature in one form, however it is written', (target, expected) => {
    expect(lockedFeature(lock, target, 'local-embeddings')).toEqual(expected);
  });

  it.each([
    ['plain', [core, extra]],
    ['newer', [core, extra]],
    ['without', [core]],
  ])('%s: the wheels of all features, each once', (target, expected) => {
    const wheels = artefactsOf(lock, target, ['core', 'local-embeddings']);
    expect(wheels.map((artefact) => artefact.sha256)).toEqual(expected);
  });

  it.each([
    ['packages/ab/c-1%2Blocal-py3-none-any.whl', true],
    ['/packages/c.whl', false],
    ['//other.example/c.whl', false],
    ['https://other.example/c.whl', false],
    ['packages/../../c.whl', false],
    ['packages/c.whl?token=x', false],
    ['', false],
  ])('takes %j for a path beneath a host: %s', (publicPath, isPath) => {
    const artefacts = { ...plain.artefacts, [core]: { ...plain.artefacts[core], publicPath } };
    expect(runtimeLockSchema.safeParse({ ...plain, artefacts }).success).toBe(isPath);
  });

  it('names models, or none', () => {
    const model = {
      repository: 'owner/name',
      revision: '0'.repeat(40),
      files: [config],
      container: { artefact: archive, folder: 'm/model' },
    };
    const models = { 'local-embeddings': model };
    expect(lock.models).toBeUndefined();
    expect(runtimeLockSchema.parse({ ...plain, models }).models).toEqual(models);
  });

  it.each([
    { files: ['config.json'] },
    { revision: 'main' },
    { repository: '../name' },
    { repository: 'https://hub.example/owner/name' },
  ])('refuses a model that is not pinned by digest and commit: %j', (change) => {
    const model = {
      repository: 'owner/name',
      revision: '0'.repeat(40),
      files: [config],
      container: { artefact: archive, folder: 'm/model' },
      ...change,
    };
    const models = { 'local-embeddings': model };
    expect(runtimeLockSchema.safeParse({ ...plain, models }).success).toBe(false);
  });
});

describe('a file of the lock', () => {
  it('has its path on the public host where one is known', () => {
    const known = {
      ...plain,
      artefacts: { ...plain.artefacts, [core]: { ...plain.artefacts[core], publicPath: 'a/c.whl' } },
    };
    const artefact = {
      sha256: core,
      file: 'c-1-py3-none-any.whl',
      kind: 'wheel',
      sizeBytes: 1,
      unpackedBytes: 2,
    };
    expect(lockArtefact(lock, core)).toEqual(artefact);
    expect(lockArtefact(runtimeLockSchema.parse(known), core)).toEqual({
      ...artefact,
      publicPath: 'a/c.whl',
    });
    const unknown = 'e'.repeat(64);
    expect(() => lockArtefact(lock, unknown)).toThrow(
      `lock.json refers to ${unknown} and does not describe it`,
    );
  });

  it('is the largest as far as sizes are known', () => {
    const artefact = (file: string, sizeBytes: number | null) => ({
      ...lockArtefact(lock, core),
      file,
      sizeBytes,
    });
    const [none, small, big] = [artefact('none', null), artefact('small', 1), artefact('big', 2)];
    expect(largestArtefact([none, small, big])).toBe(big);
    expect(largestArtefact([small, none])).toBe(small);
    expect(largestArtefact([none])).toBe(none);
    expect(largestArtefact([])).toBeNull();
  });

  it('is read only when it is what was shipped', async () => {
    const folder = await temporaryFolder();
    const path = join(folder, 'requirements.txt');
    await writeFile(path, 'numpy');
    const sha256 = createHash('sha256').update('numpy').digest('hex');
    expect(String(await readLockedFile(folder, { file: 'requirements.txt', sha256 }))).toBe('numpy');
    const changed = readLockedFile(folder, { file: 'requirements.txt', sha256: 'f'.repeat(64) });
    await expect(changed).rejects.toMatchObject({
      message: 'requirements.txt of the bundled runtime is not the file that was shipped.',
      failureClass: 'verification',
      evidence: [`file: ${path}`, `expected sha256 ${'f'.repeat(64)}`, `found sha256 ${sha256}`],
      remedies: [{ id: 'reinstall-package' }],
    });
  });
});
