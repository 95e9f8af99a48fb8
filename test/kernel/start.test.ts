import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { checkPythonKernelAvailability } from '../../src/kernel/availability.ts';
import { PythonKernel } from '../../src/kernel/python-kernel.ts';
import type { KernelStartOptions } from '../../src/kernel/types.ts';
import { findPidsByEnvironment } from '../../src/process/process-table.ts';
import { PATIENT } from '../fixtures/patient.ts';
import { anyInterpreter } from './interpreters.ts';
import { createSessions, run } from './sessions.ts';

const pythonPath = anyInterpreter();
const { start, endAll } = createSessions(pythonPath);
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ktx-kernel-'));
});
afterEach(async () => {
  await endAll();
  vi.unstubAllEnvs();
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** A fake interpreter: what it does for `-c`, and as a session. */
async function writeInterpreter(check: string, session: string): Promise<string> {
  const path = join(folder, `python-${randomUUID()}`);
  await writeFile(path, `#!/bin/sh\nif [ "$1" = -c ]; then\n${check}\nfi\n${session}\n`);
  await chmod(path, 0o755);
  return path;
}

/** The error of a start that must fail without leaving a process behind. */
async function failure(options: Partial<KernelStartOptions>): Promise<Error> {
  const mark = randomUUID();
  const env = { KTX_TEST_MARK: mark, ...options.env };
  const error = await PythonKernel.start({ pythonPath, cwd: folder, ...options, env }).then(
    () => new Error('it has started'),
    (reason: Error) => reason,
  );
  expect(findPidsByEnvironment(`KTX_TEST_MARK=${mark}`)).toEqual([]);
  return error;
}

describe('start', () => {
  it('gives every session its own id', async () => {
    const [a, b] = await Promise.all([start(), start()]);
    expect(a.id).not.toBe(b.id);
  });

  it('names a missing working folder', async () => {
    const cwd = join(folder, 'removed');
    const error = await failure({ cwd });
    expect(error.message).toMatch(/^Python kernel init failed: /);
    expect(error.message).toContain(cwd);
  });

  it('names a working folder that disappears during the start', async () => {
    const cwd = await mkdtemp(join(folder, 'vanishing-'));
    const path = await writeInterpreter('exit 0', `rmdir ${cwd}; exec ${pythonPath} "$@"`);
    const error = await failure({ pythonPath: path, cwd });
    expect(error.message).toMatch(/^Python kernel init failed: .*No such file/);
  });

  it('says what the interpreter answers', async () => {
    const path = await writeInterpreter('exit 3', `exec ${pythonPath} "$@"`);
    const error = await failure({ pythonPath: path });
    expect(error.message).toBe(`Python interpreter at ${path} returned exit code 3`);
    const availability = await checkPythonKernelAvailability({ pythonPath: path, cwd: folder });
    expect(availability).toEqual({ ok: false, pythonPath: path, reason: error.message });
  });

  it('reports a missing interpreter and never searches PATH for one', async () => {
    const path = join(folder, 'no-python');
    expect((await failure({ pythonPath: path })).message).toMatch(/ENOENT/);
    expect((await failure({ pythonPath: 'python3' })).message).toMatch(/ENOENT/);
    const availability = await checkPythonKernelAvailability({ pythonPath: path, cwd: folder });
    expect(availability).toMatchObject({ ok: false, reason: expect.stringContaining('ENOENT') });
    expect(await checkPythonKernelAvailability({ pythonPath, cwd: folder })).toEqual({
      ok: true,
      pythonPath,
    });
  });

  it('does not wait for an interpreter that never answers', async () => {
    const path = await writeInterpreter('exec sleep 1000', '');
    const availability = await checkPythonKernelAvailability({
      pythonPath: path,
      cwd: folder,
      timeoutMs: 200,
    });
    expect(availability).toMatchObject({ ok: false, reason: expect.stringContaining('200 ms') });
  });

  it('ends a session that never answers when its time is up', async () => {
    const path = await writeInterpreter('exit 0', 'exec sleep 1000');
    const error = await failure({ pythonPath: path, deadlineMs: Date.now() + 300 });
    expect(error).toMatchObject({ name: 'TimeoutError', message: 'Python kernel init cancelled' });
  });

  it('does not start after its deadline', async () => {
    const error = await failure({ deadlineMs: Date.now() - 1 });
    expect(error).toMatchObject({ name: 'TimeoutError', message: 'Python kernel init cancelled' });
  });

  it('says how the process ended, and the end of what it printed', async () => {
    const path = await writeInterpreter('exit 0', 'seq 1 5000 >&2; echo "cannot load libpython" >&2; exit 9');
    const error = await failure({ pythonPath: path });
    expect(error.message).toMatch(/^Python kernel exited with code 9\n/);
    expect(error.message).toMatch(/cannot load libpython$/);
    expect(error.message.length).toBeLessThan(2100);
  });

  it('hides the secrets of the environment in what the process printed', async () => {
    const path = await writeInterpreter('exit 0', 'echo "token is $HF_TOKEN" >&2; exit 9');
    const error = await failure({ pythonPath: path, env: { HF_TOKEN: 'very-secret-value' } });
    expect(error.message).toMatch(/token is \*\*\*\*/);
  });

  it('rejects with the reason of a signal that has fired before', async () => {
    const reason = new Error('not needed');
    expect(await failure({ signal: AbortSignal.abort(reason) })).toBe(reason);
    expect(await failure({ signal: AbortSignal.abort('why') })).toMatchObject({ name: 'AbortError' });
  });

  it.each([
    ['AbortError', undefined],
    ['TimeoutError', new DOMException('too slow', 'TimeoutError')],
  ])('rejects with %s when it is cancelled meanwhile', async (name, reason) => {
    const path = await writeInterpreter('exit 0', `touch ${join(folder, name)}; exec sleep 1000`);
    const stop = new AbortController();
    const failed = failure({ pythonPath: path, signal: stop.signal });
    await vi.waitFor(() => expect(existsSync(join(folder, name))).toBe(true), PATIENT);
    stop.abort(reason);
    expect(await failed).toMatchObject({ name, message: 'Python kernel init cancelled' });
  });

  it('works in folders with quotes, blanks and other scripts in their names', async () => {
    const cwd = await mkdtemp(join(folder, 'it\'s "odd" \\ \u4e2d '));
    const kernel = await start({ cwd });
    expect((await run(kernel, 'import os; print(os.getcwd())')).text).toBe(`${cwd}\n`);
  });

  it('skips lines that are not frames, and survives logger callbacks that throw', async () => {
    const path = await writeInterpreter(
      'exit 0',
      `echo 'no frame'; echo '{"type":"new"}'; exec ${pythonPath} "$@"`,
    );
    const warnings: string[] = [];
    const logger = {
      warn: (message: string) => {
        warnings.push(message);
        throw new Error('the logger is full');
      },
    };
    const kernel = await start({ pythonPath: path, logger });
    expect((await run(kernel, '1+1')).text).toBe('2\n');
    expect(warnings).toEqual(['Not a frame of the Python session: no frame']);
  });

  it('traces requests and frames with secrets masked', async () => {
    vi.stubEnv('KTX_KERNEL_TRACE', '1');
    const lines: string[] = [];
    const logger = { debug: (line: string) => void lines.push(line), warn: () => {} };
    const kernel = await start({ logger, env: { MY_TOKEN: 'very"secret' } });
    await run(kernel, `print('very"secret' + 'x' * 1000)`);
    const request = lines.findLast((line) => line.startsWith('-> '))!;
    expect(request).toMatch(/^-> 3 execute \{"code":"print\('\*\*\*\*/);
    expect(lines).toContain('<- 3 started {}');
    expect(lines.find((line) => line.startsWith('<- 3 stdout'))).toMatch(
      /^<- 3 stdout \{"data":"\*\*\*\*xxx/,
    );
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThan(230);
    expect(lines.join('\n')).not.toContain('secret"');
  });

  it('sends what the session prints to its own stderr to the logger alone', async () => {
    const warnings: string[] = [];
    const kernel = await start({ logger: { warn: (line) => void warnings.push(line) } });
    const { text } = await run(kernel, "import os\n_ = os.write(2, b'from native code\\n')");
    expect(text).toBe('');
    await vi.waitFor(() => expect(warnings).toEqual(['from native code']), PATIENT);
  });
});
