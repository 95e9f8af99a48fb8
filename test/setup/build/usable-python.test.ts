import { appendFile, mkdir, readdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, it } from 'vitest';
import type { SetupEvent } from '../../../src/core/events.ts';
import { sharedLayout } from '../../../src/core/layout.ts';
import { managedPythonKey } from '../../../src/python/python-downloads.ts';
import { findUnpackedPython, recordPython, verifyPython } from '../../../src/python/unpacked-python.ts';
import type { JournalEntry } from '../../../src/runtime/journal.ts';
import { buildPython } from '../../../src/setup/build/build.ts';
import type { InstallRun } from '../../../src/setup/build/install-run.ts';
import type { UvRunner } from '../../../src/uv/runner.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';

const HOST = { os: 'linux', arch: 'x64', libc: 'glibc' } as const;
const VERSION = '3.13.1';
const KEY = managedPythonKey(HOST as never, VERSION);
const ARCHIVE = { file: 'cpython.tar.gz', sha256: 'a'.repeat(64) };

async function writePython(dir: string): Promise<void> {
  await mkdir(join(dir, KEY, 'bin'), { recursive: true });
  await writeFile(join(dir, KEY, 'bin', 'python3.13'), 'binary');
  await symlink('python3.13', join(dir, KEY, 'bin', 'python3'));
}

/** A run whose plan has this Python unpacked, and a uv that unpacks one where it is told to. */
async function machine({ archive = 'ok', uvFails = false } = {}) {
  const root = await temporaryFolder();
  const { pythonDir } = sharedLayout(root);
  const unpackedDir = join(pythonDir, 'deadbeef');
  await writePython(unpackedDir);
  await recordPython(unpackedDir, { key: KEY, archiveSha256: ARCHIVE.sha256 });
  const events: SetupEvent[] = [];
  const entries: JournalEntry[] = [];
  const calls: { args: readonly string[]; env: NodeJS.ProcessEnv }[] = [];
  const uv = {
    run: async (_step: string, args: readonly string[], env: NodeJS.ProcessEnv) => {
      calls.push({ args, env });
      await writePython(env['UV_PYTHON_INSTALL_DIR']!);
      if (uvFails) throw new Error('uv failed');
    },
  } as unknown as UvRunner;
  const python = { kind: 'managed', version: VERSION, archive: ARCHIVE, unpackedDir };
  const run = {
    plan: { locked: { python, pythonBuild: '20260610' }, host: HOST, shared: { pythonDir } },
    tools: { store: { verify: async () => archive, pathOf: () => join(root, 'store', ARCHIVE.file) } },
    env: {},
    runDir: join(root, 'run'),
    journal: { write: (entry: JournalEntry) => entries.push(entry) },
    emit: (event: SetupEvent) => events.push(event),
    signal: undefined,
  } as unknown as InstallRun;
  await mkdir(run.runDir);
  const find = () => findUnpackedPython(pythonDir, { key: KEY, archiveSha256: ARCHIVE.sha256 });
  const alter = () => appendFile(join(unpackedDir, KEY, 'bin', 'python3.13'), '#');
  const plan = (change: object) => Object.assign(python, change);
  return { run, uv, unpackedDir, pythonDir, events, entries, calls, find, alter, plan };
}

it('a Python that is as it was unpacked is used again, and uv is not asked', async () => {
  const m = await machine();
  expect(await buildPython(m.run, m.uv)).toBe(m.unpackedDir);
  expect([m.calls, m.events, m.entries]).toEqual([[], [], []]);
});

it('an altered one is given up for every later install, and unpacked again beside it with a warning', async () => {
  const m = await machine();
  await m.alter();
  const made = await buildPython(m.run, m.uv);
  expect(made).not.toBe(m.unpackedDir);
  expect(dirname(made!)).toBe(m.pythonDir);
  expect(m.events).toEqual([
    {
      type: 'note',
      step: 'python',
      level: 'warning',
      text: 'bin/python3.13 of the unpacked Python 3.13.1 is not as it was unpacked; it is unpacked again beside it.',
    },
  ]);
  expect(await readdir(m.unpackedDir)).toContain('digests.json.altered');
  expect(await m.find()).toBe(made);
});

it.each(['missing', 'damaged'])(
  'without its archive (%s) it is given up, and an error says why',
  async (archive) => {
    const m = await machine({ archive });
    await m.alter();
    await expect(buildPython(m.run, m.uv)).rejects.toMatchObject({
      failureClass: 'verification',
      message:
        'bin/python3.13 of the unpacked Python 3.13.1 is not as it was unpacked, and its archive is not in the store.',
      evidence: [`folder: ${m.unpackedDir}`, `archive: cpython.tar.gz, sha256 ${ARCHIVE.sha256}`],
      remedies: [{ id: 'retry', label: 'Run it again (the archive is fetched then)' }],
    });
    expect(m.calls).toEqual([]);
    // The next plan finds none, and names the archive as one to fetch.
    expect(await m.find()).toBeNull();
  },
);

it('a new one is unpacked offline from the archive of the store, into a folder that the journal knows', async () => {
  const m = await machine();
  m.plan({ unpackedDir: null });
  const made = (await buildPython(m.run, m.uv))!;
  expect(m.entries).toEqual([{ making: 'python', name: made.slice(m.pythonDir.length + 1) }]);
  const [{ args, env }] = m.calls as [(typeof m.calls)[number]];
  expect(args).toContain(VERSION);
  expect(env).toMatchObject({
    UV_OFFLINE: '1',
    UV_PYTHON_INSTALL_DIR: made,
    UV_PYTHON_DOWNLOADS_JSON_URL: pathToFileURL(join(m.run.runDir, 'python-downloads.json')).href,
    UV_CACHE_DIR: join(m.run.runDir, 'cache'),
  });
  expect(await verifyPython(made)).toBeNull();
});

it('nothing is left of one that could not be unpacked', async () => {
  const m = await machine({ uvFails: true });
  m.plan({ unpackedDir: null });
  await expect(buildPython(m.run, m.uv)).rejects.toThrow('uv failed');
  expect(await readdir(m.pythonDir)).toEqual(['deadbeef']);
});

it('the system’s Python is only named', async () => {
  const m = await machine();
  m.plan({ kind: 'system', path: '/opt/python' });
  expect(await buildPython(m.run, m.uv)).toBeNull();
  expect(m.events).toEqual([
    {
      type: 'lines',
      step: 'python',
      stream: 'ktx',
      lines: ['Using Python 3.13.1 of the system: /opt/python'],
    },
  ]);
  expect(m.calls).toEqual([]);
});
