import { execFileSync } from 'node:child_process';
import { cp, mkdir, readdir, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect, it, onTestFinished, vi } from 'vitest';
import type { Outcome } from '../../../src/doctor/checks/check.ts';
import type { CheckContext } from '../../../src/doctor/checks/context.ts';
import { PYTHON_FILE_CHECKS } from '../../../src/doctor/checks/python-files.ts';
import * as unpackedPython from '../../../src/python/unpacked-python.ts';
import { temporaryFolder, temporaryFolderForFile } from '../../fixtures/temporary-folder.ts';
import { anyInterpreter } from '../../kernel/interpreters.ts';

vi.mock('../../../src/python/unpacked-python.ts', { spy: true });

const NOT_NEEDED =
  /\/(?:test|tests|idlelib|site-packages|ensurepip|tkinter|turtledemo|lib2to3|config-[^/]*)$/;

/** A Python of its own, and an environment made from it: the standard library of this machine is not to be damaged. */
let root: string;
let base: string;
let stdlib: string;
let environment: string;
beforeAll(async () => {
  root = await temporaryFolderForFile();
  base = join(root, 'base');
  const says =
    'import sys, sysconfig; print(sys.base_prefix, sysconfig.get_path("stdlib"), "%d.%d" % sys.version_info[:2])';
  const own = anyInterpreter();
  const [prefix, from, minor] = execFileSync(own, ['-I', '-c', says], { encoding: 'utf8' })
    .trim()
    .split(' ') as [string, string, string];
  stdlib = join(base, 'lib', `python${minor}`);
  await cp(from, stdlib, {
    recursive: true,
    preserveTimestamps: true,
    filter: (path) => !NOT_NEEDED.test(path),
  });
  await mkdir(join(base, 'bin'));
  await cp(join(prefix, 'bin', `python${minor}`), join(base, 'bin', 'python3'), { dereference: true });
  environment = join(root, 'environment');
  execFileSync(join(base, 'bin', 'python3'), ['-I', '-m', 'venv', '--without-pip', environment]);
});

/** What a check said it was doing. */
const waits: string[] = [];

async function look(id: string): Promise<Outcome> {
  waits.splice(0);
  const layout = { venvDir: environment, pythonPath: join(environment, 'bin', 'python') };
  const context = {
    facts: { active: async () => ({ layout }), interpreter: async () => ({ base }) },
    shared: { pythonDir: join(base, '..', 'runtime', 'uv', 'python') },
    env: { PATH: '/usr/bin:/bin' },
    signal: new AbortController().signal,
    waitFor: (text: string) => waits.push(text),
  } as unknown as CheckContext;
  return PYTHON_FILE_CHECKS.find((check) => check.id === id)!.run(context);
}

it('passes a Python as it was installed, and finds what a disk or a person did to its standard library', async () => {
  expect(await look('base-python')).toMatchObject({ status: 'pass', detail: expect.stringContaining(base) });
  expect(waits).toEqual(['looking through the standard library']);
  const module = join(stdlib, 'textwrap.py');
  const text = await readFile(module);
  await truncate(module, 0);
  expect(await look('base-python')).toMatchObject({
    status: 'fail',
    detail: `${module} is empty`,
    fix: expect.stringContaining('ktx setup --force --python auto'),
  });
  await writeFile(module, 'def (');
  expect((await look('base-python')).detail).toContain('textwrap.py invalid syntax');
  await writeFile(module, text);
  const dynamic = join(stdlib, 'lib-dynload');
  const library = (await readdir(dynamic)).find((name) => name.startsWith('_json.'))!;
  await truncate(join(dynamic, library), 64);
  expect((await look('base-python')).detail).toMatch(/_json\S* does not load: /);
});

it('finds a compiled file that is cut short, and leaves alone one that Python ignores', async () => {
  const folder = join(environment, 'lib', 'package', '__pycache__');
  await mkdir(folder, { recursive: true });
  const code = `import py_compile, sys; print(py_compile.compile(sys.argv[1], cfile=None))`;
  const source = join(folder, '..', 'module.py');
  await writeFile(source, 'text = "long enough to be cut"\n');
  const compiled = execFileSync(join(environment, 'bin', 'python'), ['-I', '-c', code, source], {
    encoding: 'utf8',
  }).trim();
  expect(await look('bytecode')).toMatchObject({
    status: 'pass',
    detail: expect.stringMatching(/^\d+ compiled files?$/),
  });
  expect(waits).toEqual(['loading the compiled files']);
  await truncate(compiled, 40);
  expect(await look('bytecode')).toMatchObject({
    status: 'fail',
    repairs: ['rebuild-environment'],
    detail: expect.stringContaining('does not load'),
  });
  await truncate(compiled, 10);
  expect((await look('bytecode')).status).toBe('pass');
});

