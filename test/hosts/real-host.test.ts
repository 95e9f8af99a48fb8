import { execFileSync } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, it, onTestFinished } from 'vitest';
import { applyRemoteConfig } from '../../src/hosts/apply.ts';
import { LLAMA_SWAP_SCHEMA } from '../../src/hosts/config/llama-swap-schema.ts';
import { changeModelHost, type ModelHostContext, reviewModelHost } from '../../src/hosts/model-host.ts';
import { saveModelHostSettings, unfinishedChange } from '../../src/hosts/project-files.ts';
import { readRemoteConfig, shellQuoted } from '../../src/hosts/ssh/remote-ops.ts';
import { createSshExec, sshExec } from '../../src/hosts/ssh/ssh-exec.ts';
import { restoreByHand, sshHints } from '../../src/hosts/ssh/ssh-hints.ts';
import { type ModelHost, OLD_CONFIG, startModelHost } from '../fixtures/model-host.ts';
import { expectOutput } from '../fixtures/output-schema.ts';
import { plainEnvironment, runProgram } from '../fixtures/program.ts';
import { missingForSsh } from '../fixtures/ssh-server.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';

const NEW_CONFIG = `${OLD_CONFIG}  b:\n    cmd: serve b # ä€😀`;
const quick = { healthAttempts: 50, healthDelayMs: 100 };
const canMount = process.platform === 'linux' && process.getuid?.() === 0;
const missing = missingForSsh();
const title = missing === null ? 'with a real SSH server' : `with a real SSH server (left out: ${missing})`;

const hosts: ModelHost[] = [];
const { PATH } = process.env;
afterEach(async () => {
  process.env['PATH'] = PATH;
  for (const host of hosts.splice(0)) await host.close();
});

async function modelHost(options: { isWrapper?: boolean; configPath?: string } = {}) {
  const host = await startModelHost({ folder: await temporaryFolder(), ...options });
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
  return { host, context };
}

