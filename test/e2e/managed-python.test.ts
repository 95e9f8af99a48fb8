import { existsSync, readFileSync } from 'node:fs';
import { appendFile, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { SetupEvent } from '../../src/core/events.ts';
import { RUN_VARIABLE } from '../../src/runtime/journal.ts';
import { runSetup } from '../../src/setup/setup.ts';
import { type LoopbackIndex, startLoopbackIndex } from '../fixtures/loopback-index.ts';
import { plainEnvironment } from '../fixtures/program.ts';
import { type PackedPython, packSystemPython, writeAssetWithPython } from '../fixtures/python-archive.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';
import { watchJournal } from '../fixtures/watch-journal.ts';
import { openWheelhouse, type WheelhouseFile } from '../fixtures/wheelhouse.ts';

let wheelhouse: WheelhouseFile[];
let index: LoopbackIndex;
let python: PackedPython | null = null;

beforeAll(async () => {
  wheelhouse = await openWheelhouse();
  index = await startLoopbackIndex(wheelhouse, (request, response) => {
    const path = decodeURIComponent(request.url ?? '');
    if (!python || path !== `/github/python-build-standalone/releases/download/20260610/${python.file}`)
      return false;
    response.writeHead(200, { 'content-length': python.bytes.length });
    response.end(request.method === 'HEAD' ? undefined : python.bytes);
    return true;
  });
});
afterAll(() => index.close());

/** `null` when the process has ended. */
function environmentOf(pid: number): string | null {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'latin1') || null;
  } catch {
    return null;
  }
}

it('a managed Python goes through fetch, uv python install, and the rest', async () => {
  const root = await temporaryFolder();
  python = await packSystemPython(join(root, 'pack'));
  const assetDir = join(root, 'assets');
  await writeAssetWithPython(assetDir, python);
  const events: SetupEvent[] = [];
  const options = {
    cliVersion: '0.3.0',
    features: ['core' as const],
    assetDir,
    runtimeRoot: join(root, 'run time, é漢'),
    homeDir: root,
    indexUrl: index.url,
    // With `auto` a mirror that is slow to answer on a busy machine is passed over.
    python: 'managed' as const,
    env: plainEnvironment(root, { UV_ASTRAL_MIRROR_URL: `http://${index.host}` }),
    onEvent: (event: SetupEvent) => events.push(event),
  };
  const written = watchJournal((entry) => ({
    isThere: 'making' in entry && existsSync(join(options.runtimeRoot, 'uv', 'python', entry.name)),
    isMarked: 'child' in entry && (environmentOf(entry.child)?.includes(RUN_VARIABLE) ?? null),
  }));
  const result = await runSetup(options);
  expect(result.status).toBe('installed');
  // What is made is written down before there is anything of it, and what is started as soon as it has a pid.
  const making = written.filter(({ entry }) => 'making' in entry && entry.making === 'python');
  expect(making).toMatchObject([{ seen: { isThere: false } }]);
  const children = written.filter(({ entry }) => 'child' in entry);
  // uv four times (--version, python, venv, pip), the daemon that proves it, and the removal of uv's cache: each carries the mark by
  // which the next run would find it.
  expect(children).toHaveLength(6);
  // `uv --version` may be over before anybody can look.
  const seen = children.filter(({ seen: { isMarked } }) => isMarked !== null);
  expect(seen.length).toBeGreaterThanOrEqual(5);
  for (const child of seen)
    expect(child).toMatchObject({ entry: { start: expect.any(String) }, seen: { isMarked: true } });
  expect(result.pythonLabel).toContain(`Python ${python.version} (linux-`);

  const plan = events.find((event) => event.type === 'plan')!;
  expect(plan).toMatchObject({
    plan: { hosts: [index.host], python: { kind: 'managed', version: python.version } },
  });
  const fetched = events.filter((event) => event.type === 'artefact');
  expect(fetched.map((event) => event.artefactKind)).toContain('python');
  expect(result.egress.map(({ host }) => host)).toEqual([index.host]);

  const log = await readFile(result.logPath, 'utf8');
  expect(log).toContain(`uv python install ${python.version}\n`);
  expect(log).toContain(`uv venv --python ${python.version} `);
  expect(log).toMatch(/uv pip install --python \S.*python --require-hashes -r .*requirements\.txt\n/);
  const interpreter = await readFile(join(result.pythonPath, '..', '..', 'pyvenv.cfg'), 'utf8');
  const home = /^home = (.*)$/m.exec(interpreter)![1]!;
  const pythonDir = join(options.runtimeRoot, 'uv', 'python');
  expect(home.slice(pythonDir.length)).toMatch(/^\/[0-9a-f]{8}\/cpython-[\d.]+-linux-/);

  // The unpacked one is there now: another build needs neither the archive nor its host.
  python = null;
  const again = await runSetup({ ...options, shouldForce: true });
  expect(again.status).toBe('installed');
  expect(again.downloadedBytes).toBe(0);

  // One that was altered since is not used again: another one is unpacked beside it, from the archive in the store.
  const firstPython = home.slice(0, pythonDir.length + '/deadbeef'.length);
  const site = (await readdir(firstPython, { recursive: true })).find((name) => name.endsWith('/site.py'))!;
  await appendFile(join(firstPython, site), '# altered\n');
  const next = await runSetup({ ...options, shouldForce: true });
  expect(await readFile(join(next.pythonPath, '..', '..', 'pyvenv.cfg'), 'utf8')).not.toContain(firstPython);
  expect(next.downloadedBytes).toBe(0);
  expect(await readdir(firstPython)).toContain('digests.json.altered');
  expect(events.map((event) => ('text' in event ? event.text : ''))).toContainEqual(
    expect.stringMatching(/site\.py of the unpacked Python .* unpacked again beside it/),
  );
});
