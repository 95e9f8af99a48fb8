import { chmod, chown, mkdir, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { readManagedPythonRuntimeStatus } from '../../src/runtime/status.ts';
import { assertTrustedFolders, inspectFolders } from '../../src/runtime/trusted-folders.ts';
import { assertLockablePath, isLockablePath, withWriteAccess } from '../../src/runtime/write-access.ts';
import { planSetup } from '../../src/setup/setup.ts';
import { writeRuntime } from '../fixtures/asset.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';

const isRoot = process.getuid?.() === 0;
const OTHER_UID = 65534;

async function runtime() {
  const runtimeRoot = join(await temporaryFolder(), 'root');
  await writeRuntime(runtimeRoot, '0.3.0');
  const versionDir = join(runtimeRoot, '0.3.0');
  for (const folder of ['uv/locks', 'uv/0.11.21', '0.3.0/envs/1/bin'])
    await mkdir(join(runtimeRoot, folder), { recursive: true });
  const problem = async () => (await inspectFolders(runtimeRoot, [versionDir])).distrust?.message ?? null;
  return { runtimeRoot, versionDir, problem };
}

describe.runIf(process.platform !== 'win32')('a runtime root', () => {
  it('of our own is trusted, one that is not there yet too', async () => {
    const { problem } = await runtime();
    expect(await problem()).toBeNull();
    expect(await inspectFolders('/nowhere', [])).toEqual({
      distrust: null,
      groupShared: null,
      openAbove: null,
    });
  });

  it.each(['', 'uv', 'uv/locks', 'uv/0.11.21', '0.3.0', '0.3.0/envs', '0.3.0/envs/1', '0.3.0/envs/1/bin'])(
    'that everybody can write to is refused: "%s"',
    async (folder) => {
      const { runtimeRoot, versionDir, problem } = await runtime();
      await chmod(join(runtimeRoot, folder), 0o777);
      expect(await problem()).toContain(`can write to ${join(runtimeRoot, folder)}`);
      const status = await readManagedPythonRuntimeStatus({ cliVersion: '0.3.0', runtimeRoot });
      expect(status).toMatchObject({ kind: 'broken', detail: expect.stringContaining('can write to') });
      await expect(planSetup({ cliVersion: '0.3.0', features: ['core'], runtimeRoot })).rejects.toMatchObject(
        {
          failureClass: 'permission',
        },
      );
      const access = { runtimeRoot, versions: ['0.3.0'], step: 'test', note() {} };
      await expect(withWriteAccess(access, async () => 'ran')).rejects.toThrow('can write to');
      await chmod(join(runtimeRoot, folder), 0o1777);
      expect(await problem(), versionDir).toBeNull();
    },
  );

  it.runIf(isRoot).each(['', 'uv', '0.3.0/envs'])('of another user is refused: "%s"', async (folder) => {
    const { runtimeRoot, problem } = await runtime();
    await chown(join(runtimeRoot, folder), OTHER_UID, OTHER_UID);
    expect(await problem()).toContain('belongs to another user (uid 65534)');
  });

  it.runIf(isRoot)('that a group shares is used, and said', async () => {
    const { runtimeRoot } = await runtime();
    await chown(runtimeRoot, 0, 12345);
    await chmod(runtimeRoot, 0o775);
    const notes: string[] = [];
    const note = (_: string, text: string) => void notes.push(text);
    await withWriteAccess({ runtimeRoot, versions: ['0.3.0'], step: 'test', note }, async () => {});
    expect(notes).toEqual([`Members of a group can write to ${runtimeRoot} and change what the others run.`]);
  });

  it('in a folder where everybody can replace it is used, and said', async () => {
    const { runtimeRoot } = await runtime();
    const above = join(runtimeRoot, '..');
    const said = async () => {
      const notes: string[] = [];
      const note = (_: string, text: string) => void notes.push(text);
      await withWriteAccess({ runtimeRoot, versions: ['0.3.0'], step: 'test', note }, async () => {});
      return notes;
    };
    await chmod(above, 0o1777);
    expect(await said()).toEqual([]);
    await chmod(above, 0o777);
    expect(await said()).toEqual([
      expect.stringContaining(
        `Every user of this machine can write to ${await realpath(above)} and could replace`,
      ),
    ]);
  });
});

describe.runIf(process.platform !== 'win32')('what is said of a folder that is not trusted', () => {
  const distrustOf = async (runtimeRoot: string) => (await inspectFolders(runtimeRoot, [])).distrust;

  it('that everybody can write to', async () => {
    const { runtimeRoot } = await runtime();
    await chmod(join(runtimeRoot, 'uv'), 0o757);
    expect(await distrustOf(runtimeRoot)).toMatchObject({
      message: `Every user of this machine can write to ${join(runtimeRoot, 'uv')} and could put programs there.`,
      failureClass: 'permission',
      evidence: ['its mode is 757', 'nothing in it was read or run'],
      remedies: [
        { argv: ['chmod', '-R', 'o-w', runtimeRoot], afterwards: ['ktx', 'setup'] },
        { id: 'other-root' },
      ],
    });
    await expect(assertTrustedFolders(runtimeRoot, [])).rejects.toThrow('can write to');
  });

  it.runIf(isRoot)('of another user', async () => {
    const { runtimeRoot } = await runtime();
    await chown(join(runtimeRoot, 'uv'), OTHER_UID, OTHER_UID);
    const uid = String(process.geteuid?.());
    expect(await distrustOf(runtimeRoot)).toMatchObject({
      message: `${join(runtimeRoot, 'uv')} belongs to another user (uid 65534), who could put programs there.`,
      failureClass: 'permission',
      evidence: [`this user has uid ${uid}`, 'nothing in it was read or run'],
      remedies: [
        { id: 'other-root' },
        { argv: ['chown', '-R', uid, join(runtimeRoot, 'uv')], afterwards: ['ktx', 'setup'] },
      ],
    });
  });

  it.runIf(isRoot).each([
    ['the one who called sudo', String(OTHER_UID), true],
    ['another than called sudo', '1000', false],
    ['nobody known', 'x', false],
  ])('of %s', async (_who, sudoUid, isTrusted) => {
    const { runtimeRoot } = await runtime();
    await chown(join(runtimeRoot, 'uv'), OTHER_UID, OTHER_UID);
    vi.stubEnv('SUDO_UID', sudoUid);
    onTestFinished(() => void vi.unstubAllEnvs());
    expect((await distrustOf(runtimeRoot)) === null).toBe(isTrusted);
  });

  it('whose path is too long to lock', () => {
    let length = 1;
    while (isLockablePath(`/${'x'.repeat(length + 1)}`, '0.3.0')) length++;
    expect(() => assertLockablePath(`/${'x'.repeat(length)}`, '0.3.0')).not.toThrow();
    const root = `/${'x'.repeat(length + 1)}`;
    const error = (() => {
      try {
        assertLockablePath(root, '0.3.0');
      } catch (thrown) {
        return thrown;
      }
      return null;
    })();
    const sizeBytes = Buffer.byteLength(`${root}/uv/locks/0.3.0.lock`);
    expect(error).toMatchObject({
      message: `The path of the runtime folder is 1 byte too long: ${root}`,
      failureClass: 'conflict',
      evidence: [
        `${root}/uv/locks/0.3.0.lock has ${sizeBytes} bytes; a lock file's path has at most ${sizeBytes - 1}`,
      ],
      remedies: [{ id: 'other-root', label: 'Choose a shorter one' }],
    });
  });
});
