import { isatty } from 'node:tty';
import { packageVersion } from '../core/program-version.ts';
import { chooseLanguage } from '../language/choose.ts';
import { speakLanguage } from '../language/load.ts';
import { hasUnicode } from '../present/ascii.ts';
import { quickLook } from '../present/first-screen/quick-look.ts';
import { type ShownFrame, showFirstScreen } from '../present/first-screen/show.ts';
import type { FirstScreen } from '../present/terminal/first-screen.ts';
import { homeFolder } from '../support/home/home-folder.ts';
import { printOwnCommand } from '../support/own-command.ts';
import { reduce } from '../wizard/reduce.ts';
import { startWizard, type WizardState } from '../wizard/state.ts';
import { chooseSetupMode, NO_FLAGS } from './commands/setup-flags.ts';
import { quickProject } from './quick-project.ts';

/**
 * The first screen of `ktx setup` without flags, drawn without React. The launcher calls this before it loads
 * the program, and passes the result on.
 * @param shown the prerendered frame that is already on the terminal
 * @returns `null` when the program starts differently, or must report a problem.
 */
export function beginSetup(
  argv: readonly string[],
  onLeave: (exitCode: number) => void,
  shown?: ShownFrame,
): FirstScreen | null {
  if (argv.length !== 1 || argv[0] !== 'setup') return null;
  try {
    const { env } = process;
    const terminal = { isStdinTty: isatty(0), isStdoutTty: isatty(1), env };
    if (!shown && chooseSetupMode(NO_FLAGS, terminal) !== 'wizard') return null;
    printOwnCommand();
    const hasUnicodeOutput = hasUnicode(env);
    const language = chooseLanguage({ flag: null, env, hasUnicode: hasUnicodeOutput });
    if (language !== 'en') speakLanguage(language, { hasUnicode: hasUnicodeOutput });
    const homeDir = homeFolder();
    const begin = beginning(process.cwd(), env, homeDir);
    const { stdin, stdout } = process;
    return showFirstScreen({ stdin, stdout, env, homeDir, begin, onLeave, ...(shown && { shown }) });
  } catch (error) {
    if (shown) throw error;
    return null;
  }
}

function beginning(cwd: string, env: NodeJS.ProcessEnv, homeDir: string): WizardState {
  const nowMs = Date.now();
  const { hasProject, mayNeedFeature } = quickProject(cwd, env);
  const { next: loading } = startWizard({ nowMs, hasProject });
  if (mayNeedFeature) return loading;
  const overview = quickLook({ cliVersion: packageVersion(), env, homeDir });
  if (overview === null) return loading;
  return reduce(loading, { type: 'overview', runId: loading.runId, overview, nowMs }).next;
}
