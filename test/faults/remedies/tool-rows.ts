import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmod, cp, mkdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { embeddingsModelDir } from '../../../src/core/model-folder-path.ts';
import { filesBelow, moduleOf } from '../zoo-state.ts';
import type { Box, RemedyRow } from './follow.ts';
import { wheelOf, zoo } from './root-rows.ts';

const SETUP = 'ktx setup --yes --force --python /usr/bin/python3';
const python = (box: Box) => join(box.home, 'not-python');
/** An interpreter of a version that nothing is locked for, as far as anybody can ask it. */
const strangePython = async (box: Box) => {
  await writeFile(python(box), '#!/bin/sh\nexec /usr/bin/python3 -c "import sys; print(1)" 2>/dev/null\n');
  await chmod(python(box), 0o755);
};
const uvMissing = (box: Box) => rm(box.paths.uv);
const write = (path: (box: Box) => string, text: string) => async (box: Box) => {
  await mkdir(join(path(box), '..'), { recursive: true });
  await writeFile(path(box), text);
};
const yaml = (box: Box) => join(box.project, 'ktx.yaml');
const settings = (box: Box) => join(box.paths.root, 'uv', 'network.json');
const PROXY = 'http://proxy.internal:3128';
const LOGIN = 'http://me:secret-word@proxy.internal:3128';
const kept = (box: Box) => join(box.home, 'kept-uv');
const moveUv = async (box: Box) => {
  await cp(box.paths.uv, kept(box));
  await rm(box.paths.uv);
  for (const folder of uvArchives(box)) await rm(folder, { recursive: true });
};
/** What uv came from: without it nothing offline brings it back. */
const uvArchives = (box: Box) =>
  execFileSync(
    'find',
    [join(box.paths.root, 'uv', 'store'), '-maxdepth', '2', '-name', 'uv-*', '-printf', '%h\n'],
    {
      encoding: 'utf8',
    },
  )
    .trim()
    .split('\n')
    .filter(Boolean);
const keptStore = (box: Box) => join(box.home, 'kept-store');
const moveStore = async (box: Box) => {
  execFileSync('cp', ['-a', join(box.paths.root, 'uv', 'store'), keptStore(box)]);
  box.cleanups.push(() => rm(keptStore(box), { recursive: true, force: true }));
  await rm(wheelOf(box), { recursive: true });
};
const CREATE = 'ktx bundle create --python none --feature core --output ../runtime.ktxbundle';
const bundle = (box: Box) => join(box.home, 'runtime.ktxbundle');
const makeBundle = async (box: Box, flags = '') => {
  const made = await box.sh(`${CREATE}${flags}`);
  if (made.exitCode !== 0) throw new Error(made.text);
  box.cleanups.push(() => rm(bundle(box), { force: true }));
};
const makeKey = async (box: Box) => {
  const key = join(box.home, 'key');
  await rm(key, { force: true });
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key]);
};

