import { chmod, mkdir, readFile, rename, rm, symlink, truncate, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it, test } from 'vitest';
import { managedPythonDaemonLayout } from '../../../src/daemon/layout.ts';
import { assetManifest, sha256, wheelBytes, writeAsset, writeRuntime } from '../../fixtures/asset.ts';
import { writeState, writeStateText } from '../../fixtures/daemon.ts';
import { writeScript } from '../../fixtures/fake-daemon.ts';
import { scriptedRuntime, VERSION } from '../../fixtures/scripted-runtime.ts';

type World = Awaited<ReturnType<typeof scriptedRuntime>>;
let root: World['root'];
let venv: World['venv'];
let base: World['base'];
let projectDir: World['projectDir'];
let manifest: World['manifest'];
let surroundings: World['surroundings'];
let waits: World['waits'];
let run: World['run'];
let look: World['look'];
let writeConfig: World['writeConfig'];
let answering: World['answering'];
let writeEarlier: World['writeEarlier'];
beforeEach(async () => {
  ({
    root,
    venv,
    base,
    projectDir,
    manifest,
    surroundings,
    waits,
    run,
    look,
    writeConfig,
    answering,
    writeEarlier,
  } = await scriptedRuntime());
});

const at = (...names: string[]) => join(venv, ...names);

describe('runtime', () => {
  const manifestPath = () => join(root, VERSION, 'manifest.json');
  const pointLinkAt = (id: string) => symlink(join('envs', id), join(root, VERSION, '.venv'));

  test('as it was installed', async () => {
    await pointLinkAt('7f3c0000');
    expect(await run('runtime')).toEqual({
      status: 'pass',
      detail: `ktx ${VERSION} (core) in ${join(root, VERSION)}`,
    });
  });

  test.each([
    ['missing', null],
    ['one that leads to another environment', '7f3c0001'],
  ])('with a link that is %s', async (_, id) => {
    if (id !== null) {
      await mkdir(join(root, VERSION, 'envs', id));
      await pointLinkAt(id);
    }
    expect(await run('runtime')).toEqual({
      status: 'warn',
      detail: `${join(root, VERSION, '.venv')} does not lead to the active environment`,
      repairs: ['rewrite-manifest'],
    });
  });

  test('whose environment is gone: that is another check, and the link cannot be judged', async () => {
    await rm(venv, { recursive: true });
    const active = async () => ({ layout: { ...surroundings.layout, venvDir: venv }, manifest });
    expect(await run('runtime', { active })).toMatchObject({ status: 'pass' });
  });

  test.each<[string, () => Promise<unknown>, RegExp]>([
    ['without a manifest', () => rm(manifestPath()), /^No runtime manifest at .*manifest\.json$/],
    ['with half a manifest', () => writeFile(manifestPath(), '{'), /^Runtime manifest is invalid: /],
    [
      'of another ktx',
      () => writeRuntime(root, VERSION, { cliVersion: '0.2.9' }),
      /^Runtime is for CLI 0\.2\.9, current CLI is 0\.3\.0$/,
    ],
    [
      'outside of its folder',
      () =>
        writeRuntime(root, VERSION, { python: { executable: '/opt/python', daemonExecutable: '/opt/ktx' } }),
      /lies outside of/,
    ],
  ])('%s: built again, or made from an environment that is whole', async (_, change, detail) => {
    await change();
    const found = await run('runtime');
    expect(found).toMatchObject({ status: 'fail', detail: expect.stringMatching(detail) });
    expect(found.repairs).toEqual(['rebuild-environment']);
    await writeEarlier('7f3c0001');
    expect((await run('runtime', look().facts)).repairs).toEqual(['rewrite-manifest', 'rebuild-environment']);
  });

  test.each<[string, () => Promise<unknown>]>([
    ['of another version', () => writeEarlier('7f3c0001', { cliVersion: '0.2.9' })],
    [
      'without its interpreter',
      async () => {
        await writeEarlier('7f3c0001');
        await rm(join(root, VERSION, 'envs', '7f3c0001', 'bin', 'python'));
      },
    ],
    [
      'with a file cut short',
      async () => {
        await writeEarlier('7f3c0001');
        const name = `${VERSION}/envs/7f3c0001/bin/python`;
        const sizes = { schemaVersion: 1, files: { [name]: 9 } };
        await writeFile(join(root, VERSION, 'envs', '7f3c0001', 'sizes.json'), JSON.stringify(sizes));
      },
    ],
  ])('an environment %s is not whole', async (_, write) => {
    await rm(manifestPath());
    await write();
    expect((await run('runtime')).repairs).toEqual(['rebuild-environment']);
  });
});

