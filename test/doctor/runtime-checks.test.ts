import {
  appendFile,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  doctorManagedPythonRuntime,
  type ManagedPythonRuntimeDoctorOptions,
} from '../../src/doctor/runtime-checks.ts';
import { defaultExec } from '../../src/process/exec.ts';
import { openStore } from '../../src/store/store.ts';
import { fileIdentity } from '../../src/support/fs/file-identity.ts';
import { managedUvPath } from '../../src/uv/acquire.ts';
import { uvPinsFor } from '../../src/uv/binary.ts';
import { markVerified } from '../../src/uv/verified-mark.ts';
import { WHEEL_FILE, writeAsset, writeRuntime } from '../fixtures/asset.ts';
import { PATIENT } from '../fixtures/patient.ts';

const UV_FIX = 'Check network access to github.com and run: ktx admin runtime install --yes';
const ASSET_FIX = 'Run: npm run assets:build';
const RUNTIME_FIX = 'Run: ktx admin runtime install --yes';

let root: string;
let runtimeRoot: string;
let uvPath: string;
let options: ManagedPythonRuntimeDoctorOptions;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'ktx-doctor-'));
  runtimeRoot = join(root, 'runtime');
  uvPath = managedUvPath({ runtimeRoot });
  const assetDir = await writeAsset(join(root, 'asset'));
  options = { cliVersion: '0.3.0', runtimeRoot, assetDir, env: { MINE: '1', UV_NO_CONFIG: '0' } };
});
afterEach(() => rm(root, { recursive: true, force: true }));

/** A uv that says its version: a real program, run for real. */
async function placeUv(script = '#!/bin/sh\necho "uv 0.11.21 (x86_64-unknown-linux-musl)"\n'): Promise<void> {
  await mkdir(dirname(uvPath), { recursive: true });
  await writeFile(uvPath, script, { mode: 0o755 });
}

describe('doctorManagedPythonRuntime', () => {
  it('22. without a runtime: pass, pass, fail, with the exact details', async () => {
    await placeUv();
    expect(await doctorManagedPythonRuntime({ ...options, exec: defaultExec })).toEqual([
      {
        id: 'uv',
        label: 'uv',
        status: 'pass',
        detail: `uv 0.11.21 (x86_64-unknown-linux-musl) (managed: ${uvPath})`,
      },
      {
        id: 'asset',
        label: 'Bundled Python wheel',
        status: 'pass',
        detail: join(root, 'asset', WHEEL_FILE),
      },
      {
        id: 'runtime',
        label: 'Managed Python runtime',
        status: 'fail',
        detail: `No runtime manifest at ${join(runtimeRoot, '0.3.0', 'manifest.json')}`,
        fix: RUNTIME_FIX,
      },
    ]);
  });

  it('22. with a runtime: three passes and no fix', async () => {
    await placeUv();
    await writeRuntime(runtimeRoot, '0.3.0');
    const checks = await doctorManagedPythonRuntime({ ...options, exec: defaultExec });
    expect(checks.map(({ status, fix }) => [status, fix])).toEqual(Array(3).fill(['pass', undefined]));
    expect(checks[2]?.detail).toBe(`Runtime ready at ${join(runtimeRoot, '0.3.0')}`);
    expect(checks.every((check) => !('fix' in check))).toBe(true);
  });

  it('22. every kind but ready fails the runtime check', async () => {
    await writeRuntime(runtimeRoot, '0.3.0', { cliVersion: '0.2.0' });
    const [, , runtime] = await doctorManagedPythonRuntime(options);
    expect(runtime).toMatchObject({
      status: 'fail',
      detail: 'Runtime is for CLI 0.2.0, current CLI is 0.3.0',
      fix: RUNTIME_FIX,
    });
  });

  it('22. a uv that cannot run carries its fix', async () => {
    await placeUv('#!/bin/sh\nexit 3\n');
    const [uv] = await doctorManagedPythonRuntime({ ...options, exec: defaultExec });
    expect(uv).toEqual({
      id: 'uv',
      label: 'uv',
      status: 'fail',
      detail: `Managed uv at ${uvPath} failed to run. Delete it and retry: ktx admin runtime install --yes`,
      fix: UV_FIX,
    });
  });

  it('22. a failing download carries its fix, and the other checks still say theirs', async () => {
    const fetchUvArtifact = () => Promise.reject(new Error('no route'));
    const checks = await doctorManagedPythonRuntime({ ...options, fetchUvArtifact });
    expect(checks.map(({ status }) => status)).toEqual(['fail', 'pass', 'fail']);
    expect(checks[0]).toMatchObject({
      detail: expect.stringContaining('ktx could not download uv 0.11.21'),
      fix: UV_FIX,
    });
  });

  it('an altered wheel fails the asset check', async () => {
    await writeFile(join(root, 'asset', WHEEL_FILE), 'altered');
    const [, asset] = await doctorManagedPythonRuntime(options);
    expect(asset).toMatchObject({
      status: 'fail',
      detail: `Bundled Python runtime wheel checksum mismatch: ${join(root, 'asset', WHEEL_FILE)}`,
      fix: ASSET_FIX,
    });
  });

  it('downloads nothing unless a download is injected: a missing uv is a failed check', async () => {
    const fetched = vi.spyOn(globalThis, 'fetch').mockRejectedValue(new Error('no network in this test'));
    const [uv] = await doctorManagedPythonRuntime(options);
    expect(fetched).not.toHaveBeenCalled();
    fetched.mockRestore();
    expect(uv).toEqual({
      id: 'uv',
      label: 'uv',
      status: 'fail',
      detail: `uv 0.11.21 is not installed yet: ${uvPath}`,
      fix: UV_FIX,
    });
    expect(await readdir(root)).toEqual(['asset']);
  });

  it('runs uv with UV_NO_CONFIG=1 and the given environment; an empty answer is the pinned version', async () => {
    await placeUv();
    const exec = vi.fn(async () => ({ stdout: ' \n', stderr: '' }));
    const [uv] = await doctorManagedPythonRuntime({ ...options, exec });
    expect(exec.mock.calls).toEqual([[uvPath, ['--version'], { env: { MINE: '1', UV_NO_CONFIG: '1' } }]]);
    expect(uv?.detail).toBe(`uv 0.11.21 (managed: ${uvPath})`);
  });
});

