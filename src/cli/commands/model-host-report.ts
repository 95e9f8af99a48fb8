import type { KtxCliIo } from '../../embed/io.ts';
import type { ModelHostContext, ModelHostOutcome } from '../../hosts/model-host.ts';
import { unfinishedChange } from '../../hosts/project-files.ts';
import type { ModelHostConnection } from '../../hosts/ssh/connection.ts';
import { restoreByHand, sshHints } from '../../hosts/ssh/ssh-hints.ts';
import type { ApplyResult } from '../../hosts/types.ts';
import { jsonText } from '../../support/fs/atomic-file.ts';
import { harmlessText } from '../../support/harmless.ts';
import { printFailureEvent, usageFailure } from '../output/failure-event.ts';
import type { ModelHostArgs } from './model-host-program.ts';

/** A note about the leftovers of a run that was killed, or failed during a write. */
export async function remindOfUnfinished(
  { connection, projectDir }: ModelHostContext,
  io: KtxCliIo,
): Promise<void> {
  const left = await unfinishedChange.read(projectDir, connection);
  if (left === null) return;
  const lines = [
    `warning: A change of ${connection.host} that began at ${left.startedAt} did not finish; the file there may be incomplete, or not in use yet.`,
    ...backupLines(left.backupPath, connection),
  ];
  io.stderr.write(`${harmlessText(lines.join('\n'))}\n`);
}

export function refusal({ command, flags }: ModelHostArgs, io: KtxCliIo): number {
  const preview = command === 'apply' ? ' Preview with: ktx admin model-host diff' : '';
  const title = `Refusing to ${command} without --yes.${preview}`;
  io.stderr.write(`${title}\n`);
  if (flags.json) printFailureEvent(io, usageFailure(title, [`ktx admin model-host ${command} --yes`]));
  return 1;
}

/** Prints the result on stdout, failures and notes on stderr. */
export function report(
  { command, flags }: ModelHostArgs,
  { connection }: ModelHostContext,
  { result, warnings, failure }: ModelHostOutcome,
  io: KtxCliIo,
): void {
  if (flags.json) {
    io.stdout.write(jsonText(warnings.length > 0 ? { ...result, warnings } : result));
  } else if (result.ok) {
    const shown =
      command === 'diff' || result.diff === '' ? `${harmlessText(result.diff || 'No changes')}\n` : '';
    io.stdout.write(shown);
  }
  const lines = result.ok ? [] : failureLines(command, result, connection);
  const hints = failure === null ? [] : sshHints(connection, failure);
  lines.push(...hints.map((hint, index) => `  ${index === 0 ? 'next' : '    '}     ${hint}`));
  lines.push(...warnings.map((warning) => `warning: ${warning}`));
  if (lines.length > 0) io.stderr.write(`${harmlessText(lines.join('\n'))}\n`);
}

function failureLines(
  command: ModelHostArgs['command'],
  { step, error, backupPath, diff }: ApplyResult,
  connection: ModelHostConnection,
): string[] {
  const what =
    command === 'diff'
      ? 'Model host configuration cannot be compared'
      : `Model host update failed at ${step}`;
  return [
    ...(error?.startsWith('The remote file changed') && diff ? [diff] : []),
    `${what}: ${error?.trimEnd()}`,
    ...(backupPath === undefined ? [] : backupLines(backupPath, connection)),
    ...(/\/proxy must match format "uri"/.test(error ?? '')
      ? ['  next     Leave proxy out, then llama-swap takes its own port macro; or name a fixed port']
      : []),
  ];
}

function backupLines(backupPath: string, { configPath }: ModelHostConnection): string[] {
  return [`Backup on host: ${backupPath}`, `Restore with: ${restoreByHand(backupPath, configPath)}`];
}

export function placeOf({ user, host, configPath }: ModelHostConnection): string {
  return harmlessText(`${user}@${host}: ${configPath}`);
}
