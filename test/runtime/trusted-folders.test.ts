import { chmod, chown, mkdir, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readManagedPythonRuntimeStatus } from '../../src/runtime/status.ts';
import { inspectFolders } from '../../src/runtime/trusted-folders.ts';
import { withWriteAccess } from '../../src/runtime/write-access.ts';
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
