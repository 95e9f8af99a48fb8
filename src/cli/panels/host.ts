import { isUtf8 } from 'node:buffer';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { LLAMA_SWAP_SCHEMA } from '../../hosts/config/llama-swap-schema.ts';
import { modelBlock, modelIds, withModelBlock } from '../../hosts/config/model-block.ts';
import { validateLlamaConfig } from '../../hosts/config/validate.ts';
import { readHostFile } from '../../hosts/host-file.ts';
import { changeModelHost, type ModelHostContext } from '../../hosts/model-host.ts';
import { readModelHostSettings, saveModelHostSettings, unfinishedChange } from '../../hosts/project-files.ts';
import { connectionProblems, type ModelHostConnection } from '../../hosts/ssh/connection.ts';
import { failedCommand } from '../../hosts/ssh/remote-ops.ts';
import { createSshExec } from '../../hosts/ssh/ssh-exec.ts';
import { restoreByHand, sshHints } from '../../hosts/ssh/ssh-hints.ts';
import { runInteractive } from '../../process/terminal/run-interactive.ts';
import { errorMessage, SetupError, throwIfCancelled } from '../../support/errors.ts';
import { writeFileAtomic } from '../../support/fs/atomic-file.ts';
import { readRegularFile } from '../../support/fs/regular-file.ts';
import { homeFolder } from '../../support/home/home-folder.ts';
import type { PanelContext } from '../../wizard/functions.ts';
import type {
  HostAnswer,
  HostConnection,
  HostEffect,
  HostOutcome,
  HostReview,
} from '../../wizard/panels/host-panel.ts';
import { HOST_STEPS } from './host-steps.ts';
import type { PanelPlace } from './place.ts';

const MAX_BYTES = 16 * 1024 * 1024;

/** @throws SetupError; CancelledError. A rejection by the host is a result, not an error. */
export async function runHostEffect(
  effect: HostEffect,
  context: PanelContext,
  place: PanelPlace,
): Promise<HostAnswer> {
  switch (effect.type) {
    case 'read-host':
      return read(effect.connection, context, place);
    case 'edit-host':
      return { type: 'host-edited', review: await edit(effect, context) };
    case 'apply-host':
      return { type: 'host-applied', outcome: await apply(effect, context, place) };
  }
}

async function read(
  given: HostConnection | null,
  context: PanelContext,
  { projectDir, cwd }: PanelPlace,
): Promise<HostAnswer> {
  const connection = given === null ? await readModelHostSettings(projectDir) : connectionOf(given, cwd);
  if (connection === null) return { type: 'host-unknown' };
  const shown = shownConnection(connection);
  const problems = connectionProblems(connection);
  if (problems.length > 0) {
    const lines = problems.map(({ field, problem }) => `${field} ${problem}`);
    return { type: 'host-unreachable', connection: shown, lines };
  }
  const { signal } = context.setup;
  try {
    const { configPath, mode } = connection;
    const text = await readHostFile(connection, configPath, createSshExec(signal), mode);
    throwIfCancelled(signal);
    // What is not UTF-8 was decoded to replacement characters, which must not be written back.
    if (text.includes('\ufffd')) throw new Error(`${configPath} is not UTF-8 text. Edit it on the host.`);
    // A connection that worked is saved for the project.
    if (given !== null) await saveModelHostSettings(projectDir, connection);
    const left = await unfinishedChange.read(projectDir, connection);
    return {
      type: 'host-read',
      connection: shown,
      facts: {
        place: `${connection.user}@${connection.host}: ${configPath}`,
        text,
        models: modelIds(text),
        warnings:
          left === null
            ? []
            : [
                `A change that began at ${left.startedAt} did not finish; the file there may be incomplete, or not in use yet.`,
                `Restore it on the host with: ${restoreByHand(left.backupPath, configPath)}`,
              ],
      },
    };
  } catch (error) {
    throwIfCancelled(signal);
    if (error instanceof SetupError) throw error;
    const message = errorMessage(error);
    const failure = failedCommand(error);
    const hints = failure === null ? [] : sshHints(connection, failure);
    const lines = [message, ...hints];
    return { type: 'host-unreachable', connection: shown, lines };
  }
}

/**
 * Opens one model's lines or the whole file in the user's editor; returns the diff to the host, with secrets
 * masked.
 */