describe('current', () => {
  const readLocked = (changes: object) => async () => ({
    layout: surroundings.layout,
    manifest: { ...manifest, ...changes },
  });

  test('the wheel of this ktx, without a lock', async () => {
    expect(await run('current')).toEqual({ status: 'pass', detail: 'built without a lock' });
  });

  test('another wheel', async () => {
    const asset = assetManifest(wheelBytes(), { wheel: { file: 'w.whl', sha256: 'b'.repeat(64), bytes: 1 } });
    expect(await run('current', { active: readLocked({ asset }) })).toEqual({
      status: 'warn',
      detail: 'The runtime was built from a different wheel than the one in this ktx',
      repairs: ['rebuild-environment'],
    });
  });

  test.each([
    ['the same lock', 'lock', 'requirements', 'pass', 'wheel 0.1.0 and its lock'],
    [
      'another lock',
      'other',
      'requirements',
      'warn',
      'The runtime was built from a different lock than the one in this ktx',
    ],
    [
      'other requirements',
      'lock',
      'other',
      'warn',
      'The runtime was built from a different lock than the one in this ktx',
    ],
  ] as const)('%s', async (_, lock, requirements, status, detail) => {
    const { assetDir } = surroundings.layout;
    const file = (text: string) => ({ file: `${text}.json`, sha256: sha256(text), bytes: text.length });
    const files = {
      lock: file('lock'),
      requirements: { core: file('requirements'), 'local-embeddings': file('e') },
    };
    await writeAsset(assetDir, { manifest: files });
    await writeFile(join(assetDir, 'lock.json'), 'lock');
    const locked = { lock: sha256(lock), requirements: sha256(requirements) };
    expect(await run('current', { active: readLocked({ locked }) })).toMatchObject({ status, detail });
  });
});

