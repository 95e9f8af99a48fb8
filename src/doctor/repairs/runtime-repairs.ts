import { lstat, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { recover } from '../../lifecycle/recovery.ts';
import { undoManagedPythonRuntime } from '../../lifecycle/undo.ts';
import { proofOf } from '../../proof/proof.ts';
import { proveEnvironment } from '../../proof/prove.ts';
import { environmentsDir, tidyEnvironments } from '../../runtime/environments.ts';
import { isEnvironmentInUse } from '../../runtime/environments-in-use.ts';
import { findInstalledEnvironment } from '../../runtime/installed-environment.ts';
import { openJournal, runEnvironment } from '../../runtime/journal.ts';
import { switchOver } from '../../runtime/switchover.ts';
import type { SetupOptions } from '../../setup/request/setup-options.ts';
import { discardPlan, planSetup, runSetup } from '../../setup/setup.ts';
import { absentAsNull, SetupError } from '../../support/errors.ts';
import { otherRemedy } from '../../support/remedies.ts';
import { leftoversIn } from '../checks/leftovers.ts';
import { wholeEnvironments } from '../checks/runtime.ts';
import type { Backup } from './backup.ts';
import { offlineStep, type Repair, type RepairContext, whileLocked } from './repair.ts';
import { formerPythons, installedFeatures } from './runtime-facts.ts';

export const RUNTIME_REPAIRS: readonly Repair[] = [
  {
    id: 'rebuild-environment',
    label: 'Rebuild the environment',
    async plan(context) {
      const setup = await findPlan(context);
      const planned = await planSetup(setup);
      if (planned.status === 'ready') return offlineStep('Nothing has to be built', []);
      await discardPlan(planned);
      const { summary } = planned;
      return {
        what: `Rebuilds ${summary.features.join(' and ')} with Python ${summary.python.version}, proves it, then switches`,
        paths: runtimePaths(context),
        downloadBytes: summary.downloadBytes,
        hosts: summary.hosts,
        worksOffline: summary.hosts.length === 0 && summary.hasOpenHosts !== true,
        canUndo: true,
      };
    },
    async apply(context, backup) {
      await keepRuntime(context, backup);
      await clearManifestPlace(context);
      await runSetup(await findPlan(context));
    },
  },
  {
    id: 'rewrite-manifest',
    label: 'Rewrite the manifest',
    async plan(context) {
      const [id] = await wholeEnvironments(context);
      const place = join(environmentsDir(context.layout.versionDir), id ?? '');
      return offlineStep(`Proves the environment ${place}, then makes it the active one`, [
        context.layout.manifestPath,
        context.layout.venvDir,
      ]);
    },
    async apply(context, backup) {
      await keepRuntime(context, backup);
      await rewriteManifest(context);
    },
  },
  {
    id: 'restore-previous',
    label: 'Restore the previous environment',
    async plan({ layout }) {
      return offlineStep('Proves the environment before the last install, then makes it the active one', [
        layout.manifestPath,
        layout.venvDir,
      ]);
    },
    async apply(context, backup) {
      await keepRuntime(context, backup);
      const { layout, env, homeDir, options, note } = context;
      const { cliVersion, runtimeRoot } = layout;
      await undoManagedPythonRuntime({ cliVersion, runtimeRoot, env, homeDir, note, signal: options.signal });
    },
  },
  {
    id: 'remove-leftovers',
    label: 'Clean up after interrupted runs',
    async plan({ layout, shared }) {
      return offlineStep('Ends processes of interrupted runs and removes their files', [
        shared.runsDir,
        environmentsDir(layout.versionDir),
      ]);
    },
    async apply(context, backup) {
      const { layout, shared, note } = context;
      const { runtimeRoot } = layout;
      await backup.keep(shared.runsDir);
      for (const path of await leftoversIn(layout.versionDir)) await backup.keep(path);
      await keepRuntime(context, backup);
      await whileLocked(context, async () => {
        await recover({ runtimeRoot, note });
        const { problems } = await tidyEnvironments(layout.versionDir, isEnvironmentInUse);
        for (const problem of problems) note('warning', problem);
      });
    },
  },
];

/** The paths that an install of this version changes. */
function runtimePaths({ layout }: RepairContext): string[] {
  return [layout.manifestPath, layout.venvDir, environmentsDir(layout.versionDir)];
}

async function keepRuntime(context: RepairContext, backup: Backup): Promise<void> {
  for (const path of runtimePaths(context)) await backup.keep(path);
}

/** A rename cannot replace a folder in the manifest's place. The folder is in the backup. */
async function clearManifestPlace({ layout }: RepairContext): Promise<void> {
  const status = await lstat(layout.manifestPath).catch(absentAsNull);
  if (status?.isDirectory()) await rm(layout.manifestPath, { recursive: true });
}

async function rewriteManifest(context: RepairContext): Promise<void> {
  const { layout, shared, env, note, options, facts } = context;
  const { runtimeRoot, cliVersion, versionDir } = layout;
  await whileLocked(context, async () => {
    const [id] = await wholeEnvironments(context);
    const record = id === undefined ? undefined : (await facts.environments()).records.get(id);
    if (id === undefined || record === undefined) throw nothingWhole(versionDir);
    const { layout: found } = await findInstalledEnvironment(layout, record);
    await clearManifestPlace(context);
    const journal = openJournal({ runsDir: shared.runsDir, cliVersion });
    try {
      journal.write({ step: 'repair' });
      await proveEnvironment({
        environmentDir: found.venvDir,
        pythonPath: found.pythonPath,
        daemonPath: found.daemonPath,
        cliVersion,
        ...proofOf(record, runtimeRoot),
        env: { ...env, ...runEnvironment(journal) },
        signal: options.signal,
        onSpawn: journal.child,
      });
      const { previous: _, ...manifest } = record;
      const python = { executable: found.pythonPath, daemonExecutable: found.daemonPath };
      await switchOver({
        layout,
        environmentDir: found.venvDir,
        manifest: { ...manifest, python },
        uses: [],
        action: 'repair',
        reason: 'damaged',
        journal,
        note,
        signal: options.signal,
      });
    } finally {
      journal.close();
    }
  });
}

/**
 * The options of a rebuild: offline with the previous Python if that is enough, else like any setup.
 * @throws SetupError of the last attempt.
 */
async function findPlan(context: RepairContext): Promise<SetupOptions> {
  const { target, layout, env, homeDir, options } = context;
  const setup: SetupOptions = {
    cliVersion: layout.cliVersion,
    features: await installedFeatures(context),
    runtimeRoot: layout.runtimeRoot,
    ...(target.assetDir === undefined ? {} : { assetDir: target.assetDir }),
    env,
    homeDir,
    shouldForce: true,
    ...(options.indexUrl === undefined ? {} : { indexUrl: options.indexUrl }),
    onEvent: context.onProgress,
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  };
  const pythons = [...(await formerPythons(context)), 'auto' as const];
  const isOnlineAllowed = options.isOffline !== true;
  const attempts = [
    ...pythons.map((python) => ({ ...setup, python, isOffline: true })),
    ...(isOnlineAllowed ? pythons.map((python) => ({ ...setup, python })) : []),
  ];
  let last: unknown = null;
  for (const attempt of attempts) {
    try {
      const planned = await planSetup({ ...attempt, onEvent: undefined });
      if (planned.status === 'install') await discardPlan(planned);
      return attempt;
    } catch (error) {
      if (options.signal?.aborted) throw error;
      last = error;
    }
  }
  throw last;
}

function nothingWhole(versionDir: string): SetupError {
  return new SetupError('No environment on this disk is intact.', {
    failureClass: 'conflict',
    evidence: [`looked in ${environmentsDir(versionDir)}`],
    remedies: [
      otherRemedy('Build a new one', { argv: ['ktx', 'doctor', '--fix', 'rebuild-environment', '--yes'] }),
    ],
  });
}
