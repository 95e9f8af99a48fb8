import { chmod, mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  findSystemPythons,
  type InterpreterFacts,
  inspectSystemPython,
  interpreterEnvironment,
  minorOf,
  refusalOf,
} from '../../src/python/system-python.ts';
import type { HostPlatform } from '../../src/shipped/target.ts';
import { CancelledError } from '../../src/support/errors.ts';
import { shellProgram } from '../fixtures/as-platform.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';

const host: HostPlatform = {
  platform: 'linux',
  arch: 'x64',
  libc: 'gnu',
  glibcVersion: '2.36',
  macosVersion: null,
};
/** Minors that no machine has: only the interpreters of a test can fit. */
const minors = ['3.98', '3.97'];
const facts: InterpreterFacts = {
  version: '3.97.2',
  implementation: 'CPython',
  bits: 64,
  executable: '/usr/bin/python3.97',
  isFreeThreaded: false,
  isDebugBuild: false,
  isVirtualEnvironment: false,
  isConda: false,
  missingModules: [],
};
const answer = (change: Partial<InterpreterFacts> = {}) => JSON.stringify({ ...facts, ...change });

describe.skipIf(process.platform === 'win32')('a shim that chose no version', () => {
  it.each([
    ['nothing of it', null],
    ['the word pyenv in a line', null],
    [
      'pyenv: python3.97: command not found',
      'is a shim of pyenv, which has not chosen a version that has it',
    ],
    [
      "pyenv: python3.97: command not found\n\nThe `python3.97' command exists in these Python versions:\n  3.97.1\n\nNote: See 'pyenv help global'",
      'is a shim of pyenv, which has not chosen a version that has it; 3.97.1 of its versions has it',
    ],
    [
      "pyenv: python3.97: command not found\n\nThe `python3.97' command exists in these Python versions:\n  3.97.1\n  3.97.2\nNote: See",
      'is a shim of pyenv, which has not chosen a version that has it; 3.97.1, 3.97.2 of its versions have it',
    ],
    [
      'mise ERROR No version is set for shim: python3',
      'is a shim of mise, which has not chosen a version that has it',
    ],
    [
      'No version is set for command python3\nConsider adding one of the following versions in your config file at /x/.tool-versions\npython 3.97.1\npython 3.98.0',
      'is a shim of asdf, which has not chosen a version that has it; 3.97.1, 3.98.0 of its versions have it',
    ],
    ['warning\nasdf: no version', 'is a shim of asdf, which has not chosen a version that has it'],
    ['rbenv: x', 'is a shim of rbenv, which has not chosen a version that has it'],
    ['pyenvx: x', null],
    [
      'Python was not found; run without arguments to install from the Microsoft Store, or disable this shortcut',
      'is the placeholder of the Microsoft Store, with no Python behind it',
    ],
    [
      'note\nxcode-select: note: No developer tools were found',
      "is Apple's placeholder, with no Python behind it until the command line tools are installed",
    ],
    ['see xcode-select: it is missing', null],
  ])('%j: %s', async (stderr, reason) => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, 'said'), stderr);
    const path = await shellProgram(folder, 'python3', `cat '${join(folder, 'said')}' >&2; exit 1`);
    const failed = `does not run: it ended with exit code 1 (${stderr.split('\n').at(-1)})`;
    expect(await inspectSystemPython({ path, host, minors, env: { PATH: '/usr/bin:/bin' } })).toEqual({
      path,
      reason: reason ?? failed,
    });
  });
});

