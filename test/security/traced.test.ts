import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { plainEnvironment, runProgram } from '../fixtures/program.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';
import {
  alterableBy,
  isBelow,
  isOfTheKernel,
  parseTrace,
  type Trace,
  traceProgram,
} from '../fixtures/traced-program.ts';

const hasStrace = spawnSync('strace', ['-V']).status === 0;

describe.skipIf(!hasStrace)('what the program touches, as the kernel sees it', () => {
  it.each([
    ['--version', 0, 60_000],
    ['admin runtime status --json', 1, 60_000],
    ['admin network show', 0, 60_000],
    ['setup --yes --no-input --python system', 0, 400_000],
  ])(
    'ktx %s: writes only below its root, reads nothing that another user can alter',
    { timeout: 400_000 },
    async (line, exitCode) => {
      const home = await temporaryFolder();
      const { trace, outside } = traced(home, [line.split(' ')]);
      expect([trace.exitCode, trace.exitCode === exitCode ? '' : trace.output]).toEqual([exitCode, '']);
      console.log(`${line}: ${trace.written.length} paths written, ${trace.read.length} read or run`);
      expect(outside).toEqual([]);
      expect(alterableIn(trace)).toEqual([]);
      expect(trace.read.length).toBeGreaterThan(5);
    },
  );

  it('a daemon writes only below the root and its project', { timeout: 400_000 }, async () => {
    const home = await temporaryFolder();
    const env = plainEnvironment(home, passedOn());
    const setup = await runProgram(['setup', '--yes', '--no-input', '--python', 'system'], { env });
    expect(setup.exitCode, setup.stderr).toBe(0);
    const daemon = (verb: string) => ['admin', 'runtime', verb];
    const { trace, outside, project } = traced(home, [daemon('start'), daemon('status'), daemon('stop')]);
    expect([trace.exitCode, trace.exitCode === 0 ? '' : trace.output]).toEqual([0, '']);
    console.log(`a daemon: ${trace.written.length} paths written, ${trace.read.length} read or run`);
    const inProject = join(project, '.ktx');
    expect(outside.filter((path) => path !== inProject && !isBelow(path, inProject))).toEqual([]);
    // The evaluation would see it: the daemon's own record is there, and its Python was run.
    expect(outside).toContain(join(inProject, 'runtime', 'daemon.stdout.log'));
    expect(trace.read.some((path) => path.endsWith('/bin/ktx-daemon'))).toBe(true);
    expect(alterableIn(trace)).toEqual([]);
  });
});

/** What runs in a project of a home wrote and read, beside a shared folder as others find it: whoever wrote there would be seen. */
function traced(home: string, runs: string[][]) {
  const project = join(home, 'project');
  mkdirSync(project);
  const shared = mkdtempSync(join(tmpdir(), 'ktx-shared-'));
  chmodSync(shared, 0o1777);
  try {
    const env = plainEnvironment(home, { TMPDIR: shared, ...passedOn() });
    const trace = traceProgram(runs, { env, cwd: project });
    const root = join(home, '.ktx', 'runtime');
    const outside = trace.written.filter(
      (path) => !isOfTheKernel(path) && !isBelow(path, root) && path !== join(home, '.ktx'),
    );
    return { trace, outside, project };
  } finally {
    rmSync(shared, { recursive: true });
  }
}

/** What was read or run and another ordinary user could have made or altered. */
function alterableIn({ read }: Trace): string[] {
  const paths = read.filter((path) => !isOfTheKernel(path)).flatMap((path) => alterableBy(path) ?? []);
  return [...new Set(paths)];
}

/** How this machine reaches its package index. */
function passedOn(): NodeJS.ProcessEnv {
  const names = ['SSL_CERT_FILE', 'HTTPS_PROXY', 'HTTP_PROXY', 'NO_PROXY', 'PIP_INDEX_URL', 'PIP_CERT'];
  return Object.fromEntries(names.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : [])));
}

describe('the evaluation itself', () => {
  it('reads calls, also those that were interrupted, relative ones and those that failed', () => {
    const log = [
      '10 openat(AT_FDCWD</p>, "a.txt", O_RDONLY) = 3</p/a.txt>',
      '10 openat(AT_FDCWD</p>, "no", O_RDONLY) = -1 ENOENT (No such file or directory)',
      '10 openat(5</q>, "b", O_WRONLY|O_CREAT, 0644 <unfinished ...>',
      '11 execve("/bin/sh", ["sh", "-c", "/not/a/path"], 0x1 /* 3 vars */) = 0',
      '10 <... openat resumed>) = 6</q/b>',
      '10 clone(child_stack=NULL) = 12',
      '12 chdir("/r") = 0',
      '12 mkdir("m", 0777) = 0',
      '12 renameat2(AT_FDCWD</r>, "m", AT_FDCWD</r>, "n", 0) = 0',
      '12 symlink("/outside", "link") = 0',
    ].join('\n');
    expect(parseTrace(log, '/p')).toEqual({
      written: ['/q/b', '/r/link', '/r/m', '/r/n'],
      read: ['/bin/sh', '/p/a.txt'],
    });
  });

  it('sees what others may write, in a path and above it', async () => {
    const folder = await temporaryFolder();
    const open = join(folder, 'open');
    mkdirSync(join(open, 'inner'), { recursive: true });
    writeFileSync(join(open, 'inner', 'file'), '');
    expect(alterableBy(join(open, 'inner', 'file'))).toBeNull();
    chmodSync(open, 0o777);
    expect(alterableBy(join(open, 'inner', 'file'))).toBe(`${open}: everybody may write`);
    chmodSync(open, 0o1777);
    expect(alterableBy(join(open, 'inner', 'file'))).toBeNull();
    chmodSync(join(open, 'inner', 'file'), 0o666);
    expect(alterableBy(join(open, 'inner', 'file'))).toBe(
      `${join(open, 'inner', 'file')}: everybody may write`,
    );
  });
});
