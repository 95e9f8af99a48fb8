import { execFile } from 'node:child_process';
import {
  appendFile,
  chmod,
  chown,
  copyFile,
  mkdir,
  readdir,
  readFile,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import { expectOutput } from '../fixtures/output-schema.ts';
import { LAUNCHER, type ProgramResult, plainEnvironment, runProgram } from '../fixtures/program.ts';
import { temporaryFolder, temporaryFolderForFile } from '../fixtures/temporary-folder.ts';

const run = promisify(execFile);
const WITHOUT_NETWORK = fileURLToPath(new URL('../fixtures/without-network.mjs', import.meta.url));
/** A user who may not do anything. */
const NOBODY = 65_534;
let folder: string;
let bundle: string;
let trust: string;
let createArgs: string[];
let created: ProgramResult;

interface Offline {
  exitCode: number;
  stdout: string;
  stderr: string;
  /** Where it tried to connect to, but for this machine. */
  connects: string[];
  /** What the proxy was asked for. */
  asked: string[];
}

/** Runs a command in a network namespace that has loopback and no route; proxy and trace note every attempt. */
async function withoutNetwork(
  command: readonly string[],
  home: string,
  { uid = null, isLoopbackUp = true }: { uid?: number | null; isLoopbackUp?: boolean } = {},
): Promise<Offline> {
  const report = join(home, 'report');
  const env = plainEnvironment(home);
  const args = [
    '-n',
    process.execPath,
    WITHOUT_NETWORK,
    report,
    JSON.stringify({ command, env, uid, isLoopbackUp }),
  ];
  const result = await run('unshare', args, { maxBuffer: 2 ** 24 }).then(
    ({ stdout, stderr }) => ({ exitCode: 0, stdout, stderr }),
    (error: { code: number; stdout: string; stderr: string }) => ({
      exitCode: error.code,
      stdout: error.stdout,
      stderr: error.stderr,
    }),
  );
  return { ...result, ...JSON.parse(await readFile(report, 'utf8')) };
}
const ktx = (...args: string[]) => [process.execPath, LAUNCHER, ...args];
/** The doctor says on stderr what it does. */
const QUIETLY = { exitCode: 0, connects: [], asked: [] };
const DONE = { exitCode: 0, stderr: '', connects: [], asked: [] };

beforeAll(async () => {
  await run('unshare', ['-n', 'true']).catch(() => {
    throw new Error('This test needs network namespaces: run it as root, or allow unshare');
  });
  await run('strace', ['-V']).catch(() => {
    throw new Error('This test needs strace: apt-get install strace');
  });
  folder = await temporaryFolderForFile();
  bundle = join(folder, 'all.bundle');
  const key = join(folder, 'key');
  await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key]);
  trust = join(folder, 'trust');
  await writeFile(
    trust,
    `release@example.com namespaces="ktx-bundle" ${await readFile(`${key}.pub`, 'utf8')}`,
  );
  createArgs = [
    'bundle',
    'create',
    '--python',
    'none',
    '--feature',
    'local-embeddings',
    '--with-app',
    '--sign-key',
    key,
  ];
  created = await runProgram([...createArgs, '--output', bundle], { env: plainEnvironment(folder) });
}, 600_000);

it('is made from the package index, and says how to check and install it', () => {
  expect(created).toMatchObject({ exitCode: 0, stderr: '' });
  expect(created.stdout).toContain('ktx setup --bundle');
});

it('is the same to the byte when it is made again, in parts, from what is here', async () => {
  const again = join(await temporaryFolder(), 'again.bundle');
  const args = [...createArgs, '--offline', '--split', '100MB', '--output', again];
  expect(await runProgram(args, { env: plainEnvironment(folder) })).toMatchObject({ exitCode: 0 });
  const parts = (await readdir(join(again, '..'))).filter((name) => /\.\d{3}$/.test(name)).sort();
  expect(parts.length).toBeGreaterThan(2);
  const joined = run('sh', ['-c', 'cat "$0".[0-9]* | cmp - "$1"', again, bundle]);
  await expect(joined).resolves.toMatchObject({ stdout: '' });
});