describe('what is refused, and why', () => {
  const lost = 'lacks the standard modules ssl';
  const onDebian = { env: {}, isDebian: true };
  const library = { missingModules: ['ssl'], importErrors: ['libssl.so.3: cannot open shared object file'] };
  it.each<[string, Partial<InterpreterFacts>, Parameters<typeof refusalOf>[3], string]>([
    ['a module', { missingModules: ['ssl'] }, { env: {}, isDebian: false }, lost],
    [
      'a module on Debian',
      { missingModules: ['ssl'] },
      onDebian,
      `${lost}; this system has them in a package of their own: apt install python3.97`,
    ],
    [
      'venv on Debian',
      { missingModules: ['venv'] },
      onDebian,
      'lacks the standard modules venv; this system has them in a package of their own: apt install python3.97-venv',
    ],
    [
      'venv and more on Debian',
      { missingModules: ['venv', 'ssl'] },
      onDebian,
      'lacks the standard modules venv, ssl; this system has them in a package of their own: apt install python3.97',
    ],
    [
      'one that Debian did not install',
      { missingModules: ['ssl'], executable: '/usr/local/bin/python3' },
      onDebian,
      lost,
    ],
    ...(['LD_LIBRARY_PATH', 'LD_PRELOAD', 'DYLD_LIBRARY_PATH', 'DYLD_INSERT_LIBRARIES'] as const).map(
      (name) =>
        [
          name,
          library,
          { env: { [name]: '/opt/old' }, isDebian: true },
          `${lost}: libssl.so.3: cannot open shared object file. ${name} is set (/opt/old); without it: unset ${name}`,
        ] as [string, Partial<InterpreterFacts>, Parameters<typeof refusalOf>[3], string],
    ),
    [
      'the first variable that is set',
      { missingModules: ['ssl'], importErrors: [`undefined symbol: ${'x'.repeat(300)}`] },
      { env: { LD_PRELOAD: '/a', LD_LIBRARY_PATH: '/b' }, isDebian: false },
      `${lost}: ${`undefined symbol: ${'x'.repeat(300)}`.slice(0, 200)}. LD_LIBRARY_PATH is set (/b); without it: unset LD_LIBRARY_PATH`,
    ],
    [
      'no fault of a library',
      { missingModules: ['ssl'], importErrors: ['No module named _ssl'] },
      { env: { LD_PRELOAD: '/a' }, isDebian: false },
      lost,
    ],
    ['no variable', library, { env: {}, isDebian: false }, lost],
    [
      'a minor with a reason of its own',
      { version: '3.96.1' },
      { env: {}, isDebian: false, whyNot: (minor) => `no wheel for ${minor}` },
      'is Python 3.96.1; no wheel for 3.96',
    ],
    [
      'a minor without',
      { version: '3.96.1' },
      { env: {}, isDebian: false, whyNot: () => null },
      'is Python 3.96.1; packages are locked for 3.97, 3.98 on linux-x64-gnu',
    ],
  ])('%s', (_what, change, machine, reason) => {
    expect(refusalOf({ ...facts, ...change }, host, minors, machine)).toBe(reason);
  });

  it('a dylib and a version of a library are libraries too', () => {
    for (const text of ['a.dylib not found', "version `GLIBC_2.38' not found"])
      expect(
        refusalOf({ ...facts, missingModules: ['ssl'], importErrors: [text] }, host, minors, {
          env: { LD_PRELOAD: '/a' },
          isDebian: false,
        }),
      ).toContain('unset LD_PRELOAD');
  });

  it('where nothing is locked says so', () => {
    expect(refusalOf(facts, host, [])).toBe('is Python 3.97.2; nothing is locked on linux-x64-gnu');
  });

  it.each([
    ['3.11.2', '3.11'],
    ['3.11', '3.11'],
    ['3', '3'],
  ])('the minor of %s is %s', (version, minor) => {
    expect(minorOf(version)).toBe(minor);
  });
});

describe.skipIf(process.platform === 'win32')('an interpreter that', () => {
  const inspect = async (lines: string, more: Partial<Parameters<typeof inspectSystemPython>[0]> = {}) => {
    const folder = await temporaryFolder();
    const path = await shellProgram(folder, 'python3', lines);
    const found = await inspectSystemPython({ path, host, minors, env: {}, ...more });
    return JSON.parse(JSON.stringify(found).replaceAll(path, '<path>'));
  };
  const prints = (...lines: string[]) => lines.map((line) => `echo '${line}'`).join('\n');

  it('answers is taken by the name that it gives itself', async () => {
    expect(await inspect(prints(answer()))).toEqual({ path: '/usr/bin/python3.97', version: '3.97.2' });
    expect(await inspect(prints(answer({ executable: '' })))).toEqual({ path: '<path>', version: '3.97.2' });
  });

  it.each<[string, string, object]>([
    ['is unfit', prints(answer({ bits: 32 })), { reason: 'is a 32-bit build', foundVersion: '3.97.2' }],
    [
      'belongs to an environment names its base',
      prints(answer({ isVirtualEnvironment: true, base: '/usr/bin/python3' })),
      { reason: 'belongs to a virtual environment', foundVersion: '3.97.2', base: '/usr/bin/python3' },
    ],
    [
      'belongs to an environment without one',
      prints(answer({ isVirtualEnvironment: true, base: null })),
      { reason: 'belongs to a virtual environment', foundVersion: '3.97.2' },
    ],
    [
      'has a base and is no environment',
      prints(answer({ bits: 32, base: '/usr/bin/python3' })),
      { reason: 'is a 32-bit build', foundVersion: '3.97.2' },
    ],
    [
      'prints at its start',
      prints('hello', answer()),
      {
        reason:
          'prints at start: "hello"; a .pth or sitecustomize.py in its site-packages may do it, and uv cannot use such a Python',
        foundVersion: '3.97.2',
      },
    ],
    [
      'prints at its end, by a file that it knows',
      prints(answer({ startFile: '/x/sitecustomize.py' }), 'x'.repeat(90)),
      {
        reason: `prints at its end: "${'x'.repeat(80)}"; /x/sitecustomize.py runs at each start, and uv cannot use such a Python`,
        foundVersion: '3.97.2',
      },
    ],
    [
      'is another program',
      prints('hello', 'more'),
      { reason: 'does not run: it printed "hello" instead of an answer' },
    ],
    ['prints nothing', 'exit 0', { reason: 'does not run: it printed nothing' }],
    [
      'fails',
      'echo first >&2; echo "the reason" >&2; exit 3',
      { reason: 'does not run: it ended with exit code 3 (the reason)' },
    ],
    ['fails without a word', 'exit 3', { reason: 'does not run: it ended with exit code 3' }],
    ['is killed', 'kill -KILL $$', { reason: 'does not run: it was ended by SIGKILL' }],
    [
      'is a shim',
      'echo "mise: x" >&2; exit 1',
      { reason: 'is a shim of mise, which has not chosen a version that has it' },
    ],
    ['is Python 2', 'echo "Unknown option: -I" >&2; exit 2', { reason: 'is Python 2' }],
    [
      'only speaks of the option',
      'echo "see Unknown option: -I" >&2; exit 2',
      { reason: 'does not run: it ended with exit code 2 (see Unknown option: -I)' },
    ],
    [
      'floods',
      `while :; do echo ${'x'.repeat(8000)}; done`,
      { reason: 'prints without end instead of answering' },
    ],
  ])('%s', async (_what, lines, found) => {
    expect(await inspect(lines)).toEqual({ path: '<path>', ...found });
  });

  it('is asked in an environment that points to no other', async () => {
    const env = { PYTHONPATH: '/x', KEPT: 'yes', LANG: 'C' };
    const lines = `echo "$KEPT-$PYTHONPATH-$*" | head -1 | cut -c1-14 >&2; exit 1`;
    expect(await inspect(lines, { env: { ...env, PATH: process.env['PATH'] } })).toEqual({
      path: '<path>',
      reason: 'does not run: it ended with exit code 1 (yes---I -B -c)',
    });
  });

  it('is asked in vain when the plan is cancelled', async () => {
    await expect(inspect('sleep 60', { signal: AbortSignal.abort() })).rejects.toThrow(CancelledError);
  });

  it('is not there', async () => {
    const path = join(await temporaryFolder(), 'python3');
    expect(await inspectSystemPython({ path, host, minors, env: {} })).toEqual({
      path,
      reason: `does not run: spawn ${path} ENOENT`,
    });
  });
});

