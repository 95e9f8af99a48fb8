import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { openToolbox, type Toolbox, venvExecutable } from '../../src/maker/toolbox.ts';
import { buildWheel, takeWheel } from '../../src/maker/wheel.ts';
import { CancelledError } from '../../src/support/errors.ts';
import { MANAGED_UV_VERSION } from '../../src/uv/release.ts';
import { asPlatform, shellProgram, withPath } from '../fixtures/as-platform.ts';
import { wheelOf } from '../fixtures/foreign-asset.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';

const TOOLS = `uv==${MANAGED_UV_VERSION} packaging==26.3`;

/** A Python that makes environments whose programs note how they were called. */
async function pythonIn(folder: string, name = 'python3'): Promise<string> {
  const program = `#!/bin/sh
echo "$*" >>'${folder}/calls'
env | grep -e ^UV_ -e ^PYTHONDONT | sort >'${folder}/env'
case "$*" in *fail*) seq 1 30 >&2; exit 3;; esac
echo done`;
  await writeFile(join(folder, 'program'), program);
  return shellProgram(
    folder,
    name,
    `echo "${name} $*" >>'${folder}/calls'
[ "$2" = venv ] && /bin/mkdir -p "$3/bin" && /bin/cp '${folder}/program' "$3/bin/python" && /bin/cp '${folder}/program' "$3/bin/uv" && /bin/chmod 755 "$3/bin/python" "$3/bin/uv"`,
  );
}
const calls = async (folder: string) => (await readFile(join(folder, 'calls'), 'utf8')).trim().split('\n');

describe.skipIf(process.platform === 'win32')('the tools of the maker', () => {
  it('are installed once, and again when others are wanted', async () => {
    const folder = await temporaryFolder();
    const python = await pythonIn(folder);
    const scratchDir = join(folder, 'scratch');
    const told: string[] = [];
    const open = () => openToolbox({ scratchDir, python, tell: (line) => void told.push(line) });
    const tools = await open();
    const venv = join(scratchDir, 'tools');
    expect(tools).toMatchObject({ python: join(venv, 'bin/python'), uv: join(venv, 'bin/uv') });
    const installed = [`python3 -m venv ${venv}`, `-m pip install --quiet --only-binary :all: ${TOOLS}`];
    expect(await calls(folder)).toEqual(installed);
    expect(told).toEqual([`Installing uv==${MANAGED_UV_VERSION} and packaging==26.3 for the maker`]);
    await open();
    expect(await calls(folder)).toEqual(installed);
    await writeFile(join(venv, 'ktx-tools.txt'), 'uv==0.0.1');
    await writeFile(join(venv, 'left'), '');
    await open();
    expect(await calls(folder)).toEqual([...installed, ...installed]);
    expect(await readdir(venv)).not.toContain('left');
    expect(await readdir(scratchDir)).toContain('tools.lock');
  });

  it.each([
    ['linux', 'python3'],
    ['win32', 'python'],
  ] as const)('on %s are made with the %s of the PATH', async (platform, name) => {
    const folder = await temporaryFolder();
    await pythonIn(folder, name);
    asPlatform(platform);
    withPath(`${folder}:/usr/bin:/bin`);
    expect(venvExecutable('/v', 'uv')).toBe(platform === 'win32' ? '/v/Scripts/uv.exe' : '/v/bin/uv');
    const opening = openToolbox({ scratchDir: join(folder, 'scratch') });
    // What was made there has no Scripts.
    if (platform === 'win32') await expect(opening).rejects.toThrow('was not found.');
    else await opening;
    expect((await calls(folder))[0]).toBe(`${name} -m venv ${join(folder, 'scratch/tools')}`);
  });

  it('run in an environment that is theirs alone', async () => {
    const folder = await temporaryFolder();
    for (const name of ['UV_DEFAULT_INDEX', 'UV_INDEX_URL', 'PIP_INDEX_URL']) vi.stubEnv(name, undefined);
    onTestFinished(() => void vi.unstubAllEnvs());
    const scratchDir = join(folder, 'scratch');
    const tools = await openToolbox({ scratchDir, python: await pythonIn(folder) });
    const seen = async (env?: NodeJS.ProcessEnv) => {
      expect(await tools.runUv(['build'], { env })).toBe('done\n');
      return (await readFile(join(folder, 'env'), 'utf8')).trim().split('\n');
    };
    const own = [
      'PYTHONDONTWRITEBYTECODE=1',
      `UV_CACHE_DIR=${join(scratchDir, 'uv-cache')}`,
      'UV_NO_CONFIG=1',
      `UV_PYTHON=${tools.python}`,
      'UV_PYTHON_DOWNLOADS=never',
    ];
    expect(await seen()).toEqual(own);
    vi.stubEnv('PIP_INDEX_URL', 'https://pip.example');
    expect(await seen()).toContain('UV_DEFAULT_INDEX=https://pip.example');
    vi.stubEnv('UV_INDEX_URL', 'https://uv.example');
    expect(await seen()).toContain('UV_DEFAULT_INDEX=https://uv.example');
    vi.stubEnv('UV_DEFAULT_INDEX', 'https://default.example');
    expect(await seen({ UV_NO_CONFIG: '0' })).toEqual(
      expect.arrayContaining(['UV_DEFAULT_INDEX=https://default.example', 'UV_NO_CONFIG=0']),
    );
    await tools.run(tools.python, ['x']);
    expect(await readFile(join(folder, 'env'), 'utf8')).not.toContain('UV_NO_CONFIG');
  });

  it('that fail say so with the last lines', async () => {
    const folder = await temporaryFolder();
    const tools = await openToolbox({ scratchDir: join(folder, 'scratch'), python: await pythonIn(folder) });
    const last = Array.from({ length: 20 }, (_, index) => `${index + 11}`);
    await expect(
      tools.runUv(['pip', 'fail', 'x'], { what: 'The lock cannot be made' }),
    ).rejects.toMatchObject({
      message: `The lock cannot be made (${tools.uv} pip fail: it ended with exit code 3).`,
      failureClass: 'internal',
      evidence: last,
    });
    await expect(tools.run(tools.uv, ['fail'])).rejects.toThrow(
      `${tools.uv} failed (${tools.uv} fail: it ended with exit code 3).`,
    );
    await expect(tools.run('/nowhere/uv', [])).rejects.toMatchObject({
      message: '/nowhere/uv was not found.',
      failureClass: 'platform',
      remedies: [{ label: 'Install Python 3.11 or newer, or name it with --python <path>' }],
    });
    const stopped = openToolbox({ scratchDir: join(folder, 'other'), signal: AbortSignal.abort() });
    await expect(stopped).rejects.toThrow(CancelledError);
  });
});