describe('interpreter', () => {
  it('passes one that runs and belongs to the environment', async () => {
    expect(await run('interpreter')).toEqual({ status: 'pass', detail: `Python 3.13.1 (${base})` });
  });

  test.each([
    ['pyvenv.cfg without a version', () => `home = ${base}\n`],
    ['pyvenv.cfg with version_info', () => `home = ${base}\nversion_info = 3.13.1.final.0\n`],
    ['pyvenv.cfg with blanks', () => `home=  ${base}  \ninclude-system-site-packages = false\n`],
  ])('passes %s', async (_, text) => {
    await writeConfig(text());
    expect(await run('interpreter')).toMatchObject({ status: 'pass' });
  });

  const python = () => at('bin', 'python');
  const config = () => at('pyvenv.cfg');
  const replaceBase = async (answer: Parameters<typeof answering>[0]) => answering(answer);
  test.each<[string, () => Promise<unknown>, () => string]>([
    [
      'an environment that is gone',
      () => rm(venv, { recursive: true }),
      () => `The environment is missing: ${venv}`,
    ],
    [
      'a file in its place',
      async () => {
        await rename(venv, `${venv}.moved`);
        await writeFile(venv, '');
      },
      () => `The environment is not a folder: ${venv}`,
    ],
    ['no pyvenv.cfg', () => rm(config()), () => `${config()} is missing`],
    ['an empty pyvenv.cfg', () => writeConfig(''), () => `${config()} does not name a Python`],
    [
      'a home without a path',
      () => writeConfig('home =\nversion = 3.13.1\n'),
      () => `${config()} does not name a Python`,
    ],
    [
      'packages of the system',
      () => writeConfig(`home = ${base}\ninclude-system-site-packages = True\n`),
      () => `${config()} lets the packages of the system in`,
    ],
    [
      'a folder in the place of pyvenv.cfg',
      async () => {
        await rm(config());
        await mkdir(config());
      },
      () => `${config()} cannot be used: `,
    ],
    ['no interpreter', () => rm(python()), () => `Missing Python executable: ${python()}`],
    [
      'a base that is gone',
      () => rm(join(base, 'python3.13')),
      () => `The base Python of the environment is gone: ${python()} points to ${join(base, 'python3.13')}`,
    ],
    [
      'one that ends with an error',
      () =>
        writeScript(
          join(base, 'python3.13'),
          '#!/bin/sh\necho first >&2\necho "no module encodings" >&2\nexit 3\n',
        ),
      () => `${python()} does not run: it ended with exit code 3: no module encodings`,
    ],
    [
      'one that ends without a word',
      () => writeScript(join(base, 'python3.13'), '#!/bin/sh\nexit 3\n'),
      () => `${python()} does not run: it ended with exit code 3`,
    ],
    [
      'another program',
      () => writeScript(join(base, 'python3.13'), '#!/bin/sh\necho hello\n'),
      () => `${python()} does not run: it does not answer as Python does`,
    ],
    [
      'a base of another version',
      () => replaceBase({ version: '3.13.2' }),
      () => 'The base Python of the environment was replaced: it was built with 3.13.1, and 3.13.2 answers',
    ],
    [
      'a base in another folder',
      () => writeConfig(`home = ${join(base, 'none')}\nversion = 3.13.1\n`),
      () => `The Python that the environment was made from is gone: ${join(base, 'none')}`,
    ],
    [
      'another Python than that of its base',
      async () => {
        await mkdir(join(base, '..', 'other'));
        for (const name of ['python-config', 'python3.x'])
          await symlink(join(base, 'python3.13'), join(base, '..', 'other', name));
        await writeConfig(`home = ${join(base, '..', 'other')}\n`);
      },
      () =>
        `${python()} is ${join(base, 'python3.13')}, which is not the Python in ${join(base, '..', 'other')} that the environment was made from`,
    ],
    [
      'the interpreter of another environment',
      () => replaceBase({ prefix: '/opt/other' }),
      () => 'The interpreter belongs to another environment: sys.prefix is /opt/other',
    ],
  ])('fails %s, and offers to build it again', async (_, change, detail) => {
    const active = await surroundings.facts.active();
    await change();
    const found = await run('interpreter', { active: async () => active });
    expect(found).toMatchObject({ status: 'fail', repairs: ['rebuild-environment'] });
    expect(found.detail.startsWith(detail())).toBe(true);
    if (!detail().endsWith(': ')) expect(found.detail).toBe(detail());
  });

  it.each(['python', 'python3', 'python3.13t'])('takes a base whose program is named %s', async (name) => {
    const home = join(base, '..', 'other');
    await mkdir(home);
    await symlink(join(base, 'python3.13'), join(home, name));
    await writeConfig(`home = ${home}\n`);
    expect(await run('interpreter')).toMatchObject({ status: 'pass' });
  });

  it('offers the earlier environment where it is whole', async () => {
    await writeEarlier('7f3c0001');
    await rm(config());
    expect((await run('interpreter')).repairs).toEqual(['rebuild-environment', 'restore-previous']);
    expect((await run('entry-point')).status).toBe('pass');
  });

  it('does not call a cancelled check broken', async () => {
    const stop = new AbortController();
    const interpreter = async () => {
      stop.abort();
      throw new Error('ended');
    };
    await expect(run('interpreter', { interpreter }, { signal: stop.signal })).rejects.toThrow(/abort/i);
  });
});