it('says what is in it as its schema says', async () => {
  const env = plainEnvironment(folder);
  const inspected = await runProgram(['bundle', 'inspect', bundle, '--json'], { env });
  expectOutput('bundle-inspect', inspected.stdout);
  const compared = await runProgram(['bundle', 'diff', bundle, bundle, '--json'], { env });
  expectOutput('bundle-diff', compared.stdout);
});

it('verifies offline, with a receipt that names the signer and every file', async () => {
  const args = ['bundle', 'verify', bundle, '--trust', trust, '--require-signature', '--json'];
  const verified = await withoutNetwork(ktx(...args), await temporaryFolder());
  expect(verified).toMatchObject(DONE);
  expectOutput('bundle-verify', verified.stdout);
  const receipt = JSON.parse(verified.stdout);
  expect(receipt.signedBy.principals).toBe('release@example.com');
  expect(receipt.members.length).toBeGreaterThan(20);
});

describe('on a machine without a route, as root', () => {
  let home: string;
  let installed: Offline;
  beforeAll(async () => {
    home = await temporaryFolderForFile();
    const args = ['setup', '--yes', '--bundle', bundle, '--trust', trust, '--require-signature'];
    installed = await withoutNetwork(ktx(...args), home);
  });

  it('installs, proves itself, and asks nobody', () => {
    expect(installed).toMatchObject(DONE);
    expect(installed.stdout).toContain('signed by release@example.com');
    expect(installed.stdout).toContain('answered /health and analysed a statement');
  });

  it('passes the doctor, and is repaired from the store without the bundle', async () => {
    expect(await withoutNetwork(ktx('doctor', '--plain'), home)).toMatchObject(QUIETLY);
    const files = await readdir(join(home, '.ktx', 'runtime'), { recursive: true });
    const damaged = files.find((name) => /envs\/.*\/site-packages\/uvicorn\/main\.py$/.test(name))!;
    await truncate(join(home, '.ktx', 'runtime', damaged), 0);
    const repaired = await withoutNetwork(ktx('doctor', '--fix', '--yes', '--plain'), home);
    expect(repaired).toMatchObject(QUIETLY);
    expect(await withoutNetwork(ktx('doctor', '--plain'), home)).toMatchObject(QUIETLY);
  });

  it('names the loopback interface when it is down, and waits for nothing', async () => {
    const args = ktx('setup', '--yes', '--offline', '--force', '--json');
    const { exitCode, stdout } = await withoutNetwork(args, home, { isLoopbackUp: false });
    expect(exitCode).toBe(1);
    const { failure } = JSON.parse(stdout.trim().split('\n').at(-1)!);
    expect(failure.title).toContain('The loopback interface of this machine is down');
    expect(failure.remedies[0].argv).toEqual(['ip', 'link', 'set', 'lo', 'up']);
    expect(failure.untouched).toContain('still works');
  });
});

it('installs with one command where neither ktx nor Node is, as an ordinary user, with a vector', async () => {
  const home = await temporaryFolder();
  const unpacked = join(home, 'unpacked');
  await mkdir(unpacked);
  await run('tar', ['-xf', bundle, '-C', unpacked]);
  await run('chmod', ['-R', 'a+rX', home]);
  await chmod(home, 0o755);
  await chown(home, NOBODY, NOBODY);
  const command = ['sh', join(unpacked, 'install.sh'), '--trust', trust, '--require-signature'];
  await chmod(folder, 0o755);
  const installed = await withoutNetwork(command, home, { uid: NOBODY });
  expect(installed).toMatchObject(DONE);
  expect(installed.stdout).toContain('analysed a statement');
  expect(installed.stdout).toContain('computed the reference vector');
  // What is about to be run is compared with the list before.
  await appendFile(join(unpacked, 'app', 'dist', 'cli.js'), '\n');
  const refused = await withoutNetwork(command, home, { uid: NOBODY });
  expect(refused.exitCode).toBe(1);
  expect(refused.stderr).toContain('the bundle is damaged');
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
  });

  it('no such file', async () => {
    const { exitCode, failure } = await attempt(['--bundle', '/nowhere/x.ktx']);
    expect(exitCode).toBe(1);
    expect(failure.title).toContain('/nowhere/x.ktx');
  });
});