describe('a wheel', () => {
  const wheel = (version: string, text = '') =>
    wheelOf({
      distribution: 'tool',
      version,
      files: { 'tool/__init__.py': text },
      metadata: ['Requires-Python: >=3.11'],
    });
  /** uv that "builds" these, one after the other; notes how it was asked. */
  const tools = (...built: { file: string; bytes: Uint8Array }[]) => {
    const asked: unknown[] = [];
    const runUv: Toolbox['runUv'] = async (args, options) => {
      asked.push([args.filter((_, index) => index !== 4), options]);
      const next = built.shift();
      if (next) await writeFile(join(args[4]!, next.file), next.bytes);
      return '';
    };
    return { asked, box: { runUv } as Toolbox };
  };

  it('that is named is taken as it is', async () => {
    const folder = await temporaryFolder();
    const { file, bytes } = wheel('1.0');
    await writeFile(join(folder, file), bytes);
    const made = await takeWheel({ file: join(folder, file) }, tools().box, { scratchDir: folder });
    expect(made).toMatchObject({ file, metadata: { version: '1.0' } });
    expect(made.bytes.equals(bytes)).toBe(true);
  });

  it('for one platform is refused', async () => {
    const path = join(await temporaryFolder(), 'tool-1.0-cp313-cp313-linux_x86_64.whl');
    await writeFile(path, wheel('1.0').bytes);
    await expect(takeWheel({ file: path }, tools().box, { scratchDir: '/none' })).rejects.toMatchObject({
      message:
        'tool-1.0-cp313-cp313-linux_x86_64.whl is made for one platform. One wheel has to serve them all: …-none-any.whl.',
      failureClass: 'platform',
      remedies: [{ label: 'Move what is compiled into a package of its own, and depend on it' }],
    });
  });

  it('of a project is built twice, and what it was built in is gone', async () => {
    const scratchDir = join(await temporaryFolder(), 'scratch');
    const { asked, box } = tools(wheel('1.0'), wheel('1.0'));
    expect(await takeWheel({ project: '/p' }, box, { scratchDir })).toMatchObject({
      file: wheel('1.0').file,
    });
    const once = [
      ['build', '--wheel', '--quiet', '--out-dir', '/p'],
      { env: { SOURCE_DATE_EPOCH: '315532800' }, what: 'The wheel of /p could not be built' },
    ];
    expect(asked).toEqual([once, once]);
    expect(await readdir(scratchDir)).toEqual([]);
  });

  it.each([
    ['by its name', wheel('1.0'), wheel('1.1')],
    ['by its bytes', wheel('1.0'), wheel('1.0', 'x = 1')],
  ])('that differs %s the second time is refused', async (_how, first, second) => {
    const scratchDir = await temporaryFolder();
    await expect(
      takeWheel({ project: '/p' }, tools(first, second).box, { scratchDir }),
    ).rejects.toMatchObject({
      message: `Two builds of /p differ: ${first.file}.`,
      failureClass: 'internal',
      remedies: [
        { label: 'Use a build backend that honours SOURCE_DATE_EPOCH, or name a built wheel in "wheel"' },
      ],
    });
  });

  it('that was not built is an error of ours, and leaves nothing', async () => {
    const scratchDir = join(await temporaryFolder(), 'a', 'b');
    await expect(buildWheel('/p', tools().box, { scratchDir })).rejects.toThrow(
      /^uv build left no wheel in /,
    );
    expect(await readdir(scratchDir)).toEqual([]);
    await mkdir(join(scratchDir, 'x'));
    expect(await readdir(scratchDir)).toEqual(['x']);
  });
});