describe('entry-point', () => {
  const daemon = () => at('bin', 'ktx-daemon');
  const own = () => `#!${at('bin', 'python')}\n`;
  test('the script that was installed', async () => {
    expect(await run('entry-point')).toEqual({ status: 'pass', detail: daemon() });
  });

  test('a script that uv wrote for a path with blanks', async () => {
    await writeScript(
      daemon(),
      `#!/bin/sh\n'''exec' '${at('bin', 'python')}' "$0" "$@"\n' '''\nimport ktx_daemon\n`,
    );
    expect(await run('entry-point')).toMatchObject({ status: 'pass' });
  });

  test.each<[string, () => Promise<unknown>, string]>([
    ['gone', () => rm(daemon()), 'Missing ktx-daemon executable: DAEMON'],
    [
      'a folder',
      async () => {
        await rm(daemon());
        await mkdir(daemon());
      },
      'DAEMON is not a file',
    ],
    ['not executable', () => chmod(daemon(), 0o644), 'DAEMON is not executable'],
    ['empty', () => truncate(daemon(), 0), 'DAEMON does not run the interpreter of its environment'],
    [
      'of another environment',
      () => writeScript(daemon(), '#!/opt/envs/1/bin/python\nimport ktx_daemon\n'),
      'DAEMON does not run the interpreter of its environment',
    ],
    [
      'with Windows line endings',
      () => writeScript(daemon(), `${own().trimEnd()}\r\nimport ktx_daemon\r\n`),
      'DAEMON has Windows line endings, so it cannot be started',
    ],
    [
      'no script, though it names the interpreter',
      () => writeScript(daemon(), `\n${own()}import ktx_daemon\n`),
      'DAEMON does not run the interpreter of its environment',
    ],
    [
      'another program',
      () => writeScript(daemon(), `${own()}import other\n`),
      'DAEMON does not start the ktx daemon',
    ],
    ['too large', () => writeScript(daemon(), own() + '#'.repeat(1024 * 1024)), 'DAEMON cannot be read: '],
  ])('one that is %s', async (_, change, detail) => {
    await change();
    const found = await run('entry-point');
    expect(found).toMatchObject({ status: 'fail', repairs: ['rebuild-environment'] });
    const expected = detail.replace('DAEMON', daemon());
    expect(found.detail.slice(0, expected.length)).toBe(expected);
  });

  test("the script of another program's wheel starts what that wheel says", async () => {
    await writeScript(daemon(), `${own()}import acme\n`);
    const asset = { ...manifest.asset, proof: { imports: ['acme'], serves: true } };
    const { layout } = await surroundings.facts.active();
    const active = async () => ({ layout, manifest: { ...manifest, asset } as typeof manifest });
    expect(await run('entry-point', { active })).toMatchObject({ status: 'pass' });
  });
});

describe('environment', () => {
  const saying = (script: string) => writeScript(join(base, 'python3.13'), `#!/bin/sh\n${script}\n`);
  test('imports what the wheel says, in an interpreter of its own, and writes nothing', async () => {
    await saying(
      `echo "$@" > ${join(base, 'args')}; env > ${join(base, 'env')}; echo noise; echo "imported 3.13.1"`,
    );
    const env = { PYTHONPATH: '/evil', MINE: '1' };
    expect(await run('environment', {}, { env })).toEqual({
      status: 'pass',
      detail: 'Python 3.13.1 imports ktx_daemon',
    });
    expect(waits).toEqual(['importing the packages']);
    const args = await readFile(join(base, 'args'), 'utf8');
    expect(args).toMatch(/^-I -B -c import os, site, sys/);
    expect(args).toContain('for name in ["ktx_daemon","semantic_layer"]');
    const seen = await readFile(join(base, 'env'), 'utf8');
    expect(seen).toContain('MINE=1');
    expect(seen).not.toContain('/evil');
  });

  test.each([
    [
      'one that cannot import',
      'echo Traceback >&2; echo "ImportError: libz" >&2; exit 1',
      'ImportError: libz',
    ],
    ['one that says so and fails at the end', 'echo "imported 3.13.1"; echo late >&2; exit 1', 'late'],
    ['one that says nothing', 'exit 0', 'the interpreter gave no answer'],
  ])('%s', async (_, script, last) => {
    await saying(script);
    expect(await run('environment')).toEqual({
      status: 'fail',
      detail: `The packages cannot be imported: ${last}`,
      repairs: ['rebuild-environment'],
    });
  });

  test('a wheel of which nothing is imported', async () => {
    await saying('echo "imported 3.13.1"');
    const { layout } = await surroundings.facts.active();
    const asset = { ...manifest.asset, proof: { imports: [], serves: false } };
    const active = async () => ({ layout, manifest: { ...manifest, asset } as typeof manifest });
    expect((await run('environment', { active })).detail).toBe('Python 3.13.1 imports nothing');
    // And its daemon only has to be there.
    expect(await run('daemon', { active })).toEqual({
      status: 'pass',
      detail: 'On a free port it is there, and serves nothing',
    });
    await rm(layout.daemonPath);
    expect(await run('daemon', { active })).toMatchObject({
      status: 'fail',
      repairs: ['rebuild-environment'],
    });
  });

  test('a daemon that ends at once is quoted', async () => {
    await writeScript(at('bin', 'ktx-daemon'), '#!/bin/sh\necho "ERROR: no sqlglot" >&2\nexit 1\n');
    const found = await run('daemon');
    expect(found).toMatchObject({ status: 'fail', repairs: ['rebuild-environment'] });
    expect(found.detail).toContain('ERROR: no sqlglot');
    expect(waits).toEqual(['starting a daemon']);
  });

  test('a daemon check that is cancelled is not a broken runtime', async () => {
    await expect(run('daemon', {}, { signal: AbortSignal.abort() })).rejects.toThrow('Operation cancelled.');
  });
});

