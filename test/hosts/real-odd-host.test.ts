import { execFileSync, spawnSync } from 'node:child_process';
import { chmod, readFile, rename, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { LLAMA_SWAP_SCHEMA } from '../../src/hosts/config/llama-swap-schema.ts';
import { changeModelHost, type ModelHostContext, reviewModelHost } from '../../src/hosts/model-host.ts';
import { shellQuoted } from '../../src/hosts/ssh/remote-ops.ts';
import { sshExec } from '../../src/hosts/ssh/ssh-exec.ts';
import { type ModelHost, OLD_CONFIG, startModelHost } from '../fixtures/model-host.ts';
import { missingForSsh } from '../fixtures/ssh-server.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';

const NEW_CONFIG = `${OLD_CONFIG}  b:\n    cmd: serve b\n`;
const quick = { healthAttempts: 50, healthDelayMs: 100 };
const missing = missingForSsh();
const title = missing === null ? 'an odd host' : `an odd host (left out: ${missing})`;
const SHELLS = ['dash', 'fish', 'tcsh'];
const has = (program: string) => spawnSync('sh', ['-c', `command -v ${program}`]).status === 0;

const hosts: ModelHost[] = [];
const { PATH } = process.env;
afterEach(async () => {
  process.env['PATH'] = PATH;
  for (const host of hosts.splice(0)) await host.close();
});

async function modelHost(options: Partial<Parameters<typeof startModelHost>[0]> = {}) {
  const folder = await temporaryFolder();
  const host = await startModelHost({ folder, ...options });
  hosts.push(host);
  process.env['PATH'] = `${host.ssh.binDir}:${PATH}`;
  const home = await temporaryFolder();
  const context: ModelHostContext = {
    connection: host.connection,
    schema: LLAMA_SWAP_SCHEMA,
    exec: sshExec,
    projectDir: home,
    homeDir: home,
  };
  return { host, context, folder };
}

describe.skipIf(missing !== null)(title, () => {
  it('a greeting of the login shell is not taken for part of the file, and is named', async () => {
    const { host, context, folder } = await modelHost();
    // The test server's sessions have this folder as their home.
    for (const name of ['.bashrc', '.zshenv'])
      await writeFile(join(folder, name), 'echo "Last login: Monday"\n');
    const isGreeting = (await sshExec(host.connection, 'true')).stdout !== '';
    const review = await reviewModelHost(context, NEW_CONFIG);
    const change = await changeModelHost(context, { ...quick, newConfig: NEW_CONFIG });
    if (!isGreeting) return expect(change.result.ok).toBe(true);
    for (const { result } of [review, change]) {
      expect(result).toMatchObject({ ok: false, step: 'validate' });
      expect(result.error).toContain('cannot be distinguished from the file: Last login: Monday.');
    }
    expect([await host.read(), await host.backups()]).toEqual([OLD_CONFIG, []]);
  });

  it.each(SHELLS.filter(has))('a login shell that is %s', async (shell) => {
    const { host, context } = await modelHost({ configPath: "etc/it's a $HOME (file) & more/a b.yaml" });
    const inShell: ModelHostContext['exec'] = (target, command, stdin) =>
      sshExec(target, `exec ${shell} -c ${shellQuoted(command)}`, stdin);
    const { result, warnings } = await changeModelHost(
      { ...context, exec: inShell },
      { ...quick, newConfig: NEW_CONFIG },
    );
    expect([result, warnings]).toMatchObject([{ ok: true, step: 'done' }, []]);
    expect(await host.read()).toBe(NEW_CONFIG);
    expect(await readFile(result.backupPath!, 'utf8')).toBe(OLD_CONFIG);
  });

  it.skip.each(SHELLS.filter((shell) => !has(shell)))(
    'a login shell that is %s: it is not installed',
    () => {},
  );

  it('a file behind a link keeps its place, mode and attributes', async () => {
    const { host, context, folder } = await modelHost();
    const { configPath } = host.connection;
    const real = join(folder, 'real.yaml');
    await rename(configPath, real);
    await symlink(real, configPath);
    await chmod(real, 0o640);
    const hasAttributes = spawnSync('setfattr', ['-n', 'user.note', '-v', 'kept', real]).status === 0;
    const { result } = await changeModelHost(context, { ...quick, newConfig: NEW_CONFIG });
    expect(result).toMatchObject({ ok: true });
    expect(await readFile(real, 'utf8')).toBe(NEW_CONFIG);
    expect(((await stat(real)).mode & 0o777).toString(8)).toBe('640');
    if (hasAttributes) expect(execFileSync('getfattr', ['-d', real], { encoding: 'utf8' })).toContain('kept');
  });

  it('a change whose restart failed is finished by the same command', async () => {
    const { host, context } = await modelHost();
    const connection = { ...host.connection, restartCmd: 'echo "sudo: a password is required" >&2; exit 1' };
    const failed = await changeModelHost({ ...context, connection }, { ...quick, newConfig: NEW_CONFIG });
    expect(failed.result).toMatchObject({ ok: false, step: 'restart' });
    const again = await changeModelHost(context, { ...quick, newConfig: NEW_CONFIG });
    expect([again.result, again.warnings]).toMatchObject([
      { ok: true, backupPath: failed.result.backupPath },
      [],
    ]);
    expect(await readFile(failed.result.backupPath!, 'utf8')).toBe(OLD_CONFIG);
  });
});
