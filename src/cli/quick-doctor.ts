import { resolve } from 'node:path';
import { programVersion } from '../core/program-version.ts';
import { harmlessIo } from '../embed/harmless-io.ts';
import { printOwnCommand } from '../support/own-command.ts';
import { withStopSignals } from '../support/stop-signals.ts';
import { type DoctorArgs, runDoctorCommand } from './commands/doctor-command.ts';
import { ownProcess } from './own-process.ts';
import { resolveProjectDir } from './project-dir.ts';

/**
 * The common form of `ktx doctor`: the offline checks, as lines or as JSON. The build bundles it into a file
 * of its own (`scripts/start-up/quick-files.mjs`), which loads in a third of the time of the program.
 * `bin/launch.cjs` decides which command lines use it.
 * @param argv the arguments after `doctor`: any of `--json` and `--plain`
 * @returns the exit code as `runDoctorCommand`; `null`, with nothing done, when the full program is needed
 */
export async function quickDoctor(argv: readonly string[]): Promise<number | null> {
  let projectDir: string;
  try {
    projectDir = await resolveProjectDir({ env: process.env, cwd: process.cwd() });
  } catch {
    return null;
  }
  ownProcess(['doctor', ...argv]);
  printOwnCommand();
  const root = process.env['KTX_RUNTIME_ROOT'];
  const args: DoctorArgs = {
    cliVersion: programVersion(),
    action: 'check',
    ids: null,
    repairs: null,
    isDeep: false,
    withNetwork: false,
    withModels: false,
    isJson: argv.includes('--json'),
    isYes: false,
    isOffline: false,
    indexUrl: null,
    runtimeRoot: root ? resolve(root) : null,
  };
  return withStopSignals((signal) => runDoctorCommand(args, harmlessIo(process), { projectDir, signal }));
}