describe('the daemon of a project', () => {
  const layout = () => managedPythonDaemonLayout({ cliVersion: VERSION, runtimeRoot: root, projectDir });
  const all = () => Promise.all(['daemon-state', 'daemon-version', 'daemon-health'].map((id) => run(id)));
  const skipped = (detail: string) => ({ status: 'skipped', detail });

  test('no project, or none recorded for it', async () => {
    expect(await all()).toEqual([
      skipped('none was started for this project yet'),
      skipped('none was started yet'),
      skipped('none was started yet'),
    ]);
    const { projectDir: _, ...target } = surroundings.target;
    const without = { target };
    expect(await run('daemon-state', {}, without)).toEqual(skipped('no project is known here'));
    expect(await run('daemon-health', {}, without)).toEqual(skipped('none was started yet'));
  });

  test('a record that cannot be read', async () => {
    await writeStateText(layout(), '{');
    expect(await run('daemon-state')).toMatchObject({
      status: 'fail',
      detail: expect.stringMatching(/^Daemon state is invalid: /),
      repairs: ['stop-daemon'],
    });
  });

  test('a process that has ended, and one that is no daemon', async () => {
    await writeState(layout(), { pid: 0x3fffff });
    expect(await run('daemon-state')).toEqual({
      status: 'warn',
      detail: `Daemon process ${0x3fffff} has ended; the next command starts another`,
      repairs: ['stop-daemon'],
    });
    await writeState(layout(), { pid: process.pid });
    expect(await run('daemon-state')).toEqual({
      status: 'warn',
      detail: `Process ${process.pid} is not the daemon that was recorded`,
      repairs: ['stop-daemon'],
    });
    expect(await run('daemon-health')).toEqual(skipped('the recorded process is not a daemon'));
  });

  test('one of another version, and one from before the install', async () => {
    const startedAt = '2026-05-11T00:00:00.000Z';
    await writeState(layout(), { version: '0.2.9', startedAt });
    expect(await run('daemon-version')).toEqual({
      status: 'fail',
      detail: 'Daemon is for CLI 0.2.9, current CLI is 0.3.0',
      repairs: ['stop-daemon'],
    });
    await writeState(layout(), { startedAt });
    const install = (offsetMs: number) => {
      const at = new Date(Date.parse(startedAt) + offsetMs);
      return utimes(layout().manifestPath, at, at);
    };
    await install(1000);
    expect(await run('daemon-version')).toEqual({
      status: 'warn',
      detail: 'The daemon was started before the runtime was installed',
      repairs: ['stop-daemon'],
    });
    await install(-1000);
    expect(await run('daemon-version')).toEqual({ status: 'pass', detail: 'ktx 0.3.0' });
  });
});
