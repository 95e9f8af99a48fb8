import { chmod, mkdir, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { accessToken } from '../../src/daemon/http/proof.ts';
import {
  daemonSecretPath,
  provideDaemonSecret,
  readDaemonSecret,
  readManagedPythonDaemonToken,
} from '../../src/daemon/secret.ts';
import { daemonProject } from '../fixtures/daemon.ts';

describe('the secret of the daemons of a project', () => {
  it('is made once, for this user alone, in the runtime root', async () => {
    const { options, layout } = await daemonProject();
    expect(await readDaemonSecret(options)).toEqual({ kind: 'none' });
    expect(await readManagedPythonDaemonToken(options)).toBeNull();
    const made = await Promise.all([1, 2, 3, 4, 5].map(() => provideDaemonSecret(options)));
    const [secret] = made;
    expect(secret).toMatch(/^[0-9a-f]{64}$/);
    expect(new Set(made).size).toBe(1);
    expect(await readDaemonSecret(options)).toEqual({ kind: 'kept', secret });
    expect(await readManagedPythonDaemonToken(options)).toBe(accessToken(secret!));
    const path = await daemonSecretPath(options);
    expect(dirname(path)).toBe(join(layout.runtimeRoot, 'uv', 'daemons'));
    expect(await readdir(dirname(path))).toHaveLength(1);
    if (process.platform !== 'win32') {
      expect((await stat(path)).mode & 0o777).toBe(0o600);
      expect((await stat(dirname(path))).mode & 0o777).toBe(0o700);
    }
  });

  it.skipIf(process.platform === 'win32')('is not put where a link in the root leads', async () => {
    const { options } = await daemonProject();
    const folder = dirname(await daemonSecretPath(options));
    const elsewhere = join(dirname(dirname(folder)), 'elsewhere');
    await mkdir(dirname(folder), { recursive: true });
    await mkdir(elsewhere);
    await symlink(elsewhere, folder);
    await expect(provideDaemonSecret(options)).rejects.toThrow('is a symbolic link');
    expect(await readdir(elsewhere)).toEqual([]);
  });

  it('another project has another one', async () => {
    const { options } = await daemonProject();
    const other = { ...options, projectDir: `${options.projectDir}-2` };
    expect(await provideDaemonSecret(options)).not.toBe(await provideDaemonSecret(other));
  });

  it.skipIf(process.platform === 'win32').each([
    ['that others can read', (path: string) => chmod(path, 0o644)],
    ['that others can write', (path: string) => chmod(path, 0o620)],
    ['with another content', (path: string) => writeFile(path, '{}')],
    [
      'that is a link',
      async (path: string) => {
        const target = `${dirname(path)}-elsewhere`;
        await writeFile(target, await readFile(path), { mode: 0o600 });
        await rm(path);
        await symlink(target, path);
      },
    ],
  ])('one %s is none, and the next start makes another', async (_name, spoil) => {
    const { options } = await daemonProject();
    const first = await provideDaemonSecret(options);
    await spoil(await daemonSecretPath(options));
    expect(await readDaemonSecret(options)).toEqual({ kind: 'none' });
    const second = await provideDaemonSecret(options);
    expect(second).not.toBe(first);
    expect(await readDaemonSecret(options)).toEqual({ kind: 'kept', secret: second });
  });
});