/** Python, uv, settings and files of a project. */
export const TOOL_ROWS: readonly RemedyRow[] = [
  // Python

  {
    remedy: 'python/python-choice: Let ktx choose one',
    state: '--python 3.9',
    fails: 'ktx setup --yes --force --python 3.9',
  },
  {
    remedy: 'python/python-choice: Use one of Python …',
    state: '--python names no interpreter',
    damage: strangePython,
    fails: 'ktx setup --yes --force --python ../not-python',
    byHand: () => {},
    again: 'ktx setup --yes --force --python /usr/bin/python3',
  },

  {
    remedy: 'USE_SYSTEM_PYTHON',
    state: 'no host that Python comes from',
    damage: (box) => {
      box.env['UV_PYTHON_INSTALL_MIRROR'] = 'http://127.0.0.1:9';
      box.env['UV_ASTRAL_MIRROR_URL'] = 'http://127.0.0.1:9';
    },
    fails: 'ktx setup --yes --force --python managed',
  },

  // uv
  {
    remedy: 'USE_PINNED_UV',
    state: '--uv names nothing',
    fails: `${SETUP} --uv /nowhere/uv`,
  },
  {
    remedy: 'setup/plan/plan-uv: Or give the path of a uv binary',
    state: '--uv names nothing',
    damage: async (box) => void (await cp(box.paths.uv, kept(box))),
    fails: `${SETUP} --uv /nowhere/uv`,
    byHand: () => {},
    again: `${SETUP} --uv ../kept-uv`,
  },
  {
    remedy: 'uv/binary: Or give the path of a uv binary',
    state: '--uv names another program',
    damage: async (box) => void (await cp(box.paths.uv, kept(box))),
    fails: `${SETUP} --uv /bin/true`,
    byHand: () => {},
    again: `${SETUP} --uv ../kept-uv`,
  },
  {
    remedy: 'setup/plan/plan-uv: Place the uv … binary at …',
    state: 'no uv, and --offline',
    damage: moveUv,
    fails: `${SETUP} --offline`,
    byHand: (box) => cp(kept(box), box.paths.uv),
  },
  {
    remedy: 'uv/binary: Delete it, and ktx fetches the pinned one',
    state: 'another uv at its place',
    damage: strangeUv,
    fails: SETUP,
    byHand: uvMissing,
  },
  {
    remedy:
      'uv/binary: The uv at … is not the uv … that ktx knows, so it is not run. Delete it, then: ktx setup --force',
    state: 'another uv at its place',
    damage: strangeUv,
    fails: 'ktx admin runtime doctor',
    byHand: uvMissing,
  },
  {
    remedy:
      'uv/binary: The uv at … was altered: its sha256 is not the pinned one, so it is not run. Restore it: ktx setup --force',
    state: 'uv cut short',
    damage: zoo('uv cut short'),
    fails: 'ktx admin runtime doctor',
  },
  {
    remedy: 'REBUILD',
    state: 'uv cut short',
    damage: zoo('uv cut short'),
    fails: 'ktx admin runtime undo --yes',
  },
  {
    remedy:
      'doctor/runtime-checks: Check network access to github.com and run: ktx admin runtime install --yes',
    state: 'uv missing',
    damage: uvMissing,
    fails: 'ktx admin runtime doctor',
  },
  {
    remedy: 'doctor/runtime-checks: Run: ktx admin runtime install --yes',
    state: 'no manifest',
    damage: (box) => rm(box.paths.manifest),
    fails: 'ktx admin runtime status',
  },
  {
    remedy: 'doctor/runtime-checks: Run: ktx admin runtime install --yes',
    state: 'the interpreter is gone',
    damage: zoo('interpreter deleted'),
    fails: 'ktx admin runtime doctor',
  },
  {
    remedy: 'cli/commands/runtime-command: Run: ktx doctor --deep --fix --yes',
    state: 'a module is empty',
    damage: (box) => writeFile(moduleOf(box.paths), ''),
    fails: 'ktx admin runtime status --deep',
  },
  {
    remedy: 'cli/commands/doctor-command: Fix it: ktx doctor… --fix --yes (…)',
    state: 'a module is missing',
    damage: (box) => rm(moduleOf(box.paths)),
    fails: 'ktx doctor',
  },
  {
    remedy: 'cli/commands/doctor-command: Undo it: ktx doctor --undo --yes',
    state: 'a repair that nobody wants',
    damage: async (box) => {
      await rm(box.paths.uv);
    },
    fails: 'ktx doctor --fix --yes',
    isNotice: true,
    works: 'test ! -e "$KTX_RUNTIME_ROOT"/uv/*/uv',
  },
  {
    remedy: 'GO_ONLINE',
    state: 'a wheel is missing, and --offline',
    damage: (box) => rm(wheelOf(box), { recursive: true }),
    fails: `${SETUP} --offline`,
  },
  {
    remedy: 'COPY_STORE',
    state: 'a wheel is missing, and --offline',
    damage: moveStore,
    byHand: (box) =>
      void execFileSync('cp', ['-a', `${keptStore(box)}/.`, join(box.paths.root, 'uv', 'store')]),
    fails: `${SETUP} --offline`,
  },
  {
    remedy: 'installFromBundle',
    state: 'a wheel is missing, and --offline',
    damage: async (box) => {
      await makeBundle(box);
      await rm(wheelOf(box), { recursive: true });
    },
    byHand: () => {},
    values: { '<file>': '../runtime.ktxbundle' },
    fails: `${SETUP} --offline`,
  },
  {
    remedy: 'SAVE_REPORT',
    state: 'a wheel is missing, and --offline',
    damage: (box) => rm(wheelOf(box), { recursive: true }),
    values: { '<file>': '../report.txt' },
    fails: `${SETUP} --offline`,
    shows: /Saved as .*report\.txt/,
  },

  {
    remedy: 'uv/version: Managed uv at … failed to run. Delete it and retry: ktx admin runtime install --yes',
    state: 'uv may not be run',
    damage: zoo('uv not executable'),
    fails: 'ktx admin runtime doctor',
    byHand: uvMissing,
  },
  {
    remedy: 'LIST_CHECKS',
    state: 'a check that there is not',
    fails: 'ktx doctor --check nothing',
    shows: /interpreter/,
  },
  {
    remedy:
      'bundle/archive/bundle-error: Copy the bundle again, or have it made again with ktx bundle create',
    state: 'a bundle that was cut short',
    damage: async (box) => {
      await makeBundle(box);
      execFileSync('cp', [bundle(box), `${bundle(box)}-whole`]);
      box.cleanups.push(() => rm(`${bundle(box)}-whole`, { force: true }));
      await truncate(bundle(box), 5000);
    },
    byHand: (box) => cp(`${bundle(box)}-whole`, bundle(box)),
    fails: 'ktx bundle verify ../runtime.ktxbundle',
    works: null,
  },
  {
    remedy:
      'bundle/read-trust: Write one line a key: <who> ssh-ed25519 <key>, as in allowed_signers of OpenSSH',
    state: 'a trust file of no keys',
    damage: async (box) => {
      await makeKey(box);
      await makeBundle(box, ' --sign-key ../key');
      await writeFile(join(box.home, 'trust'), 'whoever\n');
    },
    byHand: async (box) =>
      writeFile(
        join(box.home, 'trust'),
        `ann@example.org ${await readFile(join(box.home, 'key.pub'), 'utf8')}`,
      ),
    fails: 'ktx bundle verify ../runtime.ktxbundle --trust ../trust',
    works: null,
  },
  {
    remedy:
      'bundle/sign: Give a private key, or the public key of one that ssh-agent holds: --sign-key <file>',
    state: 'a key that is not there',
    damage: makeKey,
    byHand: (box) => {
      box.cleanups.push(() => rm(bundle(box), { force: true }));
    },
    fails: `${CREATE} --sign-key /nowhere`,
    again: `${CREATE} --sign-key ../key`,
    works: 'ktx bundle verify ../runtime.ktxbundle',
  },

  // Settings
  ...(
    [
      ['Store it without the secret', { '<host:port>': 'proxy.internal:3128' }, undefined],
      ['Or give all of it by variable, at each run: …=…', {}, () => {}],
    ] as const
  ).map(
    ([label, values, byHand]): RemedyRow => ({
      remedy: `network/settings/checked-setting: ${label}`,
      state: 'a proxy with a password in it',
      fails: `ktx admin network set proxy ${LOGIN}`,
      values,
      ...(byHand ? { byHand } : {}),
      again: byHand ? `HTTPS_PROXY=${LOGIN} ktx admin network show` : null,
      works: byHand ? null : 'ktx admin network show | grep proxy.internal:3128',
    }),
  ),
  {
    remedy:
      'network/settings/checked-setting: Put the login into ~/.netrc: machine <host> login <user> password <password>',
    state: 'an index with a password in it',
    fails: 'ktx admin network set index https://me:secret-word@packages.example/simple',
    byHand: (box) =>
      writeFile(join(box.home, '.netrc'), 'machine packages.example login me password secret-word\n', {
        mode: 0o600,
      }),
    again: 'ktx admin network set index https://packages.example/simple',
    works: "ktx admin network show | grep 'for packages.example'",
  },
  {
    remedy: 'network/settings/checked-setting: Give it a …',
    state: 'a proxy that is no address',
    fails: 'ktx admin network set proxy "not an address"',
    values: { '<value>': PROXY },
    again: null,
    works: 'ktx admin network show | grep proxy.internal:3128',
  },
  {
    remedy: 'network/settings/stored-settings: Forget them',
    state: 'settings that are no JSON',
    damage: async (box) => {
      await writeFile(settings(box), '{"schemaVersion":');
      await rm(wheelOf(box), { recursive: true });
    },
    fails: SETUP,
  },
  {
    remedy: 'network/settings/stored-settings: Then set them again',
    state: 'settings that are no JSON',
    damage: write(settings, '{"schemaVersion":'),
    fails: 'ktx admin network set proxy proxy.internal:3128',
    byHand: (box) => box.sh('ktx admin network unset --all'),
    values: { '<name>': 'no-proxy', '<value>': 'localhost' },
    works: 'ktx admin network show | grep proxy.internal:3128',
  },
  {
    remedy: 'setup/session/network-settings: See what is set',
    state: 'a setting that there is not',
    fails: 'ktx admin network set prxy x',
    shows: /No settings are stored/,
  },
  {
    remedy: 'cli/commands/network-command: Change it: ktx admin network set <name> <value> (…)',
    state: 'settings are shown',
    fails: 'ktx admin network show',
    isNotice: true,
    values: { '<name>': 'no-proxy', '<value>': 'localhost' },
    works: 'ktx admin network show | grep localhost',
  },
  {
    remedy: 'cli/commands/network-command: Name another file',
    state: 'the report cannot be written there',
    fails: 'ktx admin report --output /proc/report.txt',
    values: { '<file>': '../report.txt' },
    again: null,
  },
  {
    remedy: 'correctSetting',
    state: 'PIP_INDEX_URL is no address',
    damage: async (box) => {
      box.env['PIP_INDEX_URL'] = 'https://me:pass/word@index.example/simple';
      await rm(wheelOf(box), { recursive: true });
    },
    byHand: (box) => {
      delete box.env['PIP_INDEX_URL'];
    },
    fails: SETUP,
  },
  {
    remedy: 'SHOW_SETTINGS',
    state: 'PIP_INDEX_URL is no address',
    damage: async (box) => {
      box.env['PIP_INDEX_URL'] = 'https://me:pass/word@index.example/simple';
      await rm(wheelOf(box), { recursive: true });
    },
    fails: SETUP,
    shows: /index|cannot|not an address/,
  },

  // Files of a project
  {
    remedy: 'project/project-config: Correct the file, or run the command outside of the project',
    state: 'ktx.yaml is no YAML',
    damage: write(yaml, 'embeddings: [\n'),
    byHand: write(yaml, ''),
    fails: SETUP,
  },
  {
    remedy:
      'daemon/stop: Daemon state is invalid: …. It is not known which process to stop. Delete …; a daemon that still runs is found by: ktx admin runtime stop --all',
    state: 'daemon.json is no JSON',
    damage: write((box) => box.paths.daemonState, '{'),
    byHand: async (box) => {
      await rm(box.paths.daemonState);
      // Only this machine's own processes are to be stopped by this test.
      box.before = `ktx() { unshare -pf --mount-proc ${box.home}/bin/node ${box.home}/bin/ktx "$@"; }`;
    },
    fails: 'ktx admin runtime stop',
    works: null,
  },
  {
    remedy:
      'cli/commands/runtime-command: Refusing to prune without --yes. Preview with: ktx admin runtime prune --dry-run',
    state: 'no --yes',
    fails: 'ktx admin runtime prune',
    shows: /No stale|Stale/,
  },

  {
    remedy: 'cli/commands/model-host-inputs: Give what is missing: …',
    state: 'no connection',
    damage: write((box) => join(box.project, 'models.yaml'), 'models: {}\n'),
    fails: 'ktx admin model-host diff --config models.yaml',
    byHand: () => {},
    again: null,
    works: null,
  },
  {
    remedy: 'vectors/vector-file: Choose another --output, or delete it first',
    feature: 'local-embeddings',
    state: 'an output of another run',
    damage: async (box) => {
      await writeFile(join(box.home, 'a.txt'), 'one\ntwo\n');
      await writeFile(join(box.home, 'vectors.npy'), 'what somebody else wrote');
    },
    fails: 'ktx embed --no-daemon --input ../a.txt --output ../vectors.npy',
    byHand: (box) => rm(join(box.home, 'vectors.npy')),
    works: 'test -s ../vectors.npy',
  },

  // Embeddings
  {
    remedy: 'setup/plan/plan-model: Place the files of … at … in …',
    feature: 'local-embeddings',
    state: 'the model is gone, and --offline',
    damage: loseModel,
    byHand: (box) =>
      void execFileSync('cp', ['-aT', join(box.home, 'kept-model'), embeddingsModelDir(box.paths.root)]),
    fails: `${SETUP} --offline --feature local-embeddings`,
  },
];

/** What nobody but a person can have put there: no note says that ktx did. */
async function strangeUv(box: Box): Promise<void> {
  const folder = join(box.paths.uv, '..');
  await rm(folder, { recursive: true });
  await mkdir(folder);
  await writeFile(box.paths.uv, '#!/bin/sh\necho uv 0.11.21\n');
  await chmod(box.paths.uv, 0o755);
  for (const path of uvArchives(box)) await rm(path, { recursive: true });
}

async function loseModel(box: Box): Promise<void> {
  const model = embeddingsModelDir(box.paths.root);
  const copy = join(box.home, 'kept-model');
  execFileSync('cp', ['-aT', model, copy]);
  box.cleanups.push(() => rm(copy, { recursive: true, force: true }));
  const digests = new Set<string>();
  for (const path of await filesBelow(model, ''))
    digests.add(
      createHash('sha256')
        .update(await readFile(path))
        .digest('hex'),
    );
  for (const sha256 of digests)
    await rm(join(box.paths.root, 'uv', 'store', sha256), { recursive: true, force: true });
  await rm(model, { recursive: true });
}
