import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { proveDaemon, proveImports } from '../../src/install/prove.ts';
import type { SetupError } from '../../src/support/errors.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';

/** An environment whose interpreter and daemon are small scripts that behave in one wrong way each. */
async function environment(python: string, daemon = '') {
  const environmentDir = await temporaryFolder();
  await mkdir(join(environmentDir, 'bin'));
  const pythonPath = join(environmentDir, 'bin', 'python');
  const daemonPath = join(environmentDir, 'bin', 'ktx-daemon');
  await writeFile(pythonPath, `#!/bin/sh\n${python}\n`);
  await writeFile(daemonPath, `#!${process.execPath}\n${daemon}\n`);
  await chmod(pythonPath, 0o755);
  await chmod(daemonPath, 0o755);
  return { environmentDir, pythonPath, daemonPath, cliVersion: '0.3.0', env: { PATH: '/usr/bin:/bin' } };
}

/** A daemon in Node: `answer` is an expression that gives the body of `/health`. */
const daemonThatSays = (answer: string) => `
const { createServer } = require('node:http');
const port = Number(process.argv[process.argv.indexOf('--port') + 1]);
const { KTX_DAEMON_VERSION: version, KTX_DAEMON_NONCE: nonce } = process.env;
createServer((request, response) => response.end(JSON.stringify(${answer}))).listen(port, '127.0.0.1');
setTimeout(() => { console.error('I give up'); process.exit(3); }, 700);
`;

async function failureOf(promise: Promise<unknown>): Promise<SetupError> {
  return promise.then(
    () => expect.unreachable('it was proven'),
    (error: SetupError) => error,
  );
}

describe('imports', () => {
  it('passes when the interpreter is of this environment', async () => {
    const here = await environment(
      `echo "{\\"prefix\\": \\"$(dirname "$(dirname "$0")")\\", \\"version\\": \\"3.13.1\\"}"`,
    );
    expect(await proveImports(here)).toBe('3.13.1');
  });

  it('an interpreter of another environment is refused', async () => {
    const here = await environment(`echo '{"prefix": "/usr", "version": "3.13.1"}'`);
    const failure = await failureOf(proveImports(here));
    expect(failure.message).toContain('belongs to another environment');
    expect(failure.evidence).toContain('sys.prefix is /usr');
  });

  it('a failed import shows what Python said', async () => {
    const here = await environment(`echo "ModuleNotFoundError: No module named 'fastapi'" >&2; exit 1`);
    const failure = await failureOf(proveImports(here));
    expect(failure.message).toContain('cannot be imported');
    expect(failure.evidence.join('\n')).toContain("No module named 'fastapi'");
  });

  it('an interpreter that is gone is named', async () => {
    const here = await environment('');
    const failure = await failureOf(proveImports({ ...here, pythonPath: `${here.pythonPath}-gone` }));
    expect(failure.message).toContain('does not start');
    expect(failure.evidence[0]).toBe(`${here.pythonPath}-gone`);
  });
});

describe('daemon', () => {
  const good = "{ status: 'healthy', version, nonce }";

  it('passes when it answers with our version and our nonce, and is ended then', async () => {
    const here = await environment('', daemonThatSays(good));
    await expect(proveDaemon(here)).resolves.toBeUndefined();
  });

  it.each([
    ['another nonce: another process has the port', "{ status: 'healthy', version, nonce: 'other' }"],
    ['no nonce', "{ status: 'healthy', version }"],
    ['another version', "{ status: 'healthy', version: '0.2.0', nonce }"],
    ['another status', "{ status: 'starting', version, nonce }"],
    ['something else', '[1]'],
  ])('%s', async (_name, answer) => {
    const here = await environment('', daemonThatSays(answer));
    const failure = await failureOf(proveDaemon(here));
    expect(failure.message).toContain('the daemon does not start');
    expect(failure.evidence.join('\n')).toMatch(/exit code 3\nI give up/);
  });

  it('one that cannot be started at all', async () => {
    const here = await environment('');
    const failure = await failureOf(proveDaemon({ ...here, daemonPath: `${here.daemonPath}-gone` }));
    expect(failure.evidence.join('\n')).toContain('ENOENT');
  });

  it('a cancel ends it', async () => {
    const here = await environment('', daemonThatSays("{ status: 'starting' }"));
    const stop = new AbortController();
    const proof = proveDaemon({ ...here, signal: stop.signal });
    stop.abort();
    await expect(proof).rejects.toMatchObject({ name: 'CancelledError' });
  });

  it('masks what it prints', async () => {
    const here = await environment('', "console.error('token hunter2'); process.exit(1);");
    const failure = await failureOf(
      proveDaemon({ ...here, mask: (text) => text.replaceAll('hunter2', '****') }),
    );
    expect(failure.evidence.join('\n')).toContain('token ****');
  });
});
