import { readdir, readlink, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { daemonCommandName } from '../../core/embedder.ts';
import { environmentPaths } from '../../core/layout.ts';
import { environmentsDir } from '../../runtime/environments.ts';
import { findInstalledEnvironment } from '../../runtime/installed-environment.ts';
import { findDamage, listDamage } from '../../runtime/recorded-sizes.ts';
import { describeInvalidManifest } from '../../runtime/unreadable.ts';
import { verifyRuntimeAsset } from '../../shipped/asset.ts';
import { wheelProofOf } from '../../shipped/asset-schema.ts';
import { readLockedDigests } from '../../shipped/locked-asset.ts';
import { errorMessage, isAbsence } from '../../support/errors.ts';
import { pathExists } from '../../support/fs/path-exists.ts';
import { readRegularText } from '../../support/fs/regular-file.ts';
import { type Check, fail, type Outcome, pass, type RepairId, warn } from './check.ts';
import type { CheckSurroundings } from './context.ts';

const MAX_CONFIG_BYTES = 64 * 1024;
const MAX_SCRIPT_BYTES = 1024 * 1024;

/** Ids of finished environments of this version that appear complete, newest first. */
export async function wholeEnvironments({
  layout,
  facts,
}: Pick<CheckSurroundings, 'layout' | 'facts'>): Promise<string[]> {
  const { records } = await facts.environments();
  const newestFirst = [...records].sort(([, a], [, b]) => b.installedAt.localeCompare(a.installedAt));
  const whole: string[] = [];
  for (const [id, record] of newestFirst) {
    const { problem } = await findInstalledEnvironment(layout, record);
    const environmentDir = join(environmentsDir(layout.versionDir), id);
    if (record.cliVersion !== layout.cliVersion || problem !== null) continue;
    if (!(await pathExists(environmentPaths(environmentDir).pythonPath))) continue;
    if ((await findDamage(layout.runtimeRoot, environmentDir)) === null) whole.push(id);
  }
  return whole;
}

/** Repairs for a broken active environment. */
async function environmentRepairs(context: CheckSurroundings): Promise<RepairId[]> {
  const { other } = await context.facts.environments();
  const canGoBack = other !== null && (await wholeEnvironments(context)).includes(other);
  return ['rebuild-environment', ...(canGoBack ? (['restore-previous'] as const) : [])];
}

export const RUNTIME_CHECKS: readonly Check[] = [
  {
    id: 'runtime',
    group: 'Runtime',
    label: 'Installed runtime',
    why: 'The manifest names the active environment. Without it, ktx has no Python.',
    cost: 'offline',
    dependsOn: ['folders'],
    async run(context): Promise<Outcome> {
      const { facts, layout } = context;
      const problem = await manifestProblem(context);
      if (problem === null) {
        const { manifest, layout: active } = await facts.active();
        if (await isLinkAstray(layout.venvDir, active.venvDir))
          return warn(`${layout.venvDir} does not lead to the active environment`, ['rewrite-manifest']);
        return pass(`ktx ${manifest.cliVersion} (${manifest.features.join(', ')}) in ${layout.versionDir}`);
      }
      const repairs = (await wholeEnvironments(context)).length > 0 ? (['rewrite-manifest'] as const) : [];
      return fail(problem, [...repairs, 'rebuild-environment']);
    },
  },
  {
    id: 'current',
    group: 'Runtime',
    label: 'Made for this ktx',
    why: 'A different wheel or lock means packages that this ktx was not tested with.',
    cost: 'offline',
    dependsOn: ['runtime', 'asset'],
    async run({ facts, layout }) {
      const { manifest } = await facts.active();
      const asset = await verifyRuntimeAsset({ assetDir: layout.assetDir });
      if (manifest.asset.wheel.sha256 !== asset.manifest.wheel.sha256)
        return warn('The runtime was built from a different wheel than the one in this ktx', [
          'rebuild-environment',
        ]);
      if (!manifest.locked) return pass('built without a lock');
      const shipped = await readLockedDigests(layout.assetDir, manifest.features);
      const isSame =
        shipped?.lock === manifest.locked.lock && shipped.requirements === manifest.locked.requirements;
      return isSame
        ? pass(`wheel ${manifest.asset.version} and its lock`)
        : warn('The runtime was built from a different lock than the one in this ktx', [
            'rebuild-environment',
          ]);
    },
  },
  {
    id: 'interpreter',
    group: 'Runtime',
    label: 'Python interpreter',
    why: 'The interpreter must be there, run, and belong to this environment.',
    cost: 'offline',
    dependsOn: ['runtime', 'volume'],
    async run(context): Promise<Outcome> {
      const { facts } = context;
      const { layout } = await facts.active();
      const broken = async (detail: string) => fail(detail, await environmentRepairs(context));
      const folder = await stat(layout.venvDir).catch(() => null);
      if (folder === null) return broken(`The environment is missing: ${layout.venvDir}`);
      if (!folder.isDirectory()) return broken(`The environment is not a folder: ${layout.venvDir}`);
      const config = await readConfig(layout.venvDir);
      if ('problem' in config) return broken(config.problem);
      if (!(await pathExists(layout.pythonPath))) return broken(await missingInterpreter(layout.pythonPath));
      let answer: Awaited<ReturnType<typeof facts.interpreter>>;
      try {
        answer = await facts.interpreter();
      } catch (error) {
        context.signal.throwIfAborted();
        return broken(`${layout.pythonPath} does not run: ${errorMessage(error)}`);
      }
      if (config.version !== null && config.version !== answer.version)
        return broken(
          `The base Python of the environment was replaced: it was built with ${config.version}, and ${answer.version} answers`,
        );
      const stranger = await strangeInterpreter(layout.pythonPath, config.home);
      if (stranger !== null) return broken(stranger);
      const [prefix, own] = await Promise.all([realPath(answer.prefix), realPath(layout.venvDir)]);
      if (prefix !== own)
        return broken(`The interpreter belongs to another environment: sys.prefix is ${answer.prefix}`);
      return pass(`Python ${answer.version} (${answer.base})`);
    },
  },
  {
    id: 'entry-point',
    group: 'Runtime',
    label: 'Daemon program',
    why: 'ktx starts its daemon through this script, which must run the interpreter of the environment.',
    cost: 'offline',
    dependsOn: ['interpreter'],
    async run(context): Promise<Outcome> {
      const { layout, manifest } = await context.facts.active();
      const { daemonPath, venvDir } = layout;
      const broken = async (detail: string) => fail(detail, await environmentRepairs(context));
      const status = await stat(daemonPath).catch(() => null);
      if (status === null) return broken(`Missing ${daemonCommandName()} executable: ${daemonPath}`);
      if (!status.isFile()) return broken(`${daemonPath} is not a file`);
      if (process.platform === 'win32') return pass(daemonPath);
      if ((status.mode & 0o111) === 0) return broken(`${daemonPath} is not executable`);
      let text: string;
      try {
        text = await readRegularText(daemonPath, { maxBytes: MAX_SCRIPT_BYTES });
      } catch (error) {
        return broken(`${daemonPath} cannot be read: ${errorMessage(error)}`);
      }
      // The system looks for an interpreter whose name ends in this character.
      if (text.split('\n', 2).some((line) => line.endsWith('\r')))
        return broken(`${daemonPath} has Windows line endings, so it cannot be started`);
      const names = [venvDir, await realPath(venvDir)].map((folder) => join(folder, 'bin'));
      const isOwn = text.startsWith('#!') && names.some((name) => text.includes(name));
      if (!isOwn) return broken(`${daemonPath} does not run the interpreter of its environment`);
      // Whatever `ktx status` calls damaged must fail here too.
      const damages = await listDamage(layout.runtimeRoot, venvDir);
      const damage = damages.find(({ path }) => path === daemonPath);
      if (damage) return broken(damage.text);
      // The script of another program's wheel starts what that wheel defines; the proof runs it.
      return wheelProofOf(manifest.asset) !== undefined || text.includes('ktx_daemon')
        ? pass(daemonPath)
        : broken(`${daemonPath} does not start the ktx daemon`);
    },
  },
];

/** The link serves people and other programs; a missing environment is reported by the interpreter check. */
async function isLinkAstray(link: string, environmentDir: string): Promise<boolean> {
  const target = await realpath(environmentDir).catch(() => null);
  return target !== null && (await realpath(link).catch(() => null)) !== target;
}

async function manifestProblem({ facts, layout }: CheckSurroundings): Promise<string | null> {
  let manifest: Awaited<ReturnType<typeof facts.manifest>>;
  try {
    manifest = await facts.manifest();
  } catch (error) {
    return describeInvalidManifest(layout.manifestPath, error);
  }
  if (manifest === null) return `No runtime manifest at ${layout.manifestPath}`;
  if (manifest.cliVersion !== layout.cliVersion)
    return `Runtime is for CLI ${manifest.cliVersion}, current CLI is ${layout.cliVersion}`;
  return facts.active().then(
    () => null,
    (error: unknown) => errorMessage(error),
  );
}

async function readConfig(
  venvDir: string,
): Promise<{ version: string | null; home: string } | { problem: string }> {
  const path = join(venvDir, 'pyvenv.cfg');
  try {
    const text = await readRegularText(path, { maxBytes: MAX_CONFIG_BYTES });
    const home = /^home[ \t]*=[ \t]*(\S.*?)\s*$/m.exec(text)?.[1];
    if (home === undefined) return { problem: `${path} does not name a Python` };
    if (/^include-system-site-packages\s*=\s*true\s*$/im.test(text))
      return { problem: `${path} lets the packages of the system in` };
    const version = /^version(?:_info)?\s*=\s*(\d+\.\d+\.\d+)/m.exec(text)?.[1] ?? null;
    return { version, home };
  } catch (error) {
    return {
      problem: isAbsence(error) ? `${path} is missing` : `${path} cannot be used: ${errorMessage(error)}`,
    };
  }
}

/**
 * An environment links to the Python in the folder that `pyvenv.cfg` names as `home`. A different program
 * there may still run, but with the wrong standard library.
 */
async function strangeInterpreter(pythonPath: string, home: string): Promise<string | null> {
  if (process.platform === 'win32') return null;
  const [real, names] = await Promise.all([realPath(pythonPath), readdir(home).catch(() => null)]);
  if (names === null) return `The Python that the environment was made from is gone: ${home}`;
  const pythons = names.filter((name) => /^python(?:3(?:\.\d+)?t?)?$/.test(name));
  const found = await Promise.all(pythons.map((name) => realPath(join(home, name))));
  if (found.includes(real)) return null;
  return `${pythonPath} is ${real}, which is not the Python in ${home} that the environment was made from`;
}

async function missingInterpreter(pythonPath: string): Promise<string> {
  const link = await readlink(pythonPath).catch(() => null);
  return link === null
    ? `Missing Python executable: ${pythonPath}`
    : `The base Python of the environment is gone: ${pythonPath} points to ${link}`;
}

function realPath(path: string): Promise<string> {
  return realpath(path).catch(() => path);
}
