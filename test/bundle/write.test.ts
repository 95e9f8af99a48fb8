import { execFile } from 'node:child_process';
import { readdirSync } from 'node:fs';
import {
  type FileHandle,
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it, vi } from 'vitest';
import { openBundleFile } from '../../src/bundle/archive/bundle-file.ts';
import { alteredParts } from '../../src/bundle/archive/part-sums.ts';
import { readArchive } from '../../src/bundle/archive/read-archive.ts';
import { writeBundle } from '../../src/bundle/archive/write-bundle.ts';
import { verifyBundle } from '../../src/bundle/verify.ts';
import {
  contentsOf,
  MEMBERS,
  sha256,
  trustOf,
  unpackBundle,
  WHEELS,
  wheelMember,
  writeSmallBundle,
} from '../fixtures/small-bundle.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';
import { watchSyncs } from '../fixtures/watch-syncs.ts';

it('the same content gives the same bytes', async () => {
  const one = await readFile(await writeSmallBundle(await temporaryFolder()));
  const other = await readFile(await writeSmallBundle(await temporaryFolder()));
  expect(one.equals(other)).toBe(true);
});

it('parts are read as one file, from the first or from the name that they share', async () => {
  const folder = await temporaryFolder();
  const output = await writeSmallBundle(folder, { splitBytes: 1000 });
  const parts = (await readdir(folder)).sort();
  expect(parts.length).toBeGreaterThan(4);
  expect(parts[0]).toBe('small.ktx.001');
  await promisify(execFile)('sha256sum', ['--check', '--strict', 'small.ktx.sha256'], { cwd: folder });
  for (const name of [output, `${output}.001`]) {
    expect((await verifyBundle(name, trustOf())).contents).toEqual(contentsOf());
  }
});

it('a bundle written over one in more parts, or in another form, is read alone', async () => {
  const folder = await temporaryFolder();
  for (const splitBytes of [1000, 4000, undefined, 1000]) {
    const output = await writeSmallBundle(folder, splitBytes === undefined ? {} : { splitBytes });
    expect((await verifyBundle(output, trustOf())).contents).toEqual(contentsOf());
    const names = await readdir(folder);
    if (splitBytes === undefined) expect(names).toEqual(['small.ktx']);
    else expect(names).not.toContain('small.ktx');
  }
});

it('a part that is missing, cut or of another bundle is named or found', async () => {
  const folder = await temporaryFolder();
  const output = await writeSmallBundle(folder, { splitBytes: 1000 });
  const part = await readFile(`${output}.002`);
  await writeFile(`${output}.002`, part.subarray(0, 500));
  await expect(verifyBundle(output, trustOf())).rejects.toMatchObject({ name: 'BundleError' });
  await writeFile(`${output}.002`, Buffer.alloc(1000, 1));
  await expect(verifyBundle(output, trustOf())).rejects.toMatchObject({
    name: 'BundleError',
    evidence: expect.arrayContaining(['small.ktx.002 is not as it was written: copy it again']),
  });
  await rm(`${output}.002`);
  await expect(verifyBundle(output, trustOf())).rejects.toThrow(
    'A part of the bundle is missing: small.ktx.002',
  );
});

it('parts are read through for what another copy would mend, and for nothing else', async () => {
  const folder = await temporaryFolder();
  const output = await writeSmallBundle(folder, { splitBytes: 1000 });
  const last = (await readdir(folder))
    .filter((name) => /\.\d{3}$/.test(name))
    .sort()
    .at(-1)!;
  await writeFile(join(folder, last), Buffer.alloc(1000, 1));
  const evidenceFor = (lockSha256: string, signal?: AbortSignal) =>
    verifyBundle(output, { ...trustOf(), lockSha256 }, signal ? { signal } : {}).then(
      () => 'accepted',
      ({ name, evidence = [] }: Error & { evidence?: string[] }) => `${name} ${evidence.join(' ')}`,
    );
  expect(await evidenceFor(trustOf().lockSha256)).toContain(`${last} is not as it was written`);
  expect(await evidenceFor('0'.repeat(64))).toMatch(/^BundleError it was made by/);
  expect(await evidenceFor('0'.repeat(64))).not.toContain('as it was written');
});

it('a stop ends the search for altered parts', async () => {
  const output = await writeSmallBundle(await temporaryFolder(), { splitBytes: 1000 });
  const stop = new AbortController();
  stop.abort();
  await expect(alteredParts(output, stop.signal)).rejects.toMatchObject({ name: 'CancelledError' });
});

it('a file that changes while it is written, and a stop, leave nothing behind', async () => {
  const folder = await temporaryFolder();
  const source = join(folder, 'source');
  await writeFile(source, 'something else');
  const { member } = MEMBERS[0]!;
  const output = join(folder, 'out');
  const contents = contentsOf({ members: [member] });
  await expect(
    writeBundle(output, contents, [{ member, content: { path: source } }], {}),
  ).rejects.toMatchObject({ failureClass: 'verification' });
  expect(await readdir(folder)).toEqual(['source']);
  const stop = new AbortController();
  stop.abort();
  await expect(
    writeBundle(output, contents, [{ member, content: { path: source } }], { signal: stop.signal }),
  ).rejects.toMatchObject({ name: 'CancelledError' });
  expect(await readdir(folder)).toEqual(['source']);
});

