import {
  type ManagedPythonRuntimeLayout,
  managedPythonRuntimeLayout,
  type SharedLayout,
  sharedLayout,
} from '../../core/layout.ts';
import { findSitePackages, type Records, readRecords } from '../../python/record-files.ts';
import { type EnvironmentsOverview, readEnvironments } from '../../runtime/environments.ts';
import { findInstalledEnvironment } from '../../runtime/installed-environment.ts';
import { type InstalledKtxRuntimeManifest, readInstalledManifest } from '../../runtime/manifest.ts';
import { type LockedAsset, readLockedAsset } from '../../shipped/locked-asset.ts';
import { detectHost, type HostPlatform } from '../../shipped/target.ts';
import { homeFolder } from '../../support/home/home-folder.ts';
import { type InterpreterAnswer, probeInterpreter } from './interpreter-probe.ts';

/** What a doctor examines. */
export interface DoctorTarget {
  cliVersion: string;
  assetDir?: string;
  runtimeRoot?: string;
  /** Replaces the process environment entirely. */
  env?: NodeJS.ProcessEnv;
  homeDir?: string;
  /** The project whose daemon is checked; undefined: none. */
  projectDir?: string;
}

/** Facts shared by several checks; each is computed once per run, on first use. */
export interface Facts {
  /** @throws as `readInstalledManifest`. */
  manifest(): Promise<InstalledKtxRuntimeManifest | null>;
  /** Layout of the active environment. @throws Error when there is none that may be run. */
  active(): Promise<{ layout: ManagedPythonRuntimeLayout; manifest: InstalledKtxRuntimeManifest }>;
  environments(): Promise<EnvironmentsOverview>;
  /** What the active interpreter reports about itself. @throws the reason it could not run. */
  interpreter(): Promise<InterpreterAnswer>;
  /**
   * Location and records of the packages in the active environment. @throws as `active`, `interpreter` and
   * `findSitePackages`.
   */
  packages(): Promise<Records & { sitePackages: string }>;
  lockedAsset(): Promise<LockedAsset | null>;
  host(): Promise<HostPlatform>;
}

export interface CheckContext {
  target: DoctorTarget;
  env: NodeJS.ProcessEnv;
  homeDir: string;
  /** Default paths; the active environment is in `facts.active()`. */
  layout: ManagedPythonRuntimeLayout;
  shared: SharedLayout;
  facts: Facts;
  isDeep: boolean;
  /** Fires when the doctor is cancelled or the check times out. */
  signal: AbortSignal;
  /** Reports what a slow check is waiting for. */
  waitFor(text: string): void;
}

export type CheckSurroundings = Omit<CheckContext, 'signal' | 'waitFor'>;

/** @throws SetupError for a runtime root that no command could use. */
export function checkSurroundings(
  target: DoctorTarget,
  options: { isDeep: boolean; signal: AbortSignal },
): CheckSurroundings {
  const env = target.env ?? process.env;
  const homeDir = target.homeDir ?? homeFolder();
  const layout = managedPythonRuntimeLayout({ ...target, env, homeDir });
  const manifest = once(() => readInstalledManifest(layout.manifestPath));
  const active = once(async () => {
    const found = await manifest();
    if (found === null) throw new Error(`No runtime manifest at ${layout.manifestPath}`);
    const installed = await findInstalledEnvironment(layout, found);
    if (installed.problem !== null) throw new Error(installed.problem);
    return { layout: installed.layout, manifest: found };
  });
  const interpreter = once(async () => {
    const { pythonPath } = (await active()).layout;
    return probeInterpreter(pythonPath, { env, signal: options.signal });
  });
  return {
    target,
    env,
    homeDir,
    layout,
    shared: sharedLayout(layout.runtimeRoot),
    isDeep: options.isDeep,
    facts: {
      manifest,
      active,
      environments: once(() => readEnvironments(layout.versionDir)),
      interpreter,
      packages: once(async () => {
        const [{ layout }, { version }] = await Promise.all([active(), interpreter()]);
        const sitePackages = await findSitePackages(layout.venvDir, version);
        return { sitePackages, ...(await readRecords(sitePackages)) };
      }),
      lockedAsset: once(() => readLockedAsset(layout.assetDir)),
      host: once(detectHost),
    },
  };
}

function once<T>(read: () => Promise<T>): () => Promise<T> {
  let reading: Promise<T> | null = null;
  return () => {
    reading ??= read();
    return reading;
  };
}
