import { join, resolve } from 'node:path';
import { SetupError } from '../support/errors.ts';
import { homeFolder, homeProblem, isLossy } from '../support/home/home-folder.ts';
import { PACKAGE_ROOT } from '../support/package-root.ts';
import { otherRemedy, otherRoot } from '../support/remedies.ts';
import { hasControlCharacter, quoted } from '../support/text/control-characters.ts';
import { daemonCommandName, declaredEmbedder, embeddedVersionName, type KtxEmbedder } from './embedder.ts';

export interface ManagedPythonRuntimeLayoutOptions {
  cliVersion: string;
  platform?: NodeJS.Platform;
  /** When given, replaces the process environment entirely. */
  env?: NodeJS.ProcessEnv;
  homeDir?: string;
  runtimeRoot?: string;
  assetDir?: string;
}

/** The paths of one CLI version. */
export interface ManagedPythonRuntimeLayout {
  cliVersion: string;
  runtimeRoot: string;
  versionDir: string;
  /** In a computed layout the link `.venv`; in results and status, the environment it points to. */
  venvDir: string;
  manifestPath: string;
  installLogPath: string;
  assetDir: string;
  assetManifestPath: string;
  pythonPath: string;
  daemonPath: string;
}

/**
 * Runtime root: the option, else a non-empty `KTX_RUNTIME_ROOT` verbatim, else `<home>/.ktx/runtime` on every
 * platform.
 * @throws SetupError when there is no home, or when the path is not UTF-8 or contains a control character: uv
 * and its line-based files would fail on it in the middle of an install.
 */
export function managedRuntimeRoot(
  options: Pick<ManagedPythonRuntimeLayoutOptions, 'env' | 'homeDir' | 'runtimeRoot'>,
): string {
  const { path, from } = chosenRoot(options);
  if (isLossy(path)) {
    throw noRoot(`The path of the runtime folder is not UTF-8: ${quoted(path)} (${from}).`);
  }
  if (!hasControlCharacter(path)) return path;
  const text = `The path of the runtime folder contains a line break or another control character: ${quoted(path)} (${from}).`;
  throw new SetupError(`${text} Python's tools cannot work in such a folder; choose another one.`, {
    failureClass: 'conflict',
    remedies: [
      otherRoot('Choose another folder'),
      otherRemedy('Or set KTX_RUNTIME_ROOT to a path without it'),
    ],
  });
}

function chosenRoot({
  runtimeRoot,
  env = process.env,
  homeDir,
}: Pick<ManagedPythonRuntimeLayoutOptions, 'env' | 'homeDir' | 'runtimeRoot'>) {
  if (runtimeRoot !== undefined) return { path: runtimeRoot, from: 'as it was given' };
  const fromEnvironment = env['KTX_RUNTIME_ROOT'];
  if (fromEnvironment) return { path: fromEnvironment, from: 'from KTX_RUNTIME_ROOT' };
  const home = homeDir ?? homeFolder();
  const problem = homeProblem(home);
  if (problem !== null) throw noRoot(`There is no home folder to put the runtime into: ${problem}.`);
  return { path: join(home, '.ktx', 'runtime'), from: 'in the home directory' };
}

function noRoot(text: string): SetupError {
  return new SetupError(text, {
    failureClass: 'platform',
    remedies: [
      otherRemedy('Name a folder', { argv: ['ktx', 'setup', '--runtime-root', '<dir>'] }),
      otherRemedy('Or set KTX_RUNTIME_ROOT, for all commands'),
    ],
  });
}

/**
 * Computes paths without touching the disk. Without an `assetDir` it uses the wheel of the embedder that this
 * process declared, in that embedder's own folder.
 */
export function managedPythonRuntimeLayout(
  options: ManagedPythonRuntimeLayoutOptions,
): ManagedPythonRuntimeLayout {
  const runtimeRoot = managedRuntimeRoot(options);
  const embedder = declaredEmbedder();
  const isEmbedded = embedder !== null && isWheelOf(embedder, options.assetDir);
  const folder = isEmbedded ? embeddedVersionName(options.cliVersion, embedder) : options.cliVersion;
  const versionDir = join(runtimeRoot, folder);
  const assetDir = options.assetDir ?? shippedAssetDir();
  return {
    cliVersion: options.cliVersion,
    runtimeRoot,
    versionDir,
    manifestPath: join(versionDir, 'manifest.json'),
    installLogPath: join(versionDir, 'install.log'),
    assetDir,
    assetManifestPath: join(assetDir, 'manifest.json'),
    ...environmentPaths(join(versionDir, '.venv'), options.platform),
  };
}

/**
 * The folder with the wheel that this process installs: the declared embedder's, else ours. Works without a
 * home.
 */
export function shippedAssetDir(): string {
  return declaredEmbedder()?.assetDir ?? join(PACKAGE_ROOT, 'assets', 'python');
}

function isWheelOf(embedder: KtxEmbedder, assetDir: string | undefined): boolean {
  return assetDir === undefined || resolve(assetDir) === embedder.assetDir;
}

/** The three layout fields that depend on the environment's folder. */
export function environmentPaths(
  venvDir: string,
  platform: NodeJS.Platform = process.platform,
): Pick<ManagedPythonRuntimeLayout, 'venvDir' | 'pythonPath' | 'daemonPath'> {
  const command = daemonCommandName();
  return platform === 'win32'
    ? {
        venvDir,
        pythonPath: join(venvDir, 'Scripts', 'python.exe'),
        daemonPath: join(venvDir, 'Scripts', `${command}.exe`),
      }
    : { venvDir, pythonPath: join(venvDir, 'bin', 'python'), daemonPath: join(venvDir, 'bin', command) };
}

/** Everything that versions share lives under this one folder, which no version's prune touches. */
export interface SharedLayout {
  root: string;
  storeDir: string;
  pythonDir: string;
  modelsDir: string;
  locksDir: string;
  runsDir: string;
  /** Secrets of project daemons. */
  daemonsDir: string;
  /** Cached answers of package indexes, see `KeptPage`. */
  indexPagesPath: string;
}

export function sharedLayout(runtimeRoot: string): SharedLayout {
  const root = join(runtimeRoot, 'uv');
  return {
    root,
    storeDir: join(root, 'store'),
    pythonDir: join(root, 'python'),
    modelsDir: join(root, 'models'),
    locksDir: join(root, 'locks'),
    runsDir: join(root, 'runs'),
    daemonsDir: join(root, 'daemons'),
    indexPagesPath: join(root, 'index-pages.json'),
  };
}

/** Settings stored by `ktx admin network set`, shared by all versions. */
export function networkSettingsPath(runtimeRoot: string): string {
  return join(sharedLayout(runtimeRoot).root, 'network.json');
}
