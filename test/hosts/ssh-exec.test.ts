import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createSshExec, sshExec } from '../../src/hosts/ssh/ssh-exec.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';
import { TARGET } from './memory-host.ts';

/**
 * A program named `ssh` before the real one on PATH, to see how it is called. The tests with a real server
 * show what the real one does.
 */
let folder: string;
const { PATH } = process.env;
beforeEach(async () => {
  folder = await temporaryFolder();
});
afterEach(() => {
  process.env['PATH'] = PATH;
});

async function placeSsh(body: string): Promise<void> {
  await writeFile(join(folder, 'ssh'), `#!${process.execPath}\n${body}`);
  await chmod(join(folder, 'ssh'), 0o755);
  process.env['PATH'] = `${folder}:${PATH}`;
}

describe('ssh is run', () => {
  it('23. with exactly these arguments, and without a shell', async () => {
    await placeSsh('process.stdout.write(JSON.stringify(process.argv.slice(2)))');
    const command = 'cat \'x\'; echo $HOME && `id` "quoted"';
    const { code, stdout } = await sshExec({ ...TARGET, keyPath: '/my keys/$k' }, command);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toEqual([
      '-i',
      '/my keys/$k',
      '-o',
      'IdentitiesOnly=yes',
      '-o',
      'BatchMode=yes',
      '-o',
      'StrictHostKeyChecking=accept-new',
      '-o',
      'ConnectTimeout=10',
      'llama@models.internal',
      command,
    ]);
  });

  it('23. a missing ssh gives 127 with the reason of the system', async () => {
    process.env['PATH'] = folder;
    expect(await sshExec(TARGET, 'true')).toEqual({ code: 127, stdout: '', stderr: 'spawn ssh ENOENT' });
  });

  it('a command that cannot be passed on gives 127 too', async () => {
    await placeSsh('');
    expect(await sshExec(TARGET, 'a\0b')).toMatchObject({ code: 127, stderr: expect.stringMatching(/./) });
  });

  it('23. a child that a signal ended gives 1, with what it printed', async () => {
    await placeSsh("process.stdout.write('some', () => process.kill(process.pid, 'SIGKILL'))");
    expect(await sshExec(TARGET, 'true')).toEqual({ code: 1, stdout: 'some', stderr: '' });
  });

  it('the exit code and both streams are those of the program', async () => {
    await placeSsh("process.stdout.write('out\\n'); process.stderr.write('err\\n'); process.exitCode = 255");
    expect(await sshExec(TARGET, 'true')).toEqual({ code: 255, stdout: 'out\n', stderr: 'err\n' });
  });

  it.each([
    ['with content', 'ä€😀\r\nno final line end'],
    ['with a lot of it', 'ä'.repeat(3_000_000)],
    ['with nothing', ''],
    ['without', undefined],
  ])('23. stdin is closed %s, and arrives byte for byte', async (_name, stdin) => {
    const received = join(folder, 'received');
    await placeSsh(
      `const all = []; process.stdin.on('data', (c) => all.push(c)).on('end', () => require('fs').writeFileSync(${JSON.stringify(received)}, Buffer.concat(all)))`,
    );
    expect((await sshExec(TARGET, 'true', stdin)).code).toBe(0);
    expect(await readFile(received, 'utf8')).toBe(stdin ?? '');
  });

  it('23. characters that two chunks share are whole', async () => {
    await placeSsh(`const bytes = Buffer.from('ä€😀'); (async () => {
      for (const byte of bytes) await new Promise((done) => process.stdout.write(Buffer.of(byte), () => setTimeout(done, 5)));
    })()`);
    expect((await sshExec(TARGET, 'true')).stdout).toBe('ä€😀');
  });

  it('output is complete, however long', async () => {
    await placeSsh("process.stdout.write('line\\n'.repeat(1_000_000))");
    const { stdout } = await sshExec(TARGET, 'true');
    expect([stdout.length, stdout.startsWith('line\nline\n')]).toEqual([5_000_000, true]);
  });

  it.each([
    ['-oProxyCommand=x', 'host'],
    ['user', '-oProxyCommand=x'],
    ['', 'host'],
    ['user', ''],
    ['us er', 'host'],
    ['user', 'ho\tst'],
    ['user\n', 'host'],
    ['user', 'host\0'],
    ['user', 'ho\u0085st'],
    ['user', 'ho\u00a0st'],
  ])('24. user %j on host %j is refused, and nothing is started', async (user, host) => {
    const started = join(folder, 'started');
    await placeSsh(`require('fs').writeFileSync(${JSON.stringify(started)}, '')`);
    const result = await sshExec({ ...TARGET, user, host }, 'true');
    expect(result).toEqual({ code: 127, stdout: '', stderr: 'invalid ssh target' });
    await expect(readFile(started)).rejects.toThrow(/ENOENT/);
  });

  it('25. a remote that ends before it reads a large stdin: its exit code decides', async () => {
    await placeSsh("process.stderr.write('no space'); process.exit(3)");
    const stdin = 'x'.repeat(20_000_000);
    expect(await sshExec(TARGET, 'true', stdin)).toEqual({ code: 3, stdout: '', stderr: 'no space' });
  });

  it('a signal ends ssh, and the result says so', async () => {
    await placeSsh("setInterval(() => {}, 1000); process.stdout.write('up')");
    const controller = new AbortController();
    const done = createSshExec(controller.signal)(TARGET, 'true');
    controller.abort();
    expect(await done).toEqual({ code: 1, stdout: '', stderr: 'Operation cancelled.' });
  });
});
