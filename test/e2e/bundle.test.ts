import { execFile } from 'node:child_process';
import { copyFile, readdir, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import { LAUNCHER, type ProgramResult, plainEnvironment, runProgram } from '../fixtures/program.ts';
import { temporaryFolder, temporaryFolderForFile } from '../fixtures/temporary-folder.ts';

const run = promisify(execFile);
let folder: string;
let bundle: string;
let trust: string;
let created: ProgramResult;

/** Runs the program in a network namespace that has loopback and no route, and records where it tries to connect to. */
async function runWithoutNetwork(
  args: readonly string[],
  home: string,
): Promise<ProgramResult & { connects: string }> {
  const trace = join(home, 'trace');
  const script = 'ip link set lo up && exec strace -f -qq -e trace=connect -e signal=none -o "$0" "$@"';
  const command = ['-n', '/bin/sh', '-c', script, trace, process.execPath, LAUNCHER, ...args];
  const result = await run('unshare', command, { env: plainEnvironment(home), maxBuffer: 2 ** 24 }).then(
    ({ stdout, stderr }) => ({ exitCode: 0, stdout, stderr }),
    (error: { code: number; stdout: string; stderr: string }) => ({
      exitCode: error.code,
      stdout: error.stdout,
      stderr: error.stderr,
    }),
  );
  const lines = (await readFile(trace, 'utf8').catch(() => '')).split('\n');
  const connects = lines.filter(
    (line) => /sa_family=AF_INET6?/.test(line) && !/127\.0\.0\.1|"::1"/.test(line),
  );
  return { ...result, signal: null, connects: connects.join('\n') };
}

beforeAll(async () => {
  await run('unshare', ['-n', 'true']).catch(() => {
    throw new Error('This test needs network namespaces: run it as root, or allow unshare');
  });
  await run('strace', ['-V']).catch(() => {
    throw new Error('This test needs strace: apt-get install strace');
  });
  folder = await temporaryFolderForFile();
  bundle = join(folder, 'core.ktx');
  const key = join(folder, 'key');
  await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key]);
  trust = join(folder, 'trust');
  await writeFile(
    trust,
    `release@example.com namespaces="ktx-bundle" ${await readFile(`${key}.pub`, 'utf8')}`,
  );
  const args = ['bundle', 'create', '--python', 'none', '--output', bundle, '--sign-key', key];
  created = await runProgram(args, { env: plainEnvironment(folder) });
}, 300_000);

it('is made from the package index, and says how to check and install it', () => {
  expect(created).toMatchObject({ exitCode: 0, stderr: '' });
  expect(created.stdout).toContain('ktx setup --bundle');
});

it('is the same to the byte when it is made again', async () => {
  const again = join(await temporaryFolder(), 'again.ktx');
  const env = plainEnvironment(folder);
  const first = join(folder, 'first.ktx');
  for (const output of [first, again]) {
    const { exitCode } = await runProgram(
      ['bundle', 'create', '--python', 'none', '--offline', '--output', output],
      { env },
    );
    expect(exitCode).toBe(0);
  }
  expect((await readFile(first)).equals(await readFile(again))).toBe(true);
}, 120_000);

it('verifies offline, with a receipt that names the signer and every file', async () => {
  const home = await temporaryFolder();
  const args = ['bundle', 'verify', bundle, '--trust', trust, '--require-signature', '--json'];
  const { exitCode, stdout, connects } = await runWithoutNetwork(args, home);
  expect({ exitCode, connects }).toEqual({ exitCode: 0, connects: '' });
  const receipt = JSON.parse(stdout);
  expect(receipt.signedBy.principals).toBe('release@example.com');
  expect(receipt.members.length).toBeGreaterThan(20);
}, 60_000);

describe('on a machine without a route', () => {
  let home: string;
  let installed: Awaited<ReturnType<typeof runWithoutNetwork>>;
  beforeAll(async () => {
    home = await temporaryFolderForFile();
    const args = ['setup', '--yes', '--bundle', bundle, '--trust', trust, '--require-signature'];
    installed = await runWithoutNetwork(args, home);
  }, 300_000);

  it('installs, proves itself, and tries to reach nobody', () => {
    expect(installed.stderr).toBe('');
    expect(installed.exitCode).toBe(0);
    expect(installed.stdout).toContain('signed by release@example.com');
    expect(installed.stdout).toContain('analysed a statement');
    expect(installed.connects).toBe('');
  });

  it('builds a new environment from the store later, without the bundle', async () => {
    const { exitCode, connects } = await runWithoutNetwork(['setup', '--yes', '--offline', '--force'], home);
    expect({ exitCode, connects }).toEqual({ exitCode: 0, connects: '' });
  }, 300_000);
});

describe('what is wrong is said, and nothing is changed', () => {
  const attempt = async (args: readonly string[]) => {
    const home = await temporaryFolder();
    const result = await runProgram(['setup', '--yes', '--json', ...args], { env: plainEnvironment(home) });
    const last = JSON.parse(result.stdout.trim().split('\n').at(-1)!);
    const files = (await readdir(home, { recursive: true, withFileTypes: true })).filter((it) => it.isFile());
    // The log of the failure is kept for a report.
    const left = files
      .map((it) => join(it.parentPath, it.name))
      .filter((path) => !path.includes('/uv/logs/'));
    return { ...result, failure: last.failure, left };
  };

  it('a truncated copy', async () => {
    const copy = join(await temporaryFolder(), 'cut.ktx');
    await copyFile(bundle, copy);
    await truncate(copy, 5_000_000);
    const { exitCode, failure, left } = await attempt(['--bundle', copy]);
    expect(exitCode).toBe(1);
    expect(failure).toMatchObject({
      failureClass: 'verification',
      title: `The bundle ends too early: ${copy}`,
    });
    expect(left).toEqual([]);
  }, 60_000);

  it('a bundle that nobody signed, where a signature is required', async () => {
    const { failure, left } = await attempt([
      '--bundle',
      join(folder, 'first.ktx'),
      '--trust',
      trust,
      '--require-signature',
    ]);
    expect(failure.title).toMatch(/not signed/);
    expect(left).toEqual([]);
  }, 60_000);

  it('no such file', async () => {
    const { exitCode, failure } = await attempt(['--bundle', '/nowhere/x.ktx']);
    expect(exitCode).toBe(1);
    expect(failure.title).toContain('/nowhere/x.ktx');
  }, 60_000);
});
