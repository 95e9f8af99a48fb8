import { join, relative, sep } from 'node:path';
import * as z from 'zod/mini';
import { endingText } from '../../process/ending.ts';
import { runProcess } from '../../process/run-process.ts';
import { interpreterEnvironment } from '../../python/system-python.ts';
import { findAlteration } from '../../python/unpacked-python.ts';
import { formatCount } from '../../support/text/format.ts';
import { type Check, fail, type Outcome, pass } from './check.ts';
import type { CheckContext } from './context.ts';

const LISTED = 3;

const answerSchema = z.object({ count: z.int(), problems: z.array(z.string()) });

/**
 * Loads every bytecode file of a folder without executing it. Python ignores files that are stale or of
 * another version; a truncated or corrupt one breaks the import of an intact module.
 */
const BYTECODE = `import importlib.util, json, marshal, os, sys
count, problems = 0, []
for root, folders, names in os.walk(sys.argv[1]):
    for name in names:
        if not name.endswith(f'.{sys.implementation.cache_tag}.pyc'):
            continue
        path = os.path.join(root, name)
        count += 1
        try:
            with open(path, 'rb') as file:
                data = file.read()
            if len(data) > 16 and data[:4] == importlib.util.MAGIC_NUMBER:
                marshal.loads(data[16:])
        except Exception as error:
            problems.append(f'{os.path.relpath(path, sys.argv[1])} does not load: {error}')
print(json.dumps({'count': count, 'problems': sorted(problems)}))`;

/**
 * Checks the standard library: sources that are empty although their bytecode is not, sources that do not
 * compile, and extension modules that do not load. Skips modules that distributions package separately or
 * ship without their library.
 */
const STANDARD_LIBRARY = `import importlib, importlib.util, json, os, struct, sys, sysconfig
top = sysconfig.get_path('stdlib')
apart = {'site-packages', 'dist-packages', 'test', 'tests', 'idlelib', 'idle_test', 'lib2to3', 'turtledemo', 'tkinter', '__pycache__'}
count, problems = 0, []
def size_when_compiled(path):
    try:
        with open(importlib.util.cache_from_source(path), 'rb') as file:
            flags, _, size = struct.unpack('<4xIII', file.read(16))
        return size if flags == 0 else None
    except (OSError, struct.error):
        return None
for root, folders, names in os.walk(top):
    folders[:] = [name for name in folders if name not in apart and not name.startswith('config-')]
    for name in names:
        if not name.endswith('.py'):
            continue
        path = os.path.join(root, name)
        count += 1
        try:
            size, compiled = os.stat(path).st_size, size_when_compiled(path)
            if size == compiled:
                continue
            if size == 0 and compiled:
                raise ValueError('is empty')
            with open(path, 'rb') as file:
                compile(file.read(), path, 'exec', dont_inherit=True)
            if compiled is not None:
                raise ValueError(f'has {size} bytes, and had {compiled} when it was compiled')
        except (OSError, SyntaxError, ValueError) as error:
            problems.append(f'{path} {error}')
optional = ('_test', '_xx', 'xx', '_tkinter', '_dbm', '_gdbm', '_curses', 'readline', 'nis', 'ossaudiodev', '_ctypes_test')
dynamic = os.path.join(sysconfig.get_path('platstdlib', vars={'platbase': sys.base_exec_prefix}), 'lib-dynload')
for name in sorted(os.listdir(dynamic)) if os.path.isdir(dynamic) else []:
    module = name.split('.')[0]
    if not name.endswith(('.so', '.pyd')) or module.startswith(optional):
        continue
    count += 1
    try:
        importlib.import_module(module)
    except Exception as error:
        problems.append(f'{os.path.join(dynamic, name)} does not load: {error}')
print(json.dumps({'count': count, 'problems': problems}))`;

export const PYTHON_FILE_CHECKS: readonly Check[] = [
  {
    id: 'bytecode',
    group: 'Runtime',
    label: 'Compiled files load',
    why: 'Python trusts a compiled file whose source did not change, and stops at one that is cut short.',
    cost: 'deep',
    dependsOn: ['interpreter'],
    timeoutMs: 120_000,
    async run(context): Promise<Outcome> {
      const { venvDir } = (await context.facts.active()).layout;
      context.waitFor('loading the compiled files');
      const { count, problems } = await askPython(context, BYTECODE, [join(venvDir, 'lib')]);
      if (problems.length > 0) return fail(listed(problems), ['rebuild-environment']);
      return pass(formatCount(count, 'compiled file'));
    },
  },
  {
    id: 'base-python',
    group: 'Runtime',
    label: 'Base Python is whole',
    why: 'An environment runs the standard library of the Python that it was made from, wherever that is.',
    cost: 'deep',
    dependsOn: ['interpreter'],
    timeoutMs: 120_000,
    async run(context): Promise<Outcome> {
      const { facts, shared, signal } = context;
      const { base } = await facts.interpreter();
      const below = relative(shared.pythonDir, base);
      if (!below.startsWith('..')) {
        context.waitFor('hashing Python');
        const dir = join(shared.pythonDir, below.split(sep)[0]!);
        const name = await findAlteration(dir, signal);
        if (name !== null) return fail(`${join(dir, name)} was altered`, ['rebuild-environment']);
        return pass(`${base}, as it was unpacked`);
      }
      context.waitFor('looking through the standard library');
      const { count, problems } = await askPython(context, STANDARD_LIBRARY, []);
      if (problems.length === 0) return pass(`${formatCount(count, 'module')} of ${base}`);
      return fail(
        listed(problems),
        [],
        `Install the Python in ${base} again, or take another one: ktx setup --force --python auto`,
      );
    },
  },
];

/** Runs a script and returns its output; an interpreter crash counts as one problem. */
async function askPython(
  { facts, env, signal }: CheckContext,
  script: string,
  args: readonly string[],
): Promise<z.infer<typeof answerSchema>> {
  const { pythonPath } = (await facts.active()).layout;
  const outcome = await runProcess({
    command: pythonPath,
    args: ['-I', '-B', '-c', script, ...args],
    env: interpreterEnvironment(env),
    signal,
  });
  if (outcome.exitCode === 0) return answerSchema.parse(JSON.parse(outcome.stdout));
  const last = outcome.stderr.trim().split('\n').at(-1) ?? '';
  const how = endingText(outcome.exitCode, outcome.signal);
  return { count: 0, problems: [[`the interpreter ${how}`, last].filter(Boolean).join(': ')] };
}

function listed(problems: readonly string[]): string {
  const more = problems.length - LISTED;
  return [...problems.slice(0, LISTED), ...(more > 0 ? [`${more} more`] : [])].join('; ');
}
