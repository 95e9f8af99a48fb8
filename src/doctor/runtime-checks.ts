import {
  type ManagedPythonRuntimeLayoutOptions,
  managedPythonRuntimeLayout,
  sharedLayout,
} from '../core/layout.ts';
import type { ManagedPythonRuntimeExec } from '../process/exec.ts';
import { readManagedPythonRuntimeStatus } from '../runtime/status.ts';
import { verifyRuntimeAsset } from '../shipped/asset.ts';
import { errorMessage } from '../support/errors.ts';
import { pathExists } from '../support/fs/path-exists.ts';
import type { ManagedUvFetchArtifact } from '../uv/acquire.ts';
import { managedUvPath } from '../uv/location.ts';
import { MANAGED_UV_VERSION } from '../uv/release.ts';
import { isMarkedVerified } from '../uv/verified-mark.ts';
import { readUvVersion } from '../uv/version.ts';

export interface ManagedPythonRuntimeDoctorCheck {
  id: 'uv' | 'asset' | 'runtime';
  label: string;
  status: 'pass' | 'fail';
  detail: string;
  /** The next command; absent on pass. */
  fix?: string;
}

export interface ManagedPythonRuntimeDoctorOptions extends ManagedPythonRuntimeLayoutOptions {
  exec?: ManagedPythonRuntimeExec;
  /** Lets the uv check download a missing uv; without it a missing uv is a failed check. */
  fetchUvArtifact?: ManagedUvFetchArtifact;
  /** For speed: trusts the mark of an earlier verification instead of hashing uv again. */
  mayTrustMark?: boolean;
  /** Ends a uv that does not answer. */
  signal?: AbortSignal;
}

/** Three quick checks, always in this order. Never rejects for a failing check. */
export async function doctorManagedPythonRuntime(
  options: ManagedPythonRuntimeDoctorOptions,
): Promise<ManagedPythonRuntimeDoctorCheck[]> {
  return Promise.all([
    check('uv', 'uv', 'Check network access to github.com and run: ktx admin runtime install --yes', () =>
      describeUv(options),
    ),
    check('asset', 'Bundled Python wheel', 'Run: npm run assets:build', async () => {
      const { assetDir } = managedPythonRuntimeLayout(options);
      return (await verifyRuntimeAsset({ assetDir })).wheelPath;
    }),
    check('runtime', 'Managed Python runtime', 'Run: ktx admin runtime install --yes', async () => {
      const { kind, detail } = await readManagedPythonRuntimeStatus(options);
      if (kind !== 'ready') throw new Error(detail);
      return detail;
    }),
  ]);
}

async function check(
  id: ManagedPythonRuntimeDoctorCheck['id'],
  label: string,
  fix: string,
  run: () => Promise<string>,
): Promise<ManagedPythonRuntimeDoctorCheck> {
  try {
    return { id, label, status: 'pass', detail: await run() };
  } catch (error) {
    return { id, label, status: 'fail', detail: errorMessage(error), fix };
  }
}

async function describeUv(options: ManagedPythonRuntimeDoctorOptions): Promise<string> {
  const { platform, env, homeDir, runtimeRoot, fetchUvArtifact } = options;
  const where = { platform, env, homeDir, runtimeRoot };
  const uvPath = fetchUvArtifact
    ? await (await import('../uv/acquire.ts')).ensureManagedUv({ ...where, fetchArtifact: fetchUvArtifact })
    : await presentUv(managedUvPath(where));
  // An injected download replaces the pinned uv, and with injected commands no real uv runs.
  if (!options.exec && !fetchUvArtifact) await assertUnaltered(uvPath, options);
  const exec =
    options.exec ?? (await import('../process/exec.ts')).controlledExec({ signal: options.signal });
  const version = await readUvVersion({ uvPath, exec, env: env ?? process.env });
  return `${version} (managed: ${uvPath})`;
}

/** A check does not install: only an injected download does that. */
async function presentUv(uvPath: string): Promise<string> {
  if (!(await pathExists(uvPath))) {
    throw new Error(`uv ${MANAGED_UV_VERSION} is not installed yet: ${uvPath}`);
  }
  return uvPath;
}

/** @throws SetupError when it is not the pinned uv: an unknown binary is not run. */
async function assertUnaltered(uvPath: string, options: ManagedPythonRuntimeDoctorOptions): Promise<void> {
  if (options.mayTrustMark && (await isMarkedVerified(uvPath))) return;
  // Imported lazily: they load the archive formats.
  const [{ assertPinnedUv, uvPinsFor }, { openStore }] = await Promise.all([
    import('../uv/binary.ts'),
    import('../store/store.ts'),
  ]);
  const { runtimeRoot } = managedPythonRuntimeLayout(options);
  const { arch } = process;
  const pins = uvPinsFor({ platform: options.platform ?? process.platform, arch });
  await assertPinnedUv(uvPath, pins, openStore(sharedLayout(runtimeRoot).storeDir));
}
