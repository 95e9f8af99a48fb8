import { execFileSync } from 'node:child_process';
import {
  chmod,
  cp,
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  rm,
  symlink,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { environment } from './zoo-environment-states.ts';
import {
  config,
  daemon,
  empty,
  fifo,
  filesBelow,
  loop,
  moduleOf,
  OTHER_UID,
  python,
  replaced,
  type ZooPaths,
  type ZooState,
} from './zoo-state.ts';

const link = (p: ZooPaths) => join(p.versionDir, '.venv');
const sizes = (p: ZooPaths) => join(p.env, 'sizes.json');

/** The field of an ELF header that names the processor. */
const MACHINE_AT = 18;
const OTHER_MACHINE = Buffer.from([0xf7, 0x00]);

async function ofAnotherProcessor(path: string): Promise<void> {
  const file = await open(path, 'r+');
  await file.write(OTHER_MACHINE, 0, OTHER_MACHINE.length, MACHINE_AT);
  await file.close();
}

/** A folder of the runtime becomes a volume of its own, with the same content. */
async function onOwnVolume(path: string): Promise<() => void> {
  execFileSync('cp', ['-a', path, `${path}-copy`]);
  execFileSync('mount', ['-t', 'tmpfs', 'none', path]);
  execFileSync('cp', ['-a', `${path}-copy/.`, path]);
  await rm(`${path}-copy`, { recursive: true });
  return () => void execFileSync('umount', ['-l', path]);
}

/** A folder of the runtime moves to another place, and a link leads there. */
async function movedAway(p: ZooPaths, path: string): Promise<() => Promise<void>> {
  const elsewhere = join(dirname(p.root), 'elsewhere');
  await rm(elsewhere, { recursive: true, force: true });
  await rename(path, elsewhere);
  await symlink(elsewhere, path);
  return () => rm(elsewhere, { recursive: true, force: true });
}

const astray = (name: string, damage: ZooState['damage']): ZooState => ({
  name,
  damage,
  finds: ['runtime'],
  repair: 'rewrite-manifest',
});

/** Damage that nobody plans: half-moved folders, other volumes, another processor, what a person or a tool put there. */
export const ODD: readonly ZooState[] = [
  astray('.venv missing', (p) => rm(link(p))),
  astray('.venv is a folder', (p) => replaced(link(p), (path) => mkdir(path))),
  astray('.venv is a pipe', (p) => replaced(link(p), fifo)),
  astray('.venv is a link to itself', (p) => replaced(link(p), loop)),
  astray('.venv is a file', (p) => replaced(link(p), empty)),
  environment('recorded sizes are garbage', (p) => writeFile(sizes(p), '\0\xff{'), 'files'),
  environment('recorded sizes are a pipe', (p) => replaced(sizes(p), fifo), 'files'),
  {
    ...environment(
      'recorded sizes are a pipe, environments on another volume',
      async (p) => {
        const unmount = await onOwnVolume(join(p.versionDir, 'envs'));
        await replaced(sizes(p), fifo);
        return unmount;
      },
      'files',
    ),
    needs: 'root',
  },
  environment('packages of the system let in', async (p) => {
    const text = await readFile(config(p), 'utf8');
    await writeFile(config(p), text.replace(/(include-system-site-packages = )false/, '$1true'));
  }),
  environment('a module of no package', (p) => empty(join(p.sitePackages, 'surprise.py')), 'files'),
  environment(
    'a file that Python runs at every start',
    (p) => writeFile(join(p.sitePackages, 'surprise.pth'), 'import os\n'),
    'files',
  ),
  environment(
    'a library of another processor',
    async (p) => {
      // Python prefers a library to the module beside it.
      const library = join(p.sitePackages, 'sqlglot', 'tokenizer_core.abi3.so');
      await cp('/bin/true', library, { dereference: true });
      await ofAnotherProcessor(library);
    },
    'environment',
  ),
  environment('an interpreter of another processor', (p) =>
    replaced(python(p), async (path) => {
      await cp('/bin/true', path, { dereference: true });
      await ofAnotherProcessor(path);
    }),
  ),
  {
    ...environment(
      'a compiled file cut short',
      async (p) => {
        const compiled = await filesBelow(join(p.sitePackages, 'sqlglot'), '.pyc');
        await truncate(compiled[0]!, 200);
      },
      'bytecode',
    ),
    needs: 'deep',
  },
  environment(
    'runtime moved here from another place',
    async (p) => {
      const from = '/old/place/runtime';
      const scripts = await filesBelow(join(p.env, 'bin'), '');
      for (const path of [p.manifest, ...scripts]) {
        const text = await readFile(path, 'latin1');
        if (text.includes(p.root) && !text.startsWith('\x7fELF'))
          await writeFile(path, text.replaceAll(p.root, from), 'latin1');
      }
    },
    'runtime',
  ),
  {
    name: 'a module that this user cannot read',
    damage: (p) => chmod(moduleOf(p), 0o000),
    finds: ['files'],
    repair: 'mend-permissions',
    needs: 'root',
    uid: OTHER_UID,
  },
  {
    ...environment('interpreter deleted, environments on another volume', async (p) => {
      const unmount = await onOwnVolume(join(p.versionDir, 'envs'));
      await rm(python(p));
      return unmount;
    }),
    needs: 'root',
  },
  {
    ...environment('interpreter deleted, version folder on another volume', async (p) => {
      const unmount = await onOwnVolume(p.versionDir);
      await rm(python(p));
      return unmount;
    }),
    needs: 'root',
  },
  {
    ...environment('interpreter deleted, store on another volume', async (p) => {
      const unmount = await onOwnVolume(join(p.root, 'uv', 'store'));
      await rm(python(p));
      return unmount;
    }),
    needs: 'root',
  },
  environment('interpreter deleted, shared folder behind a link', async (p) => {
    const cleanup = await movedAway(p, join(p.root, 'uv'));
    await rm(python(p));
    return cleanup;
  }),
  environment('interpreter deleted, root behind a link', async (p) => {
    const cleanup = await movedAway(p, p.root);
    await rm(python(p));
    return cleanup;
  }),
  {
    ...environment(
      'daemon program missing, nothing writable for others',
      (p) => rm(daemon(p)),
      'entry-point',
    ),
    umask: 0o000,
  },
  {
    ...environment(
      'daemon program missing, nothing readable for others',
      (p) => rm(daemon(p)),
      'entry-point',
    ),
    umask: 0o077,
  },
  {
    ...environment('daemon program missing, all closed by the umask', (p) => rm(daemon(p)), 'entry-point'),
    umask: 0o777,
    needs: 'root',
    uid: OTHER_UID,
  },
  {
    ...environment('daemon program missing, no temporary folder', (p) => rm(daemon(p)), 'entry-point'),
    finds: ['entry-point', 'temporary'],
    remains: ['temporary'],
    env: { TMPDIR: '/nowhere/at-all' },
  },
  {
    ...environment('daemon program missing, no home', (p) => rm(daemon(p)), 'entry-point'),
    env: { HOME: '/nowhere/at-all' },
  },
  {
    ...environment(
      'daemon program missing, another Python in the surroundings',
      (p) => rm(daemon(p)),
      'entry-point',
    ),
    env: {
      PYTHONHOME: '/nowhere',
      PYTHONPATH: '/nowhere',
      VIRTUAL_ENV: '/nowhere',
      PYTHONSTARTUP: '/nowhere',
      LD_LIBRARY_PATH: '/nowhere',
    },
  },
  {
    name: 'interpreter deleted, every wheel of the store cut short',
    async damage(p) {
      const store = join(p.root, 'uv', 'store');
      for (const entry of await readdir(store, { withFileTypes: true }))
        if (entry.isFile()) await truncate(join(store, entry.name), 100);
      await rm(python(p));
    },
    finds: ['interpreter'],
    repair: 'rebuild-environment',
    isOffline: false,
    emptiesStore: true,
  },
];