/** An interpreter that answers what a test wants. */
async function scripted(script: string, base = '/usr'): Promise<(id: string) => Promise<Outcome>> {
  const folder = await temporaryFolder();
  const pythonPath = join(folder, 'python');
  await writeFile(pythonPath, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  const context = {
    facts: {
      active: async () => ({ layout: { venvDir: folder, pythonPath } }),
      interpreter: async () => ({ base }),
    },
    shared: { pythonDir: join(folder, 'python-dir') },
    env: { PATH: '/usr/bin:/bin' },
    signal: new AbortController().signal,
    waitFor: () => {},
  } as unknown as CheckContext;
  return (id) => PYTHON_FILE_CHECKS.find((check) => check.id === id)!.run(context);
}
const answering = (answer: object) => `cat <<'END'\n${JSON.stringify(answer)}\nEND`;

it.each([
  [{ count: 1, problems: [] }, 'pass', '1 compiled file', '1 module of /usr'],
  [{ count: 2, problems: [] }, 'pass', '2 compiled files', '2 modules of /usr'],
  [{ count: 9, problems: ['a', 'b', 'c'] }, 'fail', 'a; b; c', 'a; b; c'],
  [{ count: 9, problems: ['a', 'b', 'c', 'd', 'e'] }, 'fail', 'a; b; c; 2 more', 'a; b; c; 2 more'],
] as const)('%j: %s', async (answer, status, bytecode, base) => {
  const found = await scripted(answering(answer));
  expect(await found('bytecode')).toMatchObject({ status, detail: bytecode });
  expect(await found('base-python')).toMatchObject({ status, detail: base });
});

it('names the repair of the environment, and what to do about a Python of the system', async () => {
  const found = await scripted(answering({ count: 1, problems: ['a'] }));
  expect(await found('bytecode')).toMatchObject({ repairs: ['rebuild-environment'] });
  expect(await found('base-python')).toMatchObject({
    fix: 'Install the Python in /usr again, or take another one: ktx setup --force --python auto',
  });
});

it.each([
  ['echo one >&2; echo two >&2; exit 3', 'the interpreter ended with exit code 3: two'],
  ['exit 3', 'the interpreter ended with exit code 3'],
  ['kill -SEGV $$', 'the interpreter was ended by SIGSEGV'],
])('an interpreter that does not survive (%s) is one problem', async (script, detail) => {
  const found = await scripted(script);
  expect(await found('bytecode')).toMatchObject({ status: 'fail', detail });
});

it.each([
  [null, 'pass', '/cpython-3.13.1/install, as it was unpacked', undefined],
  ['lib/os.py', 'fail', '/cpython-3.13.1/lib/os.py was altered', ['rebuild-environment']],
])('a Python of ktx is compared with what was unpacked: %s', async (altered, status, detail, repairs) => {
  const find = vi.spyOn(unpackedPython, 'findAlteration').mockResolvedValue(altered);
  onTestFinished(() => find.mockRestore());
  const pythonDir = '/runtime/uv/python';
  const waited: string[] = [];
  const { signal } = new AbortController();
  const context = {
    facts: { interpreter: async () => ({ base: `${pythonDir}/cpython-3.13.1/install` }) },
    shared: { pythonDir },
    signal,
    waitFor: (text: string) => waited.push(text),
  } as unknown as CheckContext;
  const outcome = await PYTHON_FILE_CHECKS.find(({ id }) => id === 'base-python')!.run(context);
  expect(outcome).toMatchObject({ status, detail: `${pythonDir}${detail}` });
  expect([outcome.repairs, waited]).toEqual([repairs, ['hashing Python']]);
  expect(find).toHaveBeenCalledWith(`${pythonDir}/cpython-3.13.1`, signal);
});
