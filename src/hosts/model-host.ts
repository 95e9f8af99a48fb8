import { createHash } from 'node:crypto';
import * as z from 'zod/mini';
import { parseSchema } from '../support/schema.ts';
import { CHANGED_MEANWHILE, runPipeline } from './apply.ts';
import { parseConfigYaml } from './config/config-yaml.ts';
import { maskedDiff } from './config/mask.ts';
import { validateLlamaConfig } from './config/validate.ts';
import { servedModels } from './health.ts';
import { withHostLock } from './host-lock.ts';
import { reviewedFile, unfinishedChange } from './project-files.ts';
import type { ModelHostConnection } from './ssh/connection.ts';
import { readRemoteConfig } from './ssh/remote-ops.ts';
import type { SshExec } from './ssh/types.ts';
import type { ApplyOptions, ApplyResult } from './types.ts';

/** What every command and screen that changes a model host has at hand. */
export interface ModelHostContext {
  connection: ModelHostConnection;
  schema: object;
  exec: SshExec;
  fetcher?: typeof fetch;
  /** Keeps what was reviewed, and what was not finished. */
  projectDir: string;
  /** Holds the lock that keeps other changes of the same host waiting. */
  homeDir: string;
  signal?: AbortSignal;
}

export interface ModelHostOutcome {
  /** Its diff is masked: it may be shown. */
  result: ApplyResult;
  /** What has to be known although the change was made. */
  warnings: string[];
  /** All that the last failed command printed, of which the result quotes the beginning; for hints. `null`: none failed. */
  stderr: string | null;
}

export interface ChangeOptions
  extends Pick<ApplyOptions, 'onStep' | 'onBackup' | 'healthAttempts' | 'healthDelayMs'> {
  newConfig: string;
  /**
   * The text on the host that the change was made from. Absent: what the last review of this project showed, if there
   * was one.
   */
  base?: string;
  /** A restore replaces whatever is there: it was damaged, or it is not wanted. */
  isRestore?: boolean;
  /** The diff is known and masked, and is not empty. */
  onDiff?: (diff: string) => void;
  onWait?: () => void;
}

/** Compares a text with the file on the host, which is read and not changed. An invalid text is not compared. */
export async function reviewModelHost(
  context: ModelHostContext,
  newConfig: string,
): Promise<ModelHostOutcome> {
  const invalid = invalidResult(newConfig, context.schema);
  if (invalid) return outcome(invalid);
  const commands = watched(context.exec);
  const read = await readCurrent(context, commands.exec);
  if ('error' in read) return outcome(readFailure(read.error), commands.stderr());
  await markReviewed(context, read.text);
  return outcome({ ok: true, step: 'done', diff: maskedDiff(read.text, newConfig) });
}

/**
 * Replaces the file on the host and makes the service use it. One change of a host at a time. What somebody else wrote
 * there since it was reviewed stays. Nothing is done, and `diff` is empty, when the texts are equal.
 * @throws SetupError when the lock cannot be made; CancelledError while waiting for it.
 */
export async function changeModelHost(
  context: ModelHostContext,
  change: ChangeOptions,
): Promise<ModelHostOutcome> {
  const invalid = invalidResult(change.newConfig, context.schema);
  if (invalid) return outcome(invalid);
  const { homeDir, connection, signal } = context;
  return withHostLock({ homeDir, host: connection.host, onWait: change.onWait, signal }, (now) =>
    changeLocked(context, change, now),
  );
}

