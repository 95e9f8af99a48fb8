import { chmod, mkdir, readFile, rename, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { RepairId } from '../../src/doctor/checks/check.ts';
import {
  changeManifest,
  config,
  daemon,
  distInfo,
  empty,
  fifo,
  filesBelow,
  loop,
  moduleOf,
  python,
  replaced,
  script,
  type ZooState,
} from './zoo-state.ts';

export const environment = (name: string, damage: ZooState['damage'], finds = 'interpreter'): ZooState => ({
  name,
  damage,
  finds: [finds],
  repair: 'rebuild-environment',
});

export const ENVIRONMENT: readonly ZooState[] = [
  environment('no pyvenv.cfg', (p) => rm(config(p))),
  environment('pyvenv.cfg empty', (p) => empty(config(p))),
  environment('pyvenv.cfg is a folder', (p) => replaced(config(p), (path) => mkdir(path))),
  environment('pyvenv.cfg is a pipe', (p) => replaced(config(p), fifo)),
  environment('interpreter deleted', (p) => rm(python(p))),
  environment('interpreter points nowhere', (p) =>
    replaced(python(p), (path) => symlink('/nowhere/python3.11', path)),
  ),
  environment('interpreter is a link to itself', (p) => replaced(python(p), loop)),
  environment('interpreter is a text', (p) => replaced(python(p), (path) => writeFile(path, 'hello'))),
  environment('interpreter is another program', (p) =>
    replaced(python(p), script('#!/bin/sh\necho hello\n')),
  ),
  environment('interpreter ends with an error', (p) => replaced(python(p), script('#!/bin/sh\nexit 3\n'))),
  environment('interpreter is a folder', (p) => replaced(python(p), (path) => mkdir(path))),
  environment('base Python replaced by another patch', async (p) => {
    const text = await readFile(config(p), 'utf8');
    await writeFile(config(p), text.replace(/^version_info = .*$/m, 'version_info = 3.11.0'));
  }),
  environment('base Python of another minor', async (p) => {
    const text = await readFile(config(p), 'utf8');
    await writeFile(config(p), text.replace(/^version_info = .*$/m, 'version_info = 3.9.1'));
  }),
  environment('environment empty', (p) => replaced(p.env, (path) => mkdir(path))),
  environment('environment is a file', (p) => replaced(p.env, empty)),
  environment('environment is missing', (p) => rm(p.env, { recursive: true })),
  environment('environment is a pipe', (p) => replaced(p.env, fifo)),
  environment('environment is a link to itself', (p) => replaced(p.env, loop)),
  environment('bin folder missing', (p) => rm(join(p.env, 'bin'), { recursive: true })),
  environment(
    'every .py empty',
    async (p) => {
      for (const path of await filesBelow(p.sitePackages, '.py')) await empty(path);
    },
    'files',
  ),
  environment('one module empty', (p) => empty(moduleOf(p)), 'files'),
  environment('one module missing', (p) => rm(moduleOf(p)), 'files'),
  environment('a module is a folder', (p) => replaced(moduleOf(p), (path) => mkdir(path)), 'files'),
  {
    ...environment(
      'a library cut short',
      async (p) => {
        const [path] = await filesBelow(p.sitePackages, '.so');
        await truncate(path!, 1000);
      },
      'files',
    ),
    // Those of core have none.
    needs: 'embeddings',
  },
  environment('a RECORD missing', async (p) => rm(join(await distInfo(p, 'sqlglot'), 'RECORD')), 'files'),
  environment(
    'a dist-info missing',
    async (p) => rm(await distInfo(p, 'sqlglot'), { recursive: true }),
    'packages',
  ),
  environment(
    'a package of another version',
    async (p) => {
      const folder = await distInfo(p, 'sqlglot');
      await rename(folder, join(p.sitePackages, 'sqlglot-1.0.0.dist-info'));
    },
    'packages',
  ),
  environment(
    'a package too many',
    (p) => mkdir(join(p.sitePackages, 'surprise-1.0.0.dist-info')),
    'packages',
  ),
  environment('no site-packages', (p) => rm(p.sitePackages, { recursive: true }), 'packages'),
  {
    ...environment(
      'a module altered, of the same size',
      async (p) => {
        const path = moduleOf(p);
        const text = await readFile(path, 'utf8');
        await writeFile(
          path,
          text.replace(/[a-z]/, (letter) => (letter === 'x' ? 'y' : 'x')),
        );
      },
      'digests',
    ),
    needs: 'deep',
  },
  environment('daemon program missing', (p) => rm(daemon(p)), 'entry-point'),
  environment('daemon program empty', (p) => empty(daemon(p)), 'entry-point'),
  environment('daemon program not executable', (p) => chmod(daemon(p), 0o644), 'entry-point'),
  environment(
    'daemon program of another interpreter',
    async (p) => {
      const text = await readFile(daemon(p), 'utf8');
      await writeFile(daemon(p), text.replaceAll(p.env, '/usr'));
    },
    'entry-point',
  ),
  environment('daemon program is a folder', (p) => replaced(daemon(p), (path) => mkdir(path)), 'entry-point'),
];

const manifest = (
  name: string,
  damage: ZooState['damage'],
  repair: RepairId = 'rewrite-manifest',
): ZooState => ({
  name,
  damage,
  finds: ['runtime'],
  repair,
});

export const MANIFEST: readonly ZooState[] = [
  manifest('manifest missing', (p) => rm(p.manifest)),
  manifest('manifest half-written', async (p) => {
    await truncate(p.manifest, (await readFile(p.manifest)).length / 2);
  }),
  manifest('manifest empty', (p) => empty(p.manifest)),
  manifest('manifest of another version', (p) =>
    changeManifest(p, (m) => Object.assign(m, { cliVersion: '9.9.9' })),
  ),
  manifest('manifest of another schema', (p) =>
    changeManifest(p, (m) => Object.assign(m, { schemaVersion: 2 })),
  ),
  manifest('manifest names a program outside', (p) =>
    changeManifest(p, (m) =>
      Object.assign(m, { python: { executable: '/usr/bin/python3', daemonExecutable: '/bin/true' } }),
    ),
  ),
  manifest('manifest is a folder', (p) => replaced(p.manifest, (path) => mkdir(path))),
  manifest('manifest is a pipe', (p) => replaced(p.manifest, fifo)),
  manifest('manifest points nowhere', (p) => replaced(p.manifest, (path) => symlink('/nowhere', path))),
  manifest('manifest is binary', (p) => writeFile(p.manifest, Buffer.alloc(4096, 0xff))),
  manifest(
    'environment is a link outside',
    async (p) => {
      const outside = join(dirname(p.root), 'outside');
      await rm(outside, { recursive: true, force: true });
      await rename(p.env, outside);
      await symlink(outside, p.env);
      return () => rm(outside, { recursive: true, force: true });
    },
    'rebuild-environment',
  ),
];
