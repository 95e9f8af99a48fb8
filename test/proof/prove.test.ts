import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { daemonEvidence } from '../../src/proof/proof.ts';
import { proveEnvironment } from '../../src/proof/prove.ts';
import { proveDaemon } from '../../src/proof/prove-daemon.ts';
import { proveImports } from '../../src/proof/prove-imports.ts';
import { REFERENCE_TEXT, REFERENCE_VECTOR } from '../../src/proof/reference-vector.ts';
import type { SetupError } from '../../src/support/errors.ts';
import { analysis, GOOD_ANALYSIS } from '../fixtures/analysis.ts';
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

/** A daemon in Node: `answer` is an expression that gives the body of `/health`, `prove` what it makes of the proof, `analysed` is what it says of SQL. */
const daemonThatSays = (
  answer: string,
  analysed: unknown = GOOD_ANALYSIS,
  prove = '(proof) => proof',
  livesMs = 120_000,
) => `
const { createServer } = require('node:http');
const { createHmac } = require('node:crypto');
const port = Number(process.argv[process.argv.indexOf('--port') + 1]);
const { KTX_DAEMON_VERSION: version, KTX_DAEMON_SECRET: secret } = process.env;
const proofOf = (challenge) => (${prove})(
  createHmac('sha256', Buffer.from(secret, 'hex')).update('ktx-daemon\\nproof\\n' + port + '\\n' + challenge).digest('hex'));
const analysed = ${JSON.stringify(analysed)};
const say = (request) => (request.url === '/sql/analyze-batch' ? analysed : ${answer});
createServer((request, response) => {
  const challenge = request.headers['x-ktx-challenge'];
  const proof = challenge && proofOf(challenge);
  if (proof) response.setHeader('x-ktx-proof', proof);
  response.end(JSON.stringify(say(request)));
}).listen(port, '127.0.0.1');
setTimeout(() => { console.error('I give up'); process.exit(3); }, ${livesMs});
`;

/** The same, which says on stdout who it is: an expression for its interpreter's prefix and version. */
const daemonThatIdentifies = (identity: string) => `
console.log('ktx-daemon identity: ' + JSON.stringify(${identity}));
${daemonThatSays(`{ status: 'healthy', version }`)}`;

async function failureOf(promise: Promise<unknown>): Promise<SetupError> {
  return promise.then(
    () => expect.unreachable('it was proven'),
    (error: SetupError) => error,
  );
}

describe('the whole', () => {
  const ANSWER = `echo "{\\"prefix\\": \\"$(dirname "$(dirname "$0")")\\", \\"version\\": \\"3.13.1\\"}"`;

  it('imports and daemon together', async () => {
    const here = await environment(ANSWER, daemonThatSays(`{ status: 'healthy', version }`));
    const proof = await proveEnvironment(here);
    expect(proof).toEqual({
      pythonVersion: '3.13.1',
      daemon: { tableCount: 2, hasVector: false },
    });
    expect(daemonEvidence(proof.daemon)).toBe('answered /health and analysed a statement (2 tables found)');
  });

  it('of two failures the import is reported, and no daemon is left', async () => {
    const pidFile = join(await temporaryFolder(), 'pid');
    const here = await environment(
      'sleep 0.5; echo "No module named fastapi" >&2; exit 1',
      `require('node:fs').writeFileSync(${JSON.stringify(pidFile)}, String(process.pid)); setInterval(() => {}, 1000);`,
    );
    const foreign = { ...here, isForeign: true };
    expect((await failureOf(proveEnvironment(foreign))).message).toContain('cannot be imported');
    const pid = Number(await readFile(pidFile, 'utf8'));
    expect(() => process.kill(pid, 0)).toThrow('ESRCH');
  });

  it('a daemon of our own shows everything in one process', async () => {
    const prefix = "require('node:path').dirname(__dirname)";
    const here = await environment(
      'exit 9',
      daemonThatIdentifies(`{ prefix: ${prefix}, version: '3.13.7' }`),
    );
    const lines: string[] = [];
    const onLines = (_stream: string, printed: string[]) => void lines.push(...printed);
    const proof = await proveEnvironment({ ...here, onLines });
    expect(proof.pythonVersion).toBe('3.13.7');
    expect(lines).toEqual([]);
  });

  it('a daemon of another environment is refused', async () => {
    const here = await environment('exit 9', daemonThatIdentifies("{ prefix: '/usr', version: '3.13.7' }"));
    const failure = await failureOf(proveEnvironment(here));
    expect(failure.message).toContain('belongs to another environment');
    expect(failure.evidence).toContain('sys.prefix is /usr');
  });

  it('a daemon that does not start because of an import is told as that', async () => {
    const here = await environment('echo "No module named fastapi" >&2; exit 1', 'process.exit(1);');
    expect((await failureOf(proveEnvironment(here))).message).toContain('cannot be imported');
  });

  it('a daemon that does not start fails it though the imports pass', async () => {
    const here = await environment(ANSWER, 'console.error("port taken"); process.exit(3);');
    expect((await failureOf(proveEnvironment(here))).message).toContain('the daemon does not start');
  });
});