describe('a uv that is not the pinned one is not run', () => {
  const ran = () => join(root, 'ran');
  const hasRun = () => stat(ran()).then(Boolean, () => false);
  beforeEach(() => placeUv(`#!/bin/sh\necho "uv 0.11.21"\ntouch ${ran()}\n`));

  it('one that nobody knows', async () => {
    const [uv] = await doctorManagedPythonRuntime(options);
    expect(uv).toEqual({
      id: 'uv',
      label: 'uv',
      status: 'fail',
      detail: `The uv at ${uvPath} is not the uv 0.11.21 that ktx knows, so it is not run. Delete it, then: ktx setup --force`,
      fix: UV_FIX,
    });
    expect(await hasRun()).toBe(false);
  });

  it('one that was altered: it can be restored from the store', async () => {
    const { wheel } = uvPinsFor(process)!;
    const kept = openStore(join(runtimeRoot, 'uv', 'store')).pathOf(wheel);
    await mkdir(dirname(kept), { recursive: true });
    await writeFile(kept, '');
    await truncate(kept, wheel.sizeBytes!);
    const [uv] = await doctorManagedPythonRuntime(options);
    expect(uv).toMatchObject({
      status: 'fail',
      detail: `The uv at ${uvPath} was altered: its sha256 is not the pinned one, so it is not run. Restore it: ktx setup --force`,
      fix: UV_FIX,
    });
    expect(await hasRun()).toBe(false);
  });

  it('the mark of an install spares who is quick the hash, as long as nothing has changed', async () => {
    const then = new Date(1_700_000_000_000);
    await utimes(uvPath, then, then);
    await markVerified(uvPath, await fileIdentity(uvPath), 'a'.repeat(64));
    const check = async (more: object) =>
      (await doctorManagedPythonRuntime({ ...options, ...more }))[0]?.status;
    expect([await check({}), await hasRun()]).toEqual(['fail', false]);
    expect([await check({ mayTrustMark: true }), await hasRun()]).toEqual(['pass', true]);
    await rm(ran());
    await appendFile(uvPath, '#');
    await truncate(uvPath, (await stat(uvPath)).size - 1);
    await utimes(uvPath, then, then);
    expect([await check({ mayTrustMark: true }), await hasRun()]).toEqual(['fail', false]);
  });

  it('one that does not answer ends with the signal', async () => {
    const answers = join(root, 'pid');
    await writeFile(uvPath, `#!/bin/sh\necho $$ > "${answers}"\nexec sleep 1000\n`, { mode: 0o755 });
    await markVerified(uvPath, await fileIdentity(uvPath), 'a'.repeat(64));
    const stop = new AbortController();
    const checks = doctorManagedPythonRuntime({ ...options, mayTrustMark: true, signal: stop.signal });
    const pid = await vi.waitFor(
      async () => Number((await readFile(answers, 'utf8')).trim()) || Promise.reject(),
    );
    stop.abort();
    expect((await checks)[0]?.status).toBe('fail');
    // Gone, and soon nobody's.
    await vi.waitFor(() => expect(() => process.kill(pid, 0)).toThrow('ESRCH'), PATIENT);
  });

  it('where none is pinned, one placed by hand is used, as the contract says', async () => {
    const [uv] = await doctorManagedPythonRuntime({ ...options, platform: 'freebsd' });
    expect([uv?.status, await hasRun()]).toEqual(['pass', true]);
  });
});
