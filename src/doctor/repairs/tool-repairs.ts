import { chmod, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { eventEmitter } from '../../core/events.ts';
import { embeddingsModelDir } from '../../core/model-folder-path.ts';
import { acquireUv } from '../../setup/build/acquire-uv.ts';
import { fetchModel } from '../../setup/build/fetch-model.ts';
import { planModel } from '../../setup/plan/plan-model.ts';
import { planUv } from '../../setup/plan/plan-uv.ts';
import { type SetupNetwork, setupNetwork } from '../../setup/session/setup-network.ts';
import { openStore } from '../../store/store.ts';
import { managedUvPath } from '../../uv/acquire.ts';
import { inspectUvBinary, uvPinsFor } from '../../uv/binary.ts';
import { type Repair, type RepairContext, type RepairStep, whileLocked } from './repair.ts';
import { installedFeatures } from './runtime-facts.ts';

type Preview = Omit<RepairStep, 'id' | 'label'>;

export const TOOL_REPAIRS: readonly Repair[] = [
  {
    id: 'replace-uv',
    label: 'Replace uv',
    async plan(context) {
      return offlineFirst(context, async (network) => {
        const path = uvPathOf(context);
        const { hosts, artefact } = await planOfUv(context, network);
        const what = artefact === null ? 'uv is in its place' : `Puts the pinned uv in its place: ${path}`;
        return preview(what, [path, `${path}.verified`], { hosts, bytes: artefact?.sizeBytes ?? 0 });
      });
    },
    async apply(context, backup) {
      await whileLocked(context, async () => {
        const path = uvPathOf(context);
        const store = openStore(context.shared.storeDir);
        const { state } = await inspectUvBinary(path, uvPinsFor(process), store);
        if (state === 'pinned') {
          // The right bytes that do not run. A backup would only be another hard link to the same file.
          await backup.noteMode(path);
          await chmod(path, 0o755);
          return;
        }
        await backup.keep(path);
        await backup.keep(`${path}.verified`);
        // An unknown binary is never run, and a rename cannot replace a folder.
        await rm(path, { recursive: true, force: true });
        await offlineFirst(context, async (network) => {
          const { acquisition } = await planOfUv(context, network);
          const emit = eventEmitter((event) => context.onProgress(event));
          const host = await context.facts.host();
          await acquireUv(
            { uv: acquisition, host },
            { network, store, ensureUv: {} },
            emit,
            context.options.signal,
          );
        });
      });
    },
  },
  {
    id: 'refetch-model',
    label: 'Fetch the model again',
    async plan(context) {
      return offlineFirst(context, async (network, isOffline) => {
        const plan = await planOfModel(context, network, isOffline);
        const bytes = (plan?.toFetch ?? []).reduce((sum, { sizeBytes }) => sum + (sizeBytes ?? 0), 0);
        const folder = embeddingsModelDir(context.layout.runtimeRoot);
        return preview('Fetches the pinned files and swaps the folder', [folder], {
          hosts: plan?.hosts ?? [],
          bytes,
        });
      });
    },
    async apply(context, backup) {
      await backup.keep(embeddingsModelDir(context.layout.runtimeRoot));
      const emit = eventEmitter((event) => context.onProgress(event));
      await whileLocked(context, () =>
        offlineFirst(context, async (network, isOffline) => {
          const plan = await planOfModel(context, network, isOffline);
          const store = openStore(context.shared.storeDir);
          if (plan !== null) await fetchModel(plan, { store, network }, emit, context.options.signal);
        }),
      );
    },
  },
];

function preview(
  what: string,
  paths: readonly string[],
  from: { hosts: readonly string[]; bytes: number | null },
): Preview {
  const worksOffline = from.hosts.length === 0;
  return {
    what,
    paths,
    downloadBytes: from.bytes,
    hosts: [...from.hosts].sort(),
    worksOffline,
    canUndo: true,
  };
}

/** Tries offline first, so that no host is contacted for files that are here. */
async function offlineFirst<T>(
  context: RepairContext,
  action: (network: SetupNetwork, isOffline: boolean) => Promise<T>,
): Promise<T> {
  try {
    return await withNetwork(context, true, action);
  } catch (error) {
    if (context.options.isOffline === true || context.options.signal?.aborted) throw error;
    return withNetwork(context, false, action);
  }
}

async function withNetwork<T>(
  context: RepairContext,
  isOffline: boolean,
  action: (network: SetupNetwork, isOffline: boolean) => Promise<T>,
): Promise<T> {
  const { env, homeDir, layout, options, facts } = context;
  const lock = (await facts.lockedAsset())?.lock ?? null;
  const network = setupNetwork({
    env,
    homeDir,
    runtimeRoot: layout.runtimeRoot,
    lock,
    isOffline,
    ...(options.indexUrl === undefined ? {} : { indexUrl: options.indexUrl }),
    onEvent: (event) => context.onProgress(event),
    signal: options.signal,
  });
  try {
    return await action(network, isOffline);
  } finally {
    await network.close();
  }
}

async function planOfUv(context: RepairContext, network: SetupNetwork) {
  const { env, homeDir, layout, options, facts, shared } = context;
  const store = openStore(shared.storeDir);
  const { state } = await inspectUvBinary(uvPathOf(context), uvPinsFor(process), store);
  // An unknown binary would be refused; plan for an empty location, since it will be removed.
  const runtimeRoot = state === 'unknown' ? join(shared.root, 'nothing') : layout.runtimeRoot;
  const setup = {
    cliVersion: layout.cliVersion,
    runtimeRoot,
    features: [],
    env,
    homeDir,
    signal: options.signal,
  };
  return planUv({ options: setup, host: await facts.host(), network }, store);
}

async function planOfModel(context: RepairContext, network: SetupNetwork, isOffline: boolean) {
  const { layout, options, facts, shared } = context;
  const lock = (await facts.lockedAsset())?.lock;
  if (!lock) return null;
  const features = await installedFeatures(context);
  return planModel(features, {
    lock,
    runtimeRoot: layout.runtimeRoot,
    store: openStore(shared.storeDir),
    network,
    isOffline,
    signal: options.signal,
  });
}

function uvPathOf({ env, homeDir, layout }: RepairContext): string {
  return managedUvPath({ env, homeDir, runtimeRoot: layout.runtimeRoot });
}
