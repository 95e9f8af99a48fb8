// biome-ignore lint/style/noRestrictedImports: a look at one name, before anything is loaded
import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { isatty } from 'node:tty';
import { packageVersion } from '../core/program-version.ts';
import { quickLook } from '../present/first-screen/quick-look.ts';
import { showFirstScreen } from '../present/first-screen/show.ts';
import type { FirstScreen } from '../present/terminal/first-screen.ts';
import { homeFolder } from '../support/home/home-folder.ts';
import { printOwnCommand } from '../support/own-command.ts';
import { reduce } from '../wizard/reduce.ts';
import { startWizard, type WizardState } from '../wizard/state.ts';
import { chooseSetupMode, parseSetupFlags } from './commands/setup-flags.ts';

/** Words of a `ktx.yaml` that may ask for a feature: then it is read by who understands it. */
const MAY_NEED_FEATURE = /looker|queryHistory|sentence-transformers/i;
const MAX_CONFIG_BYTES = 64 * 1024;

/**
 * The first screen of `ktx setup` without a flag, at the speed of Node itself. The launcher calls this before it loads the
 * program, and hands over what it gets.
 * @returns `null` where the program begins in another way, or knows better what is wrong.
 */
export function beginSetup(argv: readonly string[], onLeave: (exitCode: number) => void): FirstScreen | null {
  if (argv.length !== 1 || argv[0] !== 'setup') return null;
  try {
    const { env } = process;
    const cwd = process.cwd();
    const flags = parseSetupFlags({}, { cwd, projectDir: cwd });
    const terminal = { isStdinTty: isatty(0), isStdoutTty: isatty(1), env };
    if (chooseSetupMode(flags, terminal) !== 'wizard') return null;
    printOwnCommand();
    const homeDir = homeFolder();
    const { stdin, stdout } = process;
    return showFirstScreen({ stdin, stdout, env, homeDir, begin: beginning(cwd, env, homeDir), onLeave });
  } catch {
    return null;
  }
}

function beginning(cwd: string, env: NodeJS.ProcessEnv, homeDir: string): WizardState {
  const nowMs = Date.now();
  const configPath = projectConfigPath(env['KTX_PROJECT_DIR'] ?? cwd);
  const { next: loading } = startWizard({ nowMs, hasProject: configPath !== null });
  if (configPath !== null && mayNeedFeature(configPath)) return loading;
  const overview = quickLook({ cliVersion: packageVersion(), env, homeDir });
  if (overview === null) return loading;
  return reduce(loading, { type: 'overview', runId: loading.runId, overview, nowMs }).next;
}

function projectConfigPath(start: string): string | null {
  for (let folder = resolve(start); ; folder = dirname(folder)) {
    const path = join(folder, 'ktx.yaml');
    if (existsSync(path)) return path;
    if (folder === dirname(folder)) return null;
  }
}

function mayNeedFeature(configPath: string): boolean {
  const status = statSync(configPath);
  if (!status.isFile() || status.size > MAX_CONFIG_BYTES) return true;
  return MAY_NEED_FEATURE.test(readFileSync(configPath, 'utf8'));
}
