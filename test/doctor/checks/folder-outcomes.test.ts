import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, expect, it, onTestFinished, vi } from 'vitest';
import { checkSurroundings } from '../../../src/doctor/checks/context.ts';
import { FOLDER_CHECKS } from '../../../src/doctor/checks/folders.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';

/** What the system refuses: whoever runs the tests may be allowed everything. */
const refused = vi.hoisted(() => ({ access: null as string | null, list: null as string | null, path: '' }));
vi.mock('node:fs/promises', async (original) => {
  const real = await original<typeof import('node:fs/promises')>();
  const refusal = (code: string | null, path: string) => {
    if (code !== null && path === refused.path) throw Object.assign(new Error(`${code}: no`), { code });
  };
  const access = async (path: string, mode: number) => {
    refusal(refused.access, path);
    return real.access(path, mode);
  };
  const readdir = async (path: string, ...more: never[]) => {
    refusal(refused.list, path);
    return real.readdir(path, ...more);
  };
  return { ...real, access, readdir };
});

let runtimeRoot: string;
beforeEach(async () => {
  runtimeRoot = join(await temporaryFolder(), 'runtime');
  await mkdir(join(runtimeRoot, 'uv', 'store'), { recursive: true, mode: 0o755 });
  Object.assign(refused, { access: null, list: null, path: join(runtimeRoot, 'uv', 'store') });
});

function run() {
  const target = { cliVersion: '0.3.0', runtimeRoot, env: {} };
  const { signal } = new AbortController();
  const context = { signal, waitFor: () => {}, ...checkSurroundings(target, { isDeep: false, signal }) };
  return FOLDER_CHECKS[0]!.run(context);
}

it.skipIf(process.platform === 'win32')('what may be written to passes', async () => {
  expect(await run()).toMatchObject({ status: 'pass', detail: runtimeRoot });
});

it.skipIf(process.platform === 'win32').each([
  ['EROFS', 'read-only', /^The file system of .*store is read-only: /, undefined, 'Mount it writable'],
  ['EACCES', 'no-permission', /^This user cannot write to .*store$/, ['mend-permissions'], undefined],
])('a folder that cannot be written to (%s) is a warning', async (access, cause, detail, repairs, fix) => {
  refused.access = access;
  const outcome = await run();
  expect(outcome).toMatchObject({ status: 'warn', cause, detail: expect.stringMatching(detail) });
  expect([outcome.repairs, outcome.fix]).toEqual([repairs, fix]);
});

it.runIf(process.geteuid?.() === 0)('nobody but root mends what belongs to root', async () => {
  const own = vi.spyOn(process, 'geteuid').mockReturnValue(1234);
  onTestFinished(() => own.mockRestore());
  refused.access = 'EACCES';
  expect(await run()).toMatchObject({ status: 'warn', cause: 'no-permission' });
  expect((await run()).repairs).toBeUndefined();
});

it.skipIf(process.platform === 'win32').each(['ENOENT', 'ENOTDIR'])(
  'what is not there (%s) is no problem',
  async (code) => {
    Object.assign(refused, { access: code, list: code });
    expect(await run()).toMatchObject({ status: 'pass' });
  },
);

it.skipIf(process.platform === 'win32')(
  'a folder that cannot be listed is a failure with its cause',
  async () => {
    refused.list = 'EACCES';
    expect(await run()).toMatchObject({
      status: 'fail',
      cause: 'no-permission',
      detail: `${refused.path} cannot be read: EACCES: no`,
      repairs: ['mend-permissions'],
    });
  },
);