describe.skipIf(process.platform === 'win32')('the search', () => {
  const machine = async () => {
    const folder = await temporaryFolder();
    await chmod(folder, 0o755);
    const python = async (name: string, change: Partial<InterpreterFacts>) => {
      const path = join(folder, name);
      await mkdir(join(path, '..'), { recursive: true });
      return shellProgram(
        join(path, '..'),
        'python3',
        `echo '${answer({ executable: join(path, '..', 'python3'), ...change })}'`,
      );
    };
    const search = (path: string[], more: Partial<Parameters<typeof findSystemPythons>[0]> = {}) =>
      findSystemPythons({
        host,
        minors,
        env: { PATH: path.map((name) => join(folder, name)).join(':') },
        ...more,
      });
    return { folder, python, search };
  };

  it('puts the better minor first, wherever it was found, and each once', async () => {
    const { folder, python, search } = await machine();
    const older = await python('a/python3', { version: '3.97.1' });
    const newer = await python('b/python3', { version: '3.98.0' });
    await symlink(newer, join(folder, 'b', 'python'));
    const { usable } = await search(['a', 'b']);
    expect(usable).toEqual([
      { path: newer, version: '3.98.0' },
      { path: older, version: '3.97.1' },
    ]);
  });

  it('for a shared runtime puts those last that others cannot reach', async () => {
    const { folder, python, search } = await machine();
    const closed = await python('home/bin/python3', { version: '3.98.0' });
    const open = await python('open/python3', { version: '3.97.1' });
    await chmod(join(folder, 'home'), 0o700);
    for (const each of ['home/bin', 'open']) await chmod(join(folder, each), 0o755);
    expect((await search(['home/bin', 'open'])).usable).toEqual([
      { path: closed, version: '3.98.0' },
      { path: open, version: '3.97.1' },
    ]);
    expect((await search(['home/bin', 'open'], { isShared: true })).usable).toEqual([
      { path: open, version: '3.97.1', closedBy: undefined },
      { path: closed, version: '3.98.0', closedBy: join(folder, 'home') },
    ]);
  });

  it('says of each that it has refused why, with the version', async () => {
    const { python, search } = await machine();
    const path = await python('a/python3', { version: '3.96.0' });
    const { usable, refused } = await search(['a'], { whyNot: () => 'no wheel' });
    expect(usable).toEqual([]);
    expect(refused).toContainEqual({ path, reason: 'is Python 3.96.0; no wheel', foundVersion: '3.96.0' });
  });

  it('takes the base of an environment when nothing else is left', async () => {
    const { python, search } = await machine();
    const base = await python('base/python3', { version: '3.98.0' });
    await python('env/python3', { version: '3.98.0', isVirtualEnvironment: true, base });
    expect((await search(['env'])).usable).toEqual([{ path: base, version: '3.98.0' }]);
  });
});

it('keeps what looks like a variable of Python and is none', () => {
  const env = { MY_PYTHONPATH: '1', pythonhome: '2', VIRTUAL_ENV_PROMPT: '3', CONDA: '4', LANG: 'C' };
  expect(interpreterEnvironment(env)).toEqual({ MY_PYTHONPATH: '1', CONDA: '4', LANG: 'C' });
});
