import type { KtxCliIo } from '../../embed/io.ts';
import { LLAMA_SWAP_SCHEMA } from '../../hosts/config/llama-swap-schema.ts';
import { readHostFile } from '../../hosts/host-file.ts';
import {
  changeModelHost,
  type ModelHostContext,
  type ModelHostOutcome,
  reviewModelHost,
} from '../../hosts/model-host.ts';
import { saveModelHostSettings } from '../../hosts/project-files.ts';
import { failedCommand } from '../../hosts/ssh/remote-ops.ts';
import { createSshExec } from '../../hosts/ssh/ssh-exec.ts';
import { type FailedCommand, restoreByHand } from '../../hosts/ssh/ssh-hints.ts';
import type { SshExec } from '../../hosts/ssh/types.ts';
import { CancelledError, errorMessage } from '../../support/errors.ts';
import { harmlessText } from '../../support/harmless.ts';
import { homeFolder } from '../../support/home/home-folder.ts';
import { withStopSignals } from '../../support/stop-signals.ts';
import { HOST_STEPS } from '../panels/host-steps.ts';
import { type CommandPlace, localConfig, readSchema, resolveConnection } from './model-host-inputs.ts';
import type { ModelHostArgs, ModelHostFlags } from './model-host-program.ts';
import { placeOf, refusal, remindOfUnfinished, report } from './model-host-report.ts';

export interface ModelHostDeps extends CommandPlace {
  homeDir?: string;
  exec?: SshExec;
  fetcher?: typeof fetch;
  healthAttempts?: number;
  healthDelayMs?: number;
}

/**
 * Runs `ktx admin model-host …`. @returns the exit code: 0 done or no difference; 1 failed or refused; 130
 * interrupted.
 * @throws SetupError or Error naming a missing or invalid option; nothing was done in that case.
 */
export async function runModelHostCommand(
  args: ModelHostArgs,
  io: KtxCliIo,
  deps: ModelHostDeps,
): Promise<number> {
  const { command, flags } = args;
  if (command !== 'diff' && !flags.yes) return refusal(args, io);
  const connection = await resolveConnection(flags, deps);
  const schema = flags.schema === undefined ? LLAMA_SWAP_SCHEMA : await readSchema(flags.schema, deps);
  return withStopSignals(async (signal) => {
    const context: ModelHostContext = {
      connection,
      schema,
      exec: deps.exec ?? createSshExec(signal),
      fetcher: deps.fetcher,
      projectDir: deps.projectDir,
      homeDir: deps.homeDir ?? homeFolder(),
      signal,
    };
    await remindOfUnfinished(context, io);
    const outcome = await run(args, context, io, deps).catch((error: unknown) => {
      // Cancelled while waiting for another ktx.
      if (error instanceof CancelledError) return failedOutcome(error.message);
      throw error;
    });
    report(args, context, outcome, io);
    if (flags.save && outcome.result.diff !== undefined) {
      const path = await saveModelHostSettings(deps.projectDir, connection);
      io.stderr.write(`Connection saved in ${path}\n`);
    }
    if (outcome.result.ok) return 0;
    return signal.aborted ? 130 : 1;
  });
}

async function run(
  { command, flags }: ModelHostArgs,
  context: ModelHostContext,
  io: KtxCliIo,
  deps: ModelHostDeps,
): Promise<ModelHostOutcome> {
  const { connection } = context;
  if (command === 'diff') return reviewModelHost(context, await localConfig(flags, command, deps));
  const source =
    command === 'restore'
      ? await restoreSource(flags, context, deps)
      : await localConfig(flags, command, deps);
  if (typeof source !== 'string') return source;
  const say = (line: string) => {
    if (!flags.json) io.stdout.write(`${line}\n`);
  };
  return changeModelHost(context, {
    newConfig: source,
    isRestore: command === 'restore',
    healthAttempts: deps.healthAttempts,
    healthDelayMs: deps.healthDelayMs,
    onWait: () => io.stderr.write(`Waiting for another ktx that changes ${connection.host}\n`),
    onDiff: (diff) => say(`${placeOf(connection)}\n${harmlessText(diff)}`),
    onStep: (step) => say(HOST_STEPS[step]),
    onBackup: (backupPath) => say(`Backup on host: ${harmlessText(backupPath)}`),
  });
}

/** The text of a backup, or why it is unavailable. */
async function restoreSource(
  flags: ModelHostFlags,
  { connection, exec }: ModelHostContext,
  deps: ModelHostDeps,
): Promise<string | ModelHostOutcome> {
  const { backup } = flags;
  if (connection.mode === 'wrapper') {
    if (backup !== undefined)
      throw new Error(
        'In wrapper mode backups cannot be read from the host. Name a copy that you kept: --config <file>',
      );
    return localConfig(flags, 'restore', deps);
  }
  if (flags.config !== undefined)
    throw new Error('Without wrapper mode name the backup on the host: --backup <path>');
  if (backup === undefined || backup.trim() === '')
    throw new Error('Name the backup on the host: --backup <path>');
  try {
    const text = await readHostFile(connection, backup, exec);
    // Invalid UTF-8 was decoded to replacement characters, which must not be written back.
    if (!text.includes('\ufffd')) return text;
    const byHand = restoreByHand(backup, connection.configPath);
    return failedOutcome(`backup ${backup} is not UTF-8 text. Restore it on the host with: ${byHand}`);
  } catch (error) {
    return failedOutcome(`backup ${backup} cannot be read: ${errorMessage(error)}`, failedCommand(error));
  }
}

function failedOutcome(error: string, failure: FailedCommand | null = null): ModelHostOutcome {
  return { result: { ok: false, step: 'validate', error }, warnings: [], failure };
}