async function edit(
  { base, text, model }: Extract<HostEffect, { type: 'edit-host' }>,
  { setup, lendTerminal }: PanelContext,
): Promise<HostReview> {
  const before = model === null ? text : modelBlock(text, model);
  if (before === null)
    throw new SetupError(`${model} has no lines of its own: edit the whole text.`, {
      failureClass: 'conflict',
    });
  const after = await lendTerminal(() => editText(before, setup.env ?? process.env));
  throwIfCancelled(setup.signal);
  const changed = model === null ? after : withModelBlock(text, model, after);
  const { valid, errors } = validateLlamaConfig(changed, LLAMA_SWAP_SCHEMA);
  const { maskedDiff } = await import('../../hosts/config/mask.ts');
  return { text: changed, diff: maskedDiff(base, changed), errors: valid ? [] : errors };
}

/** @throws SetupError when the editor cannot be started or fails. */
async function editText(text: string, env: NodeJS.ProcessEnv): Promise<string> {
  const editor = env['VISUAL'] || env['EDITOR'] || (process.platform === 'win32' ? 'notepad' : 'vi');
  // Readable by the owner only, since it has the content of the host's file.
  const folder = await mkdtemp(join(tmpdir(), 'ktx-edit-'));
  const path = join(folder, 'llama-swap.yaml');
  try {
    await writeFileAtomic(path, text, 0o600);
    const code = await runInteractive(editor, path);
    if (code !== 0) {
      throw new SetupError(`The editor ended with code ${code}: ${editor}`, {
        failureClass: 'conflict',
        evidence: ['Nothing was changed. EDITOR or VISUAL names the editor.'],
      });
    }
    const bytes = await readRegularFile(path, { maxBytes: MAX_BYTES, links: 'follow' });
    if (!isUtf8(bytes)) {
      throw new SetupError(`The editor did not save UTF-8 text: ${editor}`, {
        failureClass: 'conflict',
        evidence: ['Nothing was changed. EDITOR or VISUAL names the editor.'],
      });
    }
    return bytes.toString('utf8');
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function apply(
  { connection: given, base, text }: Extract<HostEffect, { type: 'apply-host' }>,
  { setup, tell }: PanelContext,
  { projectDir, cwd }: PanelPlace,
): Promise<HostOutcome> {
  const connection = connectionOf(given, cwd);
  const { signal, homeDir = homeFolder() } = setup;
  const say = (line: string) => tell({ type: 'host-step', text: line });
  const context: ModelHostContext = {
    connection,
    schema: LLAMA_SWAP_SCHEMA,
    exec: createSshExec(signal),
    projectDir,
    homeDir,
    ...(signal && { signal }),
  };
  // The version that was reviewed: later changes by others must not be overwritten.
  const { result, warnings, failure } = await changeModelHost(context, {
    newConfig: text,
    base,
    onWait: () => say(`Waiting for another ktx that changes ${connection.host}`),
    onStep: (step) => {
      if (step !== 'done') say(HOST_STEPS[step]);
    },
  });
  const backup =
    result.backupPath === undefined
      ? []
      : [
          `Backup on the host: ${result.backupPath}`,
          `Restore it with: ${restoreByHand(result.backupPath, connection.configPath)}`,
        ];
  if (result.ok) {
    const lines = [...warnings, ...backup];
    return { isOk: true, title: `${connection.host} uses the new configuration`, lines };
  }
  const hints = failure === null ? [] : sshHints(connection, failure);
  return {
    isOk: false,
    title: `The change of ${connection.host} failed at: ${HOST_STEPS[result.step]}`,
    lines: [result.error?.trimEnd() ?? '', ...hints, ...warnings, ...backup],
  };
}

function connectionOf(given: HostConnection, cwd: string): ModelHostConnection {
  const { host = '', user = '', keyPath = '', configPath = '', restartCmd, baseUrl = '', mode } = given;
  return {
    host,
    user,
    keyPath: keyPath.startsWith('~') ? keyPath : resolve(cwd, keyPath),
    configPath,
    baseUrl,
    mode: mode === 'wrapper' ? 'wrapper' : 'shell',
    ...(restartCmd !== undefined && { restartCmd }),
  };
}

function shownConnection(connection: ModelHostConnection): HostConnection {
  return Object.fromEntries(
    Object.entries(connection).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  );
}