describe('imports', () => {
  it('passes when the interpreter is of this environment', async () => {
    const here = await environment(
      `echo "{\\"prefix\\": \\"$(dirname "$(dirname "$0")")\\", \\"version\\": \\"3.13.1\\"}"`,
    );
    expect(await proveImports(here)).toBe('3.13.1');
  });

  it('output printed by packages on import is not taken for the answer', async () => {
    const here = await environment(
      `echo "Welcome"; echo "{}"; echo "{\\"prefix\\": \\"$(dirname "$(dirname "$0")")\\", \\"version\\": \\"3.13.1\\"}"; echo "Bye"`,
    );
    expect(await proveImports(here)).toBe('3.13.1');
  });

  it('reports an invalid answer with what was printed', async () => {
    const here = await environment('echo "Welcome"');
    const failure = await failureOf(proveImports(here));
    expect(failure.message).toContain('the interpreter gives no answer');
    expect(failure.evidence).toContain('Welcome');
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

  it('a child that a signal ended is reported as that', async () => {
    const interpreter = await environment('kill -KILL $$');
    expect((await failureOf(proveImports(interpreter))).evidence.join('\n')).toContain(
      'was ended by SIGKILL',
    );
    const daemon = await environment(
      '',
      "process.kill(process.pid, 'SIGTERM'); setTimeout(() => {}, 60_000);",
    );
    expect((await failureOf(proveDaemon(daemon))).evidence.join('\n')).toContain('was ended by SIGTERM');
  });

  it('an interpreter that is gone is named', async () => {
    const here = await environment('');
    const failure = await failureOf(proveImports({ ...here, pythonPath: `${here.pythonPath}-gone` }));
    expect(failure.message).toContain('does not start');
    expect(failure.evidence[0]).toBe(`${here.pythonPath}-gone`);
  });
});

describe('daemon', () => {
  const good = "{ status: 'healthy', version }";

  it('passes when it answers with our version and a proof, and is ended then', async () => {
    const here = await environment('', daemonThatSays(good));
    await expect(proveDaemon(here)).resolves.toEqual({ tableCount: 2, hasVector: false });
  });

  it('hands over its end to a caller that goes on meanwhile, and only after it has proved itself', async () => {
    let pid = 0;
    const isRunning = () => {
      try {
        return process.kill(pid, 0);
      } catch {
        return false;
      }
    };
    const ends: Promise<void>[] = [];
    const onSpawn = (found: number) => {
      pid = found;
    };
    const onEnding = (ended: Promise<void>) => ends.push(ended);
    const healthy = `{ status: 'healthy', version }`;
    const good = await environment('', daemonThatSays(healthy));
    await proveDaemon({ ...good, onSpawn, onEnding });
    expect(ends).toHaveLength(1);
    await ends[0];
    await expect.poll(isRunning).toBe(false);
    const bad = await environment('', daemonThatSays(healthy, analysis([])));
    await expect(proveDaemon({ ...bad, onSpawn, onEnding })).rejects.toThrow();
    expect(ends).toHaveLength(1);
    await expect.poll(isRunning).toBe(false);
  });

  it('another program has taken its port by the time it listens: another one is tried', async () => {
    const here = await environment('', '');
    const tries = join(here.environmentDir, 'tries');
    const taken = (times: number) => `
const { appendFileSync, readFileSync } = require('node:fs');
appendFileSync(${JSON.stringify(tries)}, process.argv[process.argv.indexOf('--port') + 1] + '\\n');
if (readFileSync(${JSON.stringify(tries)}, 'utf8').split('\\n').length - 1 <= ${times}) {
  console.error("ERROR [Errno 98] error while attempting to bind on address ('127.0.0.1', 1): address already in use");
  process.exit(3);
}
${daemonThatSays(good)}`;
    const put = (body: string) => writeFile(here.daemonPath, `#!${process.execPath}\n${body}\n`);
    const ports = async () => (await readFile(tries, 'utf8')).trim().split('\n');
    await put(taken(1));
    await expect(proveDaemon(here)).resolves.toEqual({ tableCount: 2, hasVector: false });
    expect(new Set(await ports()).size).toBe(2);
    // Not for ever.
    await put(taken(99));
    expect((await failureOf(proveDaemon(here))).evidence.join('\n')).toContain('address already in use');
    expect(await ports()).toHaveLength(5);
  });

  it.each([
    ['a wrong proof: another process has the port', good, "() => '0'.repeat(64)"],
    ['no proof', good, '() => undefined'],
    ['another version', "{ status: 'healthy', version: '0.2.0' }"],
    ['another status', "{ status: 'starting', version }"],
    ['something else', '[1]'],
  ])('%s', async (_name, answer, prove = undefined as string | undefined) => {
    const here = await environment('', daemonThatSays(answer, GOOD_ANALYSIS, prove, 700));
    const failure = await failureOf(proveDaemon(here));
    expect(failure.message).toContain('the daemon does not start');
    expect(failure.evidence.join('\n')).toMatch(/exit code 3\nI give up/);
  });

  it.each([
    ['gives no proof', '() => undefined', true],
    ['gives a wrong one', "() => '0'.repeat(64)", false],
  ])('a foreign wheel that %s', async (_name, prove, isProven) => {
    const here = await environment('', daemonThatSays(good, GOOD_ANALYSIS, prove, isProven ? 120_000 : 700));
    const proof = proveDaemon({ ...here, isForeign: true }).then(
      () => true,
      () => false,
    );
    expect(await proof).toBe(isProven);
  });

  it.each([
    ['finds no table', analysis([]), 'found the tables (none) instead of shop.orders, shop.customers'],
    ['takes a CTE for a table', analysis([['shop', 'customers']]), 'found the tables shop.customers instead'],
    ['cannot parse', analysis([], 'the parser failed (ImportError)'), 'the parser failed (ImportError)'],
    ['answers something else', { status: 'healthy' }, 'unexpected answer: {"status":"healthy"}'],
  ])('one that %s is refused', async (_name, analysed, said) => {
    const here = await environment('', daemonThatSays(good, analysed));
    const failure = await failureOf(proveDaemon(here));
    expect(failure.message).toContain('no SQL can be analysed');
    expect(failure.evidence.join('\n')).toContain(said);
  });

  it('a foreign wheel is not asked to analyse', async () => {
    const here = await environment('', daemonThatSays(good, { detail: 'Not Found' }));
    const proof = await proveDaemon({ ...here, isForeign: true });
    expect(daemonEvidence(proof)).toBe('answered /health');
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

  it('a daemon that stands still fails, however short the time', async () => {
    const here = await environment('', 'setInterval(() => {}, 1e9);');
    const failure = await failureOf(proveDaemon({ ...here, limits: { stillMs: 600, cpuMs: 600_000 } }));
    expect(failure.message).toContain('the daemon does not answer');
    expect(failure.evidence.join('\n')).toContain('it made no progress for 0.6 s');
  });

  it('masks what it prints', async () => {
    const here = await environment('', "console.error('token hunter2'); process.exit(1);");
    const failure = await failureOf(
      proveDaemon({ ...here, mask: (text) => text.replaceAll('hunter2', '****') }),
    );
    expect(failure.evidence.join('\n')).toContain('token ****');
  });
});

describe('a vector, where the environment has a model', () => {
  /** Embeds with `vector`, an expression; remembers on stdout what it was asked. */
  const daemonThatEmbeds = (vector: string, status = 200) => `
const { createServer } = require('node:http');
const port = Number(process.argv[process.argv.indexOf('--port') + 1]);
const { createHmac } = require('node:crypto');
const { KTX_DAEMON_VERSION: version, KTX_DAEMON_SECRET: secret, KTX_EMBEDDINGS_MODEL_DIR: modelDir } = process.env;
const reference = ${JSON.stringify(REFERENCE_VECTOR)};
createServer((request, response) => {
  if (request.url === '/health') {
    const message = 'ktx-daemon\\nproof\\n' + port + '\\n' + request.headers['x-ktx-challenge'];
    response.setHeader('x-ktx-proof', createHmac('sha256', Buffer.from(secret, 'hex')).update(message).digest('hex'));
    return response.end(JSON.stringify({ status: 'healthy', version }));
  }
  if (request.url === '/sql/analyze-batch') return response.end(${JSON.stringify(JSON.stringify(GOOD_ANALYSIS))});
  let body = '';
  request.on('data', (chunk) => { body += chunk; });
  request.on('end', () => {
    console.log('asked ' + request.url + ' ' + body + ' with ' + modelDir);
    response.writeHead(${status}).end(JSON.stringify(${vector}));
  });
}).listen(port, '127.0.0.1');
`;
  const modelDir = '/models/tiny';

  it('passes when it is the reference, computed with the model of the plan', async () => {
    const here = await environment('', daemonThatEmbeds('{ embedding: reference }'));
    const lines: string[] = [];
    await proveDaemon({ ...here, modelDir, onLines: (_stream, printed) => void lines.push(...printed) });
    expect(lines).toEqual([`asked /embeddings/compute {"text":"${REFERENCE_TEXT}"} with ${modelDir}`]);
  });

  it('rounding does not count as a difference', async () => {
    const here = await environment('', daemonThatEmbeds('{ embedding: reference.map((n) => n + 9e-5) }'));
    await proveDaemon({ ...here, modelDir });
  });

  it.each([
    ['another model', '{ embedding: reference.map((n) => -n) }', /differs from its reference by 0\.46/],
    ['one number is off', '{ embedding: [reference[0] + 2e-4, ...reference.slice(1)] }', /by 0\.00020$/],
    ['a vector of another length', '{ embedding: reference.slice(1) }', /by Infinity/],
    ['none', '{}', /by Infinity/],
  ])('a wrong vector is refused: %s', async (_name, answer, evidence) => {
    const here = await environment('', daemonThatEmbeds(answer));
    const failure = await failureOf(proveDaemon({ ...here, modelDir }));
    expect(failure.message).toBe('The Python environment is in place, but it computes wrong vectors.');
    expect(failure.evidence.join('\n')).toMatch(evidence);
  });

  it('a daemon that cannot compute is refused in its own words', async () => {
    const here = await environment('', daemonThatEmbeds("{ detail: 'Daemon request failed: no file' }", 500));
    const failure = await failureOf(proveDaemon({ ...here, modelDir }));
    expect(failure.message).toContain('no vector can be computed');
    expect(failure.evidence.join('\n')).toContain('Daemon request failed: no file');
  });

  it('without a model no vector is asked for', async () => {
    const here = await environment('', daemonThatEmbeds('{}'));
    const lines: string[] = [];
    await proveDaemon({ ...here, onLines: (_stream, printed) => void lines.push(...printed) });
    expect(lines).toEqual([]);
  });
});
