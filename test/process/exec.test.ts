import { describe, expect, it } from 'vitest';
import { defaultExec, type ManagedPythonRuntimeExec } from '../../src/process/exec.ts';

const exec: ManagedPythonRuntimeExec = defaultExec;
const node = (script: string, options?: Parameters<ManagedPythonRuntimeExec>[2]) =>
  exec(process.execPath, ['-e', script], options);

describe('default exec', () => {
  it('gives the whole output, as it was printed', async () => {
    expect(await node("process.stdout.write('é\\r\\n漢'); process.stderr.write('warning: x\\n')")).toEqual({
      stdout: 'é\r\n漢',
      stderr: 'warning: x\n',
    });
  });

  it('uses the folder and the environment it is given', async () => {
    const { stdout } = await node('console.log(process.cwd(), process.env.A, process.env.HOME)', {
      cwd: '/',
      env: { A: 'b' },
    });
    expect(stdout).toBe('/ b undefined\n');
  });

  it('rejects a non-zero exit, with the output on the error', async () => {
    await expect(
      node("console.log('said'); console.error('error: no'); process.exitCode = 2"),
    ).rejects.toMatchObject({
      message: expect.stringContaining('exit code 2'),
      stdout: 'said\n',
      stderr: 'error: no\n',
      exitCode: 2,
    });
  });

  it('rejects when a signal ended the command', async () => {
    await expect(node("process.kill(process.pid, 'SIGKILL')")).rejects.toMatchObject({ signal: 'SIGKILL' });
  });

  it('rejects with the errno when the command cannot be started', async () => {
    await expect(exec('/no/such/program', [])).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('takes 20 MiB and not more', async () => {
    const { stdout } = await node('process.stdout.write(Buffer.alloc(20 * 1024 * 1024, 97))');
    expect(stdout.length).toBe(20 * 1024 * 1024);
    await expect(node('process.stdout.write(Buffer.alloc(20 * 1024 * 1024 + 1, 97))')).rejects.toThrow(
      'more than 20 MiB',
    );
  });
});