async function changeLocked(
  context: ModelHostContext,
  change: ChangeOptions,
  now: Date,
): Promise<ModelHostOutcome> {
  const { connection, schema, signal, projectDir } = context;
  const { newConfig } = change;
  const commands = watched(context.exec);
  const read = await readCurrent(context, commands.exec);
  if ('error' in read) return outcome(readFailure(read.error), commands.stderr());
  const diff = maskedDiff(read.text, newConfig);
  if (await isChangedSinceReview(context, change, read.text)) {
    await markReviewed(context, read.text);
    return outcome({ ok: false, step: 'validate', diff, error: CHANGED_MEANWHILE });
  }
  if (diff === '') return outcome({ ok: true, step: 'done', diff });
  change.onDiff?.(diff);

  const fetcher = withApiKey(context.fetcher ?? fetch, newConfig);
  const { result, current } = await runPipeline({
    ...connection,
    target: connection,
    restartCmd: connection.restartCmd ?? '',
    newConfig,
    schema,
    exec: commands.exec,
    fetcher,
    signal,
    now,
    healthAttempts: change.healthAttempts,
    healthDelayMs: change.healthDelayMs,
    onStep: change.onStep,
    expectedCurrent: read.text,
    onBackup: async (backupPath) => {
      await change.onBackup?.(backupPath);
      const { host, configPath } = connection;
      await unfinishedChange.write(projectDir, {
        host,
        configPath,
        backupPath,
        startedAt: now.toISOString(),
      });
    },
  });
  const masked = { ...result, diff: maskedDiff(current ?? read.text, newConfig) };
  // Only a write that began and failed leaves a file that may be neither the old nor the new one.
  const isWhole = result.step !== 'write' || result.error === CHANGED_MEANWHILE;
  if (isWhole) await unfinishedChange.remove(projectDir).catch(() => {});
  if (result.error === CHANGED_MEANWHILE) await markReviewed(context, current ?? read.text);
  if (!result.ok) return outcome(masked, commands.stderr());
  await reviewedFile.remove(projectDir).catch(() => {});
  return outcome(masked, null, await missingModels(connection, fetcher, newConfig));
}

async function readCurrent(
  { connection }: ModelHostContext,
  exec: SshExec,
): Promise<{ text: string } | { error: string }> {
  const { configPath, mode } = connection;
  try {
    return { text: await readRemoteConfig(connection, configPath, exec, mode) };
  } catch (error) {
    return { error: (error as Error).message };
  }
}

async function isChangedSinceReview(
  { connection, projectDir }: ModelHostContext,
  { base, isRestore }: ChangeOptions,
  current: string,
): Promise<boolean> {
  if (base !== undefined) return base !== current;
  if (isRestore) return false;
  const reviewed = await reviewedFile.read(projectDir, connection);
  return reviewed !== null && reviewed.sha256 !== sha256(current);
}

/** A folder that cannot be written is no reason to refuse a diff. */
async function markReviewed({ connection, projectDir }: ModelHostContext, text: string): Promise<void> {
  const { host, configPath } = connection;
  await reviewedFile.write(projectDir, { host, configPath, sha256: sha256(text) }).catch(() => {});
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function invalidResult(newConfig: string, schema: object): ApplyResult | null {
  const { valid, errors } = validateLlamaConfig(newConfig, schema);
  return valid ? null : { ok: false, step: 'validate', error: errors.join('; ') };
}

function readFailure(message: string): ApplyResult {
  return { ok: false, step: 'validate', error: `read current failed: ${message}` };
}

function outcome(
  result: ApplyResult,
  stderr: string | null = null,
  warnings: string[] = [],
): ModelHostOutcome {
  return { result, warnings, stderr };
}

/** Keeps the last answer that was a failure: the result quotes only its beginning. */
function watched(exec: SshExec): { exec: SshExec; stderr: () => string | null } {
  let stderr: string | null = null;
  return {
    stderr: () => stderr,
    exec: async (...args) => {
      const result = await exec(...args);
      if (result.code !== 0) stderr = result.stderr;
      return result;
    },
  };
}

const configuredSchema = z.object({
  apiKeys: z.catch(z.array(z.string()), []),
  models: z.catch(z.record(z.string(), z.object({ unlisted: z.optional(z.boolean()) })), {}),
});

/** What the health check needs of a configuration; nothing of what another schema allows and ktx does not know. */
function configured(newConfig: string) {
  return parseSchema(configuredSchema, parseConfigYaml(newConfig));
}

/** The server wants one of its keys as soon as it has the new file. A key that is a macro is known on the host alone. */
function withApiKey(fetcher: typeof fetch, newConfig: string): typeof fetch {
  const key = configured(newConfig).apiKeys.find((candidate) => !candidate.includes('${'));
  if (key === undefined) return fetcher;
  return (input, init) => {
    const headers = new Headers(init?.headers);
    headers.set('authorization', `Bearer ${key}`);
    return fetcher(input, { ...init, headers });
  };
}

/** A healthy answer may come from a service that rejected the new file and goes on with the old one. */
async function missingModels(
  { host, baseUrl }: ModelHostConnection,
  fetcher: typeof fetch,
  newConfig: string,
): Promise<string[]> {
  const served = await servedModels(baseUrl, fetcher);
  return Object.entries(configured(newConfig).models)
    .filter(([id, { unlisted }]) => unlisted !== true && !served?.includes(id))
    .map(([id]) => `Model ${id} is not served yet; check the llama-swap log on ${host}`);
}