/** Puts the file and its folder on a file system of this many KiB. */
async function onSmallDisk(host: ModelHost, sizeKib: number, text: string): Promise<void> {
  const folder = dirname(host.connection.configPath);
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${sizeKib}k`, 'tmpfs', folder]);
  onTestFinished(() => void execFileSync('umount', ['-l', folder]));
  await writeFile(host.connection.configPath, text);
}

describe.skipIf(missing !== null)(title, () => {
  it('a change is written, the service restarted, the old text kept', async () => {
    const { host, context } = await modelHost();
    const steps: string[] = [];
    const { result, warnings } = await changeModelHost(context, {
      ...quick,
      newConfig: NEW_CONFIG,
      onStep: (step) => steps.push(step),
    });
    expect([result, warnings]).toMatchObject([{ ok: true, step: 'done' }, []]);
    expect(steps.join(' ')).toBe('validate backup write restart health done');
    expect(await host.read()).toBe(NEW_CONFIG);
    expect(await host.backups()).toEqual([result.backupPath]);
    expect(await readFile(result.backupPath!, 'utf8')).toBe(OLD_CONFIG);
  });

  it('11. a path with quotes and substitutions is one literal word on the host', async () => {
    const { host, context } = await modelHost({ configPath: "etc/it's $(touch pwned) `id` & co/a b.yaml" });
    const { result } = await changeModelHost(context, { ...quick, newConfig: NEW_CONFIG });
    expect(result).toMatchObject({ ok: true });
    expect(await host.read()).toBe(NEW_CONFIG);
    expect(await host.backups()).toEqual([result.backupPath]);
  });

  it('12. wrapper mode: the forced command sees the four verbs and nothing else', async () => {
    const { host, context } = await modelHost({ isWrapper: true });
    const { connection, schema } = context;
    const result = await applyRemoteConfig({
      ...connection,
      target: connection,
      schema,
      restartCmd: 'rm -rf /',
      newConfig: NEW_CONFIG,
      exec: sshExec,
      ...quick,
    });
    expect(result).toMatchObject({ ok: true, backupPath: (await host.backups())[0] });
    expect(await host.ssh.wrapperLog()).toEqual(['read', 'backup', 'write', 'restart']);
    expect(await host.read()).toBe(NEW_CONFIG);
    expect(await sshExec(connection, 'cat /etc/passwd')).toMatchObject({ code: 126, stdout: '' });
  });

  it('a connection lost in the middle of the write: the backup is named, and restores the file', async () => {
    const { host, context } = await modelHost();
    const newConfig = `${NEW_CONFIG}\n# ${'x'.repeat(4_000_000)}\n`;
    const lost = await changeModelHost(context, {
      ...quick,
      newConfig,
      onStep: (step) => step === 'write' && host.ssh.cutAfter(1_000_000),
    });
    expect(lost.result).toMatchObject({ ok: false, step: 'write', backupPath: (await host.backups())[0] });
    expect(lost.result.error).toMatch(/^write failed \(exit 255\): /);
    const partial = await host.read();
    expect([newConfig.startsWith(partial), partial === newConfig]).toEqual([true, false]);
    expect(await unfinishedChange.read(context.projectDir, host.connection)).toMatchObject({
      backupPath: lost.result.backupPath,
    });

    const backup = await readRemoteConfig(host.connection, lost.result.backupPath!, sshExec);
    const restored = await changeModelHost(context, { ...quick, newConfig: backup, isRestore: true });
    expect(restored.result).toMatchObject({ ok: true });
    expect(await host.read()).toBe(OLD_CONFIG);
    expect(await host.backups()).toHaveLength(2);
    expect(await unfinishedChange.read(context.projectDir, host.connection)).toBeNull();
  });

  it.skipIf(process.platform !== 'linux')(
    'a write that outlived its connection, and goes on during the next change, is noticed',
    async () => {
      const { host, context } = await modelHost();
      let late: number[] = [];
      const holdWriter = async () => {
        host.ssh.slowDown(5);
        while (late.length === 0) late = await host.users();
        for (const pid of late) process.kill(pid, 'SIGSTOP');
        // Fills its pipe before the connection ends, so that it has something left to write.
        host.ssh.cutAfter(256 * 1024);
      };
      const write = `cat > ${shellQuoted(host.connection.configPath)}`;
      let held: Promise<void> | null = null;
      const lost = await changeModelHost(
        {
          ...context,
          exec: (target, command, stdin) => {
            if (command === write) held = holdWriter();
            return sshExec(target, command, stdin);
          },
        },
        { ...quick, newConfig: `${NEW_CONFIG}\n# ${'x'.repeat(4_000_000)}\n` },
      );
      await held;
      host.ssh.slowDown(0);
      expect(lost.result).toMatchObject({ ok: false, step: 'write' });
      expect(await host.users()).toEqual(late);
      let isSettled = false;
      const settled = host.isSettled().then(() => {
        isSettled = true;
      });

      const log = await host.log();
      const change = await changeModelHost(
        {
          ...context,
          exec: async (target, command, stdin) => {
            const result = await sshExec(target, command, stdin);
            if (command === write) {
              expect(isSettled).toBe(false);
              for (const pid of late) process.kill(pid, 'SIGCONT');
              await settled;
            }
            return result;
          },
        },
        { ...quick, newConfig: NEW_CONFIG },
      );
      expect(await host.read()).not.toBe(NEW_CONFIG);
      expect(change.result).toMatchObject({ ok: false, step: 'write', backupPath: expect.any(String) });
      expect(change.result.error).toMatch(/^the file on the host is not what was written/);
      // The service was not restarted to load it.
      expect(await host.log()).toBe(log);
      const backup = await readFile(lost.result.backupPath!, 'utf8');
      expect(backup).toBe(OLD_CONFIG);
      const restored = await changeModelHost(context, { ...quick, newConfig: backup, isRestore: true });
      expect(restored.result).toMatchObject({ ok: true });
      expect(await host.read()).toBe(OLD_CONFIG);
    },
  );

  it('a changed host key is refused, and the reason is named', async () => {
    const { host, context } = await modelHost();
    expect((await reviewModelHost(context, NEW_CONFIG)).result.ok).toBe(true);
    await host.ssh.changeHostKey();
    const { result, failure } = await changeModelHost(context, { ...quick, newConfig: NEW_CONFIG });
    expect(result).toMatchObject({ ok: false, step: 'validate' });
    expect(result.error).toMatch(/^read current failed: read failed \(exit 255\): /);
    expect(sshHints(host.connection, failure!).join()).toContain('ssh-keygen -R models.internal');
    expect(await host.read()).toBe(OLD_CONFIG);
  });

  it('a key that the host does not know, and one that is not there', async () => {
    const { host, context } = await modelHost();
    const stranger = join(context.homeDir, 'stranger');
    await writeFile(stranger, 'no key\n', { mode: 0o600 });
    for (const keyPath of [stranger, join(context.homeDir, 'nowhere')]) {
      const connection = { ...host.connection, keyPath };
      const { result, failure } = await reviewModelHost({ ...context, connection }, NEW_CONFIG);
      expect(result.error).toMatch(/read failed \(exit 255\)/);
      expect(sshHints(connection, failure!)[0]).toContain(keyPath);
    }
  });

  it.skipIf(!canMount)('a disk that is full for the backup: nothing is written', async () => {
    const { host, context } = await modelHost();
    await onSmallDisk(host, 8, OLD_CONFIG.padEnd(6000, '#'));
    const before = await host.read();
    const { result, failure } = await changeModelHost(context, { ...quick, newConfig: NEW_CONFIG });
    expect(result).toMatchObject({ ok: false, step: 'backup' });
    expect(sshHints(host.connection, failure!).join()).toContain('Free space on models.internal');
    expect(await host.read()).toBe(before);
  });

  it.skipIf(!canMount)(
    'a disk that is full for the write: what the failure says to type restores the file',
    async () => {
      const { host, context } = await modelHost();
      await onSmallDisk(host, 16, OLD_CONFIG);
      const newConfig = `${NEW_CONFIG}\n# ${'x'.repeat(100_000)}\n`;
      const { result } = await changeModelHost(context, { ...quick, newConfig });
      expect(result).toMatchObject({ ok: false, step: 'write', backupPath: (await host.backups())[0] });
      expect(await host.read()).not.toBe(OLD_CONFIG);
      const [command] = restoreByHand(result.backupPath!, host.connection.configPath).split(', then ');
      expect(await sshExec(host.connection, command!)).toMatchObject({ code: 0 });
      expect(await host.read()).toBe(OLD_CONFIG);
    },
  );

  it('a service that rejects the file and goes on with the old one is noticed by its models', async () => {
    const { host, context } = await modelHost();
    const newConfig = `${NEW_CONFIG}\ngroups:\n  g:\n    members: [nowhere]\n`;
    const connection = { ...host.connection, restartCmd: host.reloadCmd };
    const { result, warnings } = await changeModelHost({ ...context, connection }, { ...quick, newConfig });
    expect(result).toMatchObject({ ok: true, step: 'done' });
    expect(warnings).toEqual(['Model b is not served yet; check the llama-swap log on models.internal']);
    expect(await host.log()).toContain('nowhere');
  });

  it('a service that does not start with the file: no health, and restore brings it back', async () => {
    const { host, context } = await modelHost();
    const newConfig = `${NEW_CONFIG}\ngroups:\n  g:\n    members: [nowhere]\n`;
    const failed = await changeModelHost(context, { ...quick, newConfig, healthAttempts: 2 });
    expect(failed.result).toMatchObject({
      step: 'health',
      error: 'health check did not pass after restart; backup retained',
    });
    const backup = await readRemoteConfig(host.connection, failed.result.backupPath!, sshExec);
    const restored = await changeModelHost(context, { ...quick, newConfig: backup, isRestore: true });
    expect([restored.result.ok, restored.warnings]).toEqual([true, []]);
  });

  it('a server that wants a key from now on gets it', async () => {
    const { context } = await modelHost();
    const newConfig = `${NEW_CONFIG}\napiKeys: [sk-first, sk-second]\n`;
    const { result, warnings } = await changeModelHost(context, { ...quick, newConfig });
    expect([result.ok, warnings]).toEqual([true, []]);
    expect(result.diff).not.toContain('sk-first');
  });

  it('two changes at once: one after the other, each with a backup of its own', async () => {
    const { host, context } = await modelHost();
    const texts = ['x', 'y'].map((id) => `${OLD_CONFIG}  ${id}:\n    cmd: serve\n`);
    const waited: string[] = [];
    const outcomes = await Promise.all(
      texts.map((newConfig) =>
        changeModelHost(context, { ...quick, newConfig, onWait: () => waited.push(newConfig) }),
      ),
    );
    expect(outcomes.map(({ result }) => result.step)).toEqual(['done', 'done']);
    expect(waited).toHaveLength(1);
    const last = waited[0]!;
    const [older, newer] = await host.backups();
    expect(await readFile(older!, 'utf8')).toBe(OLD_CONFIG);
    expect(await readFile(newer!, 'utf8')).toBe(texts.find((text) => text !== last));
    expect(await host.read()).toBe(last);
  });

  it('a change since the review is not overwritten, and must be reviewed first', async () => {
    const { host, context } = await modelHost();
    await reviewModelHost(context, NEW_CONFIG);
    const theirs = OLD_CONFIG.replace('serve a', 'serve a --by-somebody-else');
    await writeFile(host.connection.configPath, theirs);
    const stopped = await changeModelHost(context, { ...quick, newConfig: NEW_CONFIG });
    expect(stopped.result).toMatchObject({
      ok: false,
      step: 'validate',
      error: 'The remote file changed while you were editing. Review the new diff.',
      diff: expect.stringContaining('--by-somebody-else'),
    });
    expect([await host.read(), await host.backups()]).toEqual([theirs, []]);
    // The new diff has now been shown.
    expect((await changeModelHost(context, { ...quick, newConfig: NEW_CONFIG })).result.ok).toBe(true);
  });

  it('a change during the run is not overwritten', async () => {
    const { host, context } = await modelHost();
    const theirs = OLD_CONFIG.replace('serve a', 'serve a --by-somebody-else');
    const { result } = await changeModelHost(context, {
      ...quick,
      newConfig: NEW_CONFIG,
      onBackup: () => writeFile(host.connection.configPath, theirs),
    });
    expect(result).toMatchObject({
      ok: false,
      step: 'write',
      diff: expect.stringContaining('somebody-else'),
    });
    expect(await host.read()).toBe(theirs);
  });

  it('a cancelled run ends its ssh, and says what it left', async () => {
    const { host, context } = await modelHost();
    const controller = new AbortController();
    const { signal } = controller;
    const cancellable = { ...context, signal, exec: createSshExec(signal) };
    const connection = { ...host.connection, restartCmd: 'sleep 3600' };
    const { result } = await changeModelHost(
      { ...cancellable, connection },
      {
        ...quick,
        newConfig: NEW_CONFIG,
        onStep: (step) => step === 'restart' && setTimeout(() => controller.abort(), 300),
      },
    );
    const [backupPath] = await host.backups();
    expect(result).toMatchObject({ ok: false, step: 'restart', backupPath });
    expect(result.error).toContain('Operation cancelled.');
  });

  it('the program: diff, apply, a connection lost, restore', async () => {
    const { host, context } = await modelHost();
    const cwd = context.homeDir;
    const env = plainEnvironment(cwd, { PATH: `${host.ssh.binDir}:${PATH}` });
    const ktx = (...args: string[]) => runProgram(['admin', 'model-host', ...args], { env, cwd });
    const { connection } = host;
    const options = [
      ['--host', connection.host],
      ['--user', connection.user],
      ['--key', connection.keyPath],
      ['--config-path', connection.configPath],
      ['--restart-cmd', connection.restartCmd!],
      ['--base-url', connection.baseUrl],
    ].flat();
    await writeFile(join(cwd, 'new.yaml'), `${NEW_CONFIG}\napiKeys: [sk-1234]\n`);
    const shown = await ktx('diff', '--config', 'new.yaml', ...options, '--save');
    expect(shown).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('+   b:') });
    const applied = await ktx('apply', '--config', 'new.yaml', '--yes');
    expect(applied).toMatchObject({ exitCode: 0, stderr: '' });
    const [backup] = await host.backups();
    expect(applied.stdout).toContain(`Backup on host: ${backup}\n`);
    expect((await ktx('apply', '--config', 'new.yaml', '--yes')).stdout).toBe('No changes\n');

    await writeFile(join(cwd, 'large.yaml'), `${NEW_CONFIG}\n# ${'x'.repeat(4_000_000)}\n`);
    host.ssh.cutAfter(1_000_000);
    const lost = await ktx('apply', '--config', 'large.yaml', '--yes', '--json');
    expectOutput('model-host', lost.stdout);
    const result = JSON.parse(lost.stdout);
    expect([lost.exitCode, result.step]).toEqual([1, 'write']);
    expect(lost.stderr).toContain(`Restore with: cp '${result.backupPath}' '${connection.configPath}'`);

    const restored = await ktx('restore', '--backup', result.backupPath, '--yes');
    expect(restored).toMatchObject({ exitCode: 0, stderr: expect.stringContaining('did not finish') });
    expect(await host.read()).toBe(`${NEW_CONFIG}\napiKeys: [sk-1234]\n`);
    const printed = [shown, applied, lost, restored].map(({ stdout, stderr }) => stdout + stderr).join();
    expect(printed).not.toMatch(/sk-1234|PRIVATE KEY/);
  });

  it('the program, stopped by a signal while the service restarts: 130, and the backup is named', async () => {
    const { host, context } = await modelHost();
    const { connection } = host;
    const cwd = context.homeDir;
    const env = plainEnvironment(cwd, { PATH: `${host.ssh.binDir}:${PATH}` });
    await writeFile(join(cwd, 'new.yaml'), NEW_CONFIG);
    await saveModelHostSettings(cwd, { ...connection, restartCmd: 'sleep 3600' });
    let kill: (signal: NodeJS.Signals) => void = () => {};
    const done = runProgram(['admin', 'model-host', 'apply', '--config', 'new.yaml', '--yes'], {
      env,
      cwd,
      onStart: (send) => {
        kill = send;
      },
    });
    while ((await host.backups()).length === 0 || (await host.read()) !== NEW_CONFIG) await delay(50);
    kill('SIGTERM');
    const { exitCode, stderr } = await done;
    expect([exitCode, stderr]).toEqual([130, expect.stringContaining((await host.backups())[0]!)]);
    expect(stderr).toContain('Operation cancelled.');
    await host.ssh.areSessionsGone();
  });
});