it('an earlier bundle at that place stays until the new one is whole', async () => {
  const folder = await temporaryFolder();
  const output = await writeSmallBundle(folder);
  const before = await readFile(output);
  const stop = new AbortController();
  stop.abort();
  await writeSmallBundle(folder, { signal: stop.signal }).catch(() => {});
  expect((await readFile(output)).equals(before)).toBe(true);
  await rename(output, `${output}.old`);
});

describe.runIf(process.platform === 'linux')('each part of a bundle', () => {
  it('is on the disk before it gets its name', async () => {
    const folder = await temporaryFolder();
    const syncs = await watchSyncs(() => readdirSync(folder).filter((name) => !name.endsWith('.partial')));
    await writeSmallBundle(folder, { splitBytes: 2000 });
    const names = (await readdir(folder)).filter((name) => /\.\d{3}$/.test(name));
    const ofParts = syncs.filter(({ path }) => path.endsWith('.partial'));
    expect(ofParts.map(({ path }) => basename(path, '.partial'))).toEqual(names.sort());
    for (const { seen } of ofParts) expect(seen).toEqual([]);
  });

  it('that the disk refuses is told, and nothing is left', async () => {
    const folder = await temporaryFolder();
    const handle = await open(folder, 'r');
    const prototype: FileHandle = Object.getPrototypeOf(handle);
    await handle.close();
    for (const refused of [1, 2, 3]) {
      let count = 0;
      const { sync } = prototype;
      const spy = vi.spyOn(prototype, 'sync').mockImplementation(function (this: FileHandle) {
        if (++count < refused) return sync.call(this);
        return Promise.reject(Object.assign(new Error('EIO: i/o error, fsync'), { code: 'EIO' }));
      });
      const writing = writeSmallBundle(folder, { splitBytes: 2000 });
      await expect(writing)
        .rejects.toThrow('EIO')
        .finally(() => spy.mockRestore());
      expect(await readdir(folder)).toEqual([]);
    }
  });
});

it('a folder is checked as the archive that it was unpacked from', async () => {
  const folder = await temporaryFolder();
  const unpacked = join(folder, 'unpacked');
  await unpackBundle(await writeSmallBundle(folder), unpacked);
  expect((await verifyBundle(unpacked, trustOf())).contents).toEqual(contentsOf());
  const [member] = MEMBERS;
  const path = join(unpacked, member!.member.path);
  const right = await readFile(path);
  const refusal = () =>
    verifyBundle(unpacked, trustOf()).then(
      () => 'accepted',
      ({ message }: Error) => message,
    );
  await writeFile(path, right.toString().replace('first', 'fxrst'));
  expect(await refusal()).toMatch(/was altered/);
  await writeFile(path, `${right}x`);
  expect(await refusal()).toMatch(/another size/);
  await rm(path);
  expect(await refusal()).toMatch(/is missing/);
  await symlink('/etc/hostname', path);
  expect(await refusal()).toMatch(/Not a regular file/);
  await rm(path);
  await writeFile(path, right);
  await mkdir(join(unpacked, 'app', 'node_modules'), { recursive: true });
  await writeFile(join(unpacked, 'app', 'node_modules', 'planted.js'), '');
  expect(await refusal()).toMatch(/does not list: app\/node_modules\/planted\.js/);
});

it('every member is in the archive, under its name and with its bytes, wherever they come from', async () => {
  const folder = await temporaryFolder();
  const [file] = Object.keys(WHEELS) as (keyof typeof WHEELS)[];
  const text = WHEELS[file!];
  const path = join(folder, 'wheel');
  await writeFile(path, text);
  const named = (name: string) => ({ ...wheelMember(file!), path: name });
  const output = join(folder, 'small.ktx');
  const written = await writeBundle(
    output,
    contentsOf(),
    [
      { member: named('a/file'), content: { path } },
      { member: named('b/bytes'), content: { bytes: Buffer.from(text) } },
      {
        member: named('c/loaded'),
        content: { load: async () => new TextEncoder().encode(`-${text}`).subarray(1) },
      },
      { member: named('d/elsewhere'), content: null },
    ],
    { sign: async () => 'signed' },
  );
  const found: [string, string][] = [];
  const bundle = await openBundleFile(output);
  for await (const member of readArchive(bundle)) {
    let content = '';
    for await (const piece of member.body()) content += piece;
    found.push([member.path, content]);
  }
  await bundle.close();
  expect(found.slice(2)).toEqual([
    ['bundle.json.sig', 'signed'],
    ['a/file', text],
    ['b/bytes', text],
    ['c/loaded', text],
  ]);
  expect(JSON.parse(found[0]![1])).toEqual(contentsOf());
  expect(found[1]![1]).toContain(sha256(found[0]![1]));
  const bytes = await readFile(output);
  expect(written).toMatchObject({ paths: [output], sizeBytes: bytes.length, sha256: sha256(bytes) });
});
