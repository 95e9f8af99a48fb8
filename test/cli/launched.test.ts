import { type StdioOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import { PACKAGE_ROOT } from '../../src/support/package-root.ts';
import { LAUNCHER, plainEnvironment, runProgram } from '../fixtures/program.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';

/** The bundled program as an installed one: what tests in the same process cannot see. */

const { version } = JSON.parse(readFileSync(join(PACKAGE_ROOT, 'package.json'), 'utf8'));

async function launch(args: string[], stdio: StdioOptions) {
  const home = await temporaryFolder();
  return spawn(process.execPath, [LAUNCHER, ...args], { env: plainEnvironment(home), stdio });
}

describe('the launched program', () => {
  it.each(['--version', '-v'])('%s', async (flag) => {
    const home = await temporaryFolder();
    expect(await runProgram([flag], { env: plainEnvironment(home) })).toEqual({
      exitCode: 0,
      signal: null,
      stdout: `ktx ${version}\n`,
      stderr: '',
    });
  });

  it('exits 1 for what it does not understand, and 1 for a runtime that is not ready', async () => {
    const home = await temporaryFolder();
    const env = plainEnvironment(home);
    expect(await runProgram(['explode'], { env })).toMatchObject({
      exitCode: 1,
      stdout: '',
      stderr: expect.stringContaining("unknown command 'explode'"),
    });
    const status = await runProgram(['admin', 'runtime', 'status', '--json'], { env });
    expect(status).toMatchObject({ exitCode: 1, stderr: '' });
    expect(JSON.parse(status.stdout)).toMatchObject({ kind: 'missing', layout: { cliVersion: version } });
  });

  it.each([
    ['undo --json', 'There is no other environment to go back to.'],
    ['undo --json --yes', 'There is no other environment to go back to.'],
    ['uninstall --json', 'Refusing to uninstall without --yes.'],
  ])('`admin runtime %s` that cannot: one failure event, and the words on stderr', async (line, title) => {
    const home = await temporaryFolder();
    const { writeRuntime } = await import('../fixtures/asset.ts');
    await writeRuntime(home, '0.0.1');
    const env = plainEnvironment(home, { KTX_RUNTIME_ROOT: home });
    const { exitCode, stdout, stderr } = await runProgram(['admin', 'runtime', ...line.split(' ')], { env });
    expect([exitCode, stderr.split('\n')[0]]).toEqual([1, title]);
    expect(JSON.parse(stdout)).toMatchObject({ type: 'failure', failure: { title } });
  });

  it.skipIf(process.platform === 'win32')(
    'names the limit on open files when it meets it while it loads',
    async () => {
      const home = await temporaryFolder();
      // Where it is met depends on how many files this Node needs for itself.
      const outputs = await Promise.all(
        Array.from({ length: 12 }, (_, at) => {
          const command = `ulimit -n ${18 + at}; exec "$0" "$1" setup --dry-run`;
          const child = spawn('sh', ['-c', command, process.execPath, LAUNCHER], {
            env: plainEnvironment(home),
          });
          return text(child.stderr);
        }),
      );
      expect(outputs).toContain(
        'Too many files are open, so ktx cannot be loaded.\nRaise the limit (ulimit -n 1024), then run it again.\n',
      );
    },
  );

  it.each([
    ['cli.js', 'cannot be loaded'],
    ['chunk-setup-', ''],
  ])('with a part of it missing (%s) it ends, with 1', async (part, words) => {
    const home = await temporaryFolder();
    const program = join(home, 'program');
    for (const name of ['bin', 'dist', 'package.json'])
      cpSync(join(PACKAGE_ROOT, name), join(program, name), { recursive: true });
    for (const name of readdirSync(join(program, 'dist')))
      if (name.startsWith(part) && !name.startsWith('chunk-setup-command'))
        rmSync(join(program, 'dist', name));
    const child = spawn(process.execPath, [join(program, 'bin', 'ktx.cjs'), 'setup', '--yes', '--no-input'], {
      env: plainEnvironment(home),
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let stderr = '';
    child.stderr.on('data', (text) => {
      stderr += text;
    });
    const [exitCode] = await once(child, 'close');
    expect(exitCode).toBe(1);
    expect(stderr).toContain(words);
    expect(stderr).not.toMatch(/^ +at /m);
  });

  it('setup in a project with a broken ktx.yaml says where', async () => {
    const args = ['setup', '--yes', '--offline'];
    const home = await temporaryFolder();
    const path = join(home, 'ktx.yaml');
    writeFileSync(path, 'connections:\n  a: b: c\n');
    const { exitCode, stdout, stderr } = await runProgram(args, { env: plainEnvironment(home), cwd: home });
    const next = '  next     Correct the file, or run the command outside of the project.';
    const problem = 'Nested mappings are not allowed in compact mappings';
    expect([exitCode, stdout, stderr]).toEqual([
      1,
      '',
      `${path} cannot be read: no valid YAML at line 2, column 6 (${problem})\n${next}\n`,
    ]);
  });

  it('prune removes what another version left, below the root of the environment', async () => {
    const home = await temporaryFolder();
    const { writeRuntime } = await import('../fixtures/asset.ts');
    await writeRuntime(home, '0.0.1');
    const env = plainEnvironment(home, { KTX_RUNTIME_ROOT: home });
    const args = ['admin', 'runtime', 'prune'];
    expect((await runProgram([...args, '--dry-run'], { env })).stdout).toBe(
      `Stale ktx Python runtimes\n${join(home, '0.0.1')}\n`,
    );
    expect((await runProgram([...args, '--yes'], { env })).exitCode).toBe(0);
    expect(readdirSync(home)).toEqual([]);
  });

  it.each([
    ['--help', 0],
    ['admin runtime status', 1],
  ])('a reader that left ends `%s` quietly, with its true exit code', async (line, exitCode) => {
    const child = await launch(line.split(' '), ['ignore', 'pipe', 'pipe']);
    child.stdout?.destroy();
    let stderr = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    expect(await once(child, 'close')).toEqual([exitCode, null]);
    expect(stderr).toBe('');
  });

  it('a reader of errors that left changes nothing either', async () => {
    const child = await launch(['explode'], ['ignore', 'ignore', 'pipe']);
    child.stderr?.destroy();
    expect(await once(child, 'close')).toEqual([1, null]);
  });

  it.runIf(process.platform === 'linux')('a full disk behind `>` is said and exits 1', async () => {
    const child = await launch(['--version'], ['ignore', openSync('/dev/full', 'w'), 'pipe']);
    let stderr = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    expect(await once(child, 'close')).toEqual([1, null]);
    expect(stderr).toMatch(/^ktx cannot write its output: ENOSPC[^\n]*\n$/);
  });

  it('a closed stdin is harmless', async () => {
    const home = await temporaryFolder();
    const child = spawn('/bin/sh', ['-c', '"$0" "$1" setup --no-input <&-', process.execPath, LAUNCHER], {
      env: plainEnvironment(home),
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    expect(await once(child, 'close')).toEqual([1, null]);
    expect(stderr).toBe(
      'Missing setup choice: pass --yes to install the ktx Python runtime without questions.\n',
    );
  });
});

describe('what is loaded at the start', () => {
  /** The files of the bundle that a file brings with it, itself included: static imports only. */
  function closure(file: string, found = new Set<string>()): Set<string> {
    if (found.has(file)) return found;
    found.add(file);
    const text = readFileSync(join(PACKAGE_ROOT, 'dist', file), 'utf8');
    for (const [, next] of text.matchAll(/(?:from|import)\s*"\.\/([^"]+)"/g)) closure(next as string, found);
    return found;
  }
  /** The chunk that `importer` loads when it needs it. Chunks of older bundles may lie beside it. */
  function lazyChunk(importer: string, name: string): string {
    const text = readFileSync(join(PACKAGE_ROOT, 'dist', importer), 'utf8');
    return new RegExp(`import\\("\\./(chunk-${name}-[^"]+)"\\)`).exec(text)?.[1] as string;
  }
  const program = () => lazyChunk('cli.js', 'program');
  const textOf = (files: Iterable<string>) =>
    [...files].map((file) => readFileSync(join(PACKAGE_ROOT, 'dist', file), 'utf8')).join('');
  const kilobytes = (files: Iterable<string>) => textOf(files).length / 1000;

  it('--version: next to nothing, and no file system', () => {
    const files = closure('cli.js');
    expect(kilobytes(files)).toBeLessThan(5);
    expect(textOf(files)).not.toMatch(/from"node:(?!url|module|path)/);
  });

  it('a command: commander, without the builtins that it imports for others', () => {
    const files = closure(program());
    expect(kilobytes(files)).toBeLessThan(90);
    expect(textOf(files)).not.toMatch(/"node:(?:process|child_process|fs)"/);
  });

  it('admin runtime: no zod before there is something to check, and no process is prepared before one is started', () => {
    const files = closure(lazyChunk(program(), 'runtime-command'));
    expect(kilobytes(files)).toBeLessThan(90);
    expect(textOf(files)).not.toMatch(/"node:child_process"/);
    // Classes of the small and of the ordinary build.
    expect(textOf(files)).not.toMatch(/"Zod(?:Mini)?Object"/);
  });

  it('the wizard: in ASCII, since one other character slows the first prompt by 3 %', () => {
    const bareSetup = closure(lazyChunk('cli.js', 'bare-setup'));
    const importer = [...bareSetup].find((file) => lazyChunk(file, 'run-wizard') !== undefined)!;
    const mount = closure(lazyChunk(lazyChunk(importer, 'run-wizard'), 'mount'));
    expect(kilobytes(mount)).toBeGreaterThan(500);
    expect(textOf(mount).match(/.{0,30}[\u0080-\uffff].{0,20}/g)).toBeNull();
  });
});

describe('withStopSignals', () => {
  const source = `
    import { withStopSignals } from ${JSON.stringify(pathToFileURL(join(PACKAGE_ROOT, 'src/support/stop-signals.ts')).href)};
    process.exitCode = await withStopSignals(async (signal) => {
      const timer = setInterval(() => {}, 1000);
      process.stdout.write('ready');
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      process.stdout.write(' stopping');
      // The second signal comes while it tidies up.
      await new Promise((resolve) => process.stdin.once('data', resolve));
      process.stdin.destroy();
      clearInterval(timer);
      process.stdout.write(' tidied');
      return 130;
    });`;

  it.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
    '%s lets what runs tidy up, and a second one does not cut that short',
    async (name) => {
      const child = spawn(process.execPath, ['--input-type=module', '-e', source], {
        stdio: ['pipe', 'pipe', 'inherit'],
      });
      let stdout = '';
      const printed = (text: string) =>
        new Promise<void>((resolve) => {
          const look = () => stdout.includes(text) && resolve();
          child.stdout.on('data', look);
          look();
        });
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        stdout += text;
      });
      const closed = once(child, 'close');
      await printed('ready');
      child.kill(name);
      await printed('stopping');
      child.kill(name);
      child.stdin.write('go on');
      expect(await closed).toEqual([130, null]);
      expect(stdout).toBe('ready stopping tidied');
    },
  );
});
