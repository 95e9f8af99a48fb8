import { resolve } from 'node:path';
import { managedRuntimeRoot } from '../../core/layout.ts';
import { programVersion } from '../../core/program-version.ts';
import { confirmOnTerminal } from '../../embed/install-consent.ts';
import type { KtxCliIo } from '../../embed/io.ts';
import { MACHINE_CAUSES } from '../../failure/causes/machine-causes.ts';
import { machineReasonOf } from '../../failure/causes/machine-reason.ts';
import {
  describeNetwork,
  type NetworkOverview,
  setNetworkSetting,
  settingNames,
  unsetNetworkSettings,
} from '../../setup/session/network-settings.ts';
import { CancelledError, errorMessage, SetupError } from '../../support/errors.ts';
import { jsonText, writeFileAtomic } from '../../support/fs/atomic-file.ts';
import { OUTPUT_FILE, outputPathOf } from '../../support/fs/given-path.ts';
import { harmlessText } from '../../support/harmless.ts';
import { homeFolder } from '../../support/home/home-folder.ts';
import { otherRemedy } from '../../support/remedies.ts';
import { withStopSignals } from '../../support/stop-signals.ts';
import { printError } from '../output/print-error.ts';
import { storedSettingsLine } from '../panels/stored-settings.ts';
import type { NetworkArgs } from './network-program.ts';

export interface NetworkCommandDeps {
  env?: NodeJS.ProcessEnv;
  homeDir?: string;
  cwd?: string;
  isStdinTty?: boolean;
  confirm?: (question: string, io: KtxCliIo) => Promise<boolean>;
  isDebug?: boolean;
}

/**
 * Runs `ktx admin network …` and `ktx admin report`. @returns the exit code: 1 when a report was printed but
 * could not be saved, which is reported on stderr only.
 * @throws SetupError naming the setting, never its value.
 */
export async function runNetworkCommand(
  args: NetworkArgs,
  io: KtxCliIo,
  deps: NetworkCommandDeps = {},
): Promise<number> {
  const env = deps.env ?? process.env;
  const cwd = deps.cwd ?? process.cwd();
  const homeDir = deps.homeDir ?? homeFolder();
  const given = args.runtimeRoot === null ? {} : { runtimeRoot: resolve(cwd, args.runtimeRoot) };
  const place = { env, homeDir, runtimeRoot: managedRuntimeRoot({ env, homeDir, ...given }) };
  const print = (lines: readonly string[], value: unknown) =>
    io.stdout.write(args.isJson ? jsonText(value) : `${lines.join('\n')}\n`);

  switch (args.command) {
    case 'show': {
      const overview = await describeNetwork(place);
      print(overviewLines(overview), overview);
      return 0;
    }
    case 'set': {
      const stored = await setNetworkSetting(place.runtimeRoot, args.name, args.value, cwd);
      print([`${args.name} = ${stored.settings[args.name]}`, `Stored in ${stored.path}`], stored);
      return 0;
    }
    case 'unset': {
      if (args.name === null && !args.isAll)
        throw new Error(`Name a setting, or pass --all. The settings are: ${settingNames().join(', ')}`);
      if (args.name !== null && args.isAll) throw new Error('Name a setting or pass --all, not both.');
      const stored = await unsetNetworkSettings(place.runtimeRoot, args.name);
      const nothing = stored.wasUnreadable ? 'all settings; the file could not be read' : 'nothing';
      print([`Removed: ${stored.removed.join(', ') || nothing}`], stored);
      return 0;
    }
    case 'report':
      return report(args, io, deps, { ...place, cwd });
  }
}

async function report(
  args: Extract<NetworkArgs, { command: 'report' }>,
  io: KtxCliIo,
  deps: NetworkCommandDeps,
  place: { env: NodeJS.ProcessEnv; homeDir: string; runtimeRoot: string; cwd: string },
): Promise<number> {
  const { collectReport, reportText } = await import('../../report/report.ts');
  return withStopSignals(async (signal) => {
    try {
      const found = await collectReport({ ...place, cliVersion: programVersion(), signal });
      const text = harmlessText(args.isJson ? jsonText(found) : reportText(found));
      io.stdout.write(text);
      if (args.outputPath === null) return 0;
      const path = resolve(place.cwd, args.outputPath);
      const isAsked = io.stdout.isTTY === true && (deps.isStdinTty ?? process.stdin.isTTY === true);
      const confirm = deps.confirm ?? ((question: string) => confirmOnTerminal(question, io, { signal }));
      if (isAsked && !(await confirm(`Save this report as ${path}?`, io))) {
        io.stderr.write('Nothing was saved.\n');
        return 0;
      }
      try {
        const target = await outputPathOf(path, OUTPUT_FILE);
        await writeFileAtomic(target, text, 0o600);
      } catch (error) {
        // Not thrown: with --json the failure would become a second document on stdout, after the report.
        printError(io, notSaved(path, error), deps.isDebug);
        return 1;
      }
      io.stderr.write(`Saved as ${path}\n`);
      return 0;
    } catch (error) {
      if (!(error instanceof CancelledError)) throw error;
      io.stderr.write('Nothing was saved.\n');
      return signal.aborted ? 130 : 0;
    }
  });
}

function notSaved(path: string, error: unknown): SetupError {
  const reason = machineReasonOf(error)?.reason;
  return new SetupError(`The report cannot be saved as ${path}.`, {
    failureClass: reason === undefined ? 'conflict' : MACHINE_CAUSES[reason].failureClass,
    ...(reason === undefined ? {} : { causeId: reason }),
    evidence: [errorMessage(error)],
    remedies: [otherRemedy('Name another file', { argv: ['ktx', 'admin', 'report', '--output', '<file>'] })],
    cause: error,
  });
}

function overviewLines({ lines, logins, warnings, storedPath, stored }: NetworkOverview): string[] {
  const width = Math.max(...lines.map(({ name }) => name.length)) + 2;
  return [
    ...lines.flatMap(({ name, value, origin }) => [
      `${name.padEnd(width)}${value}`,
      `${' '.repeat(width)}from ${origin}`,
    ]),
    ...logins.map(({ host, origin }) => `${'login'.padEnd(width)}for ${host}, from ${origin}`),
    ...warnings.map((text) => `${'note'.padEnd(width)}${text}`),
    '',
    storedSettingsLine({ stored, storedPath }),
    `Change it: ktx admin network set <name> <value>   (${settingNames().join(', ')})`,
  ];
}
