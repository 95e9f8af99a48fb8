import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it, onTestFinished, vi } from 'vitest';
import { probeInterpreter } from '../../../src/doctor/checks/interpreter-probe.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';

async function probe(script: string, signal = new AbortController().signal) {
  const pythonPath = join(await temporaryFolder(), 'python');
  await writeFile(pythonPath, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  return probeInterpreter(pythonPath, { env: { PATH: '/usr/bin:/bin', PYTHONPATH: '/x' }, signal });
}

it('asks without bytecode, and without what the shell has for another Python', async () => {
  const script =
    'printf \'{"version":"%s","prefix":"%s","base":"%s"}\' "$PYTHONDONTWRITEBYTECODE" "$PYTHONPATH" "$1$2"';
  expect(await probe(script)).toEqual({ version: '1', prefix: '', base: '-I-B' });
});

it.each([
  ['echo one >&2; echo two >&2; exit 3', 'it ended with exit code 3: two'],
  ['exit 3', 'it ended with exit code 3'],
  ['kill -SEGV $$', 'it was ended by SIGSEGV'],
  ['echo hello', 'it does not answer as Python does'],
  ['echo "{}"', 'it does not answer as Python does'],
])('%s: %s', async (script, message) => {
  await expect(probe(script)).rejects.toThrow(message);
});

it('says for how long it was silent', async () => {
  const timeout = vi.spyOn(AbortSignal, 'timeout').mockImplementation(() => AbortSignal.abort());
  onTestFinished(() => timeout.mockRestore());
  await expect(probe('exec sleep 60')).rejects.toThrow('no answer within 15 s');
  expect(timeout).toHaveBeenCalledWith(15_000);
});

it('a cancelled one was not silent', async () => {
  const timeout = vi.spyOn(AbortSignal, 'timeout').mockImplementation(() => AbortSignal.abort());
  onTestFinished(() => timeout.mockRestore());
  await expect(probe('exec sleep 60', AbortSignal.abort())).rejects.toMatchObject({ name: 'CancelledError' });
});
