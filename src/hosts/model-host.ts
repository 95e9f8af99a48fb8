import { createHash } from 'node:crypto';
import * as z from 'zod/mini';
import { parseSchema } from '../support/schema.ts';
import { CHANGED_MEANWHILE, runPipeline } from './apply.ts';
import { parseConfigYaml } from './config/config-yaml.ts';
import { maskedDiff, secretWords } from './config/mask.ts';
import { validateLlamaConfig } from './config/validate.ts';
import { servedModels } from './health.ts';
import { readHostFile } from './host-file.ts';
import { withHostLock } from './host-lock.ts';
import { reviewedFile, unfinishedChange } from './project-files.ts';
import type { ModelHostConnection } from './ssh/connection.ts';
import type { FailedCommand } from './ssh/ssh-hints.ts';
import type { SshExec } from './ssh/types.ts';
import type { ApplyOptions, ApplyResult } from './types.ts';

/** What every command and screen that changes a model host needs. */
export interface ModelHostContext {
  connection: ModelHostConnection;
  schema: object;
  exec: SshExec;
  fetcher?: typeof fetch;
  /** Stores the last review and unfinished changes. */
  projectDir: string;
  /** Contains the lock that serialises changes to the same host. */
  homeDir: string;
  signal?: AbortSignal;
}

export interface ModelHostOutcome {
  /** Its diff is masked and may be shown. */
  result: ApplyResult;
  /** Problems to report although the change was made. */
  warnings: string[];
  /** The last failed command; the result only quotes a part of its stderr. `null`: none failed. */
  failure: FailedCommand | null;
}

export interface ChangeOptions
  extends Pick<ApplyOptions, 'onStep' | 'onBackup' | 'healthAttempts' | 'healthDelayMs'> {
  newConfig: string;
  /**
   * The host's text that the change is based on. Default: the text shown by this project's last review, if
   * any.
   */
  base?: string;
  /** A restore replaces whatever is there, damaged or unwanted. */
  isRestore?: boolean;
  /** Called with the masked diff, if it is not empty. */
  onDiff?: (diff: string) => void;
  onWait?: () => void;
}

/** Compares a text with the file on the host, without changing it. An invalid text is not compared. */
export async function reviewModelHost(
  context: ModelHostContext,
  newConfig: string,
): Promise<ModelHostOutcome> {
  const invalid = invalidResult(newConfig, context.schema);
  if (invalid) return outcome(invalid);
  const commands = watched(context.exec);
  const read = await readCurrent(context, commands.exec);
  if ('error' in read) return outcome(readFailure(read.error), commands.failure());
  await markReviewed(context, read.text);
  return outcome({ ok: true, step: 'done', diff: maskedDiff(read.text, newConfig) });
}

/**
 * Replaces the file on the host and makes the service use it. Changes to a host are serialised. Changes made
 * by others since the review are not overwritten. When the texts are equal, nothing is done and `diff` is
 * empty.
 * @throws SetupError when the lock cannot be created; CancelledError while waiting for it.
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
  if ('error' in read) return outcome(readFailure(read.error), commands.failure());
  const diff = maskedDiff(read.text, newConfig);
  if (await isChangedSinceReview(context, change, read.text)) {
    await markReviewed(context, read.text);
    return outcome({ ok: false, step: 'validate', diff, error: CHANGED_MEANWHILE });
  }
  const left = await unfinishedChange.read(projectDir, connection);
  // The service may still use the old text after a change that failed at its restart, or was killed.
  if (diff === '' && left === null) return outcome({ ok: true, step: 'done', diff });
  if (diff !== '') change.onDiff?.(diff);
  // The backup that matters is the one of the text before: this run would back up the new one.
  const backupOf = (path: string) => (diff === '' ? (left?.backupPath ?? path) : path);

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
    onBackup: async (path) => {
      const backupPath = backupOf(path);
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
  const texts = [current ?? read.text, newConfig] as const;
  const masked: ApplyResult = {
    ...result,
    ...(result.backupPath !== undefined && { backupPath: backupOf(result.backupPath) }),
    ...(result.error !== undefined && { error: withoutSecrets(result.error, texts) }),
    diff: maskedDiff(...texts),
  };
  // Until the service has answered with the new text, it may use the old one or a damaged one.
  const isOver = result.ok || result.error === CHANGED_MEANWHILE;
  if (isOver) await unfinishedChange.remove(projectDir).catch(() => {});
  if (result.error === CHANGED_MEANWHILE) await markReviewed(context, current ?? read.text);
  if (!result.ok) {
    const warnings = result.step === 'health' && isKeyUnknown(newConfig) ? [KEY_UNKNOWN] : [];
    return outcome(masked, commands.failure(), warnings);
  }
  await reviewedFile.remove(projectDir).catch(() => {});
  return outcome(masked, null, await missingModels(connection, fetcher, newConfig));
}

async function readCurrent(
  { connection }: ModelHostContext,
  exec: SshExec,
): Promise<{ text: string } | { error: string }> {
  const { configPath, mode } = connection;
  try {
    return { text: await readHostFile(connection, configPath, exec, mode) };
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

/** Best effort: a folder without write permission is no reason to withhold a diff. */
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
  failure: FailedCommand | null = null,
  warnings: string[] = [],
): ModelHostOutcome {
  return { result, warnings, failure };
}

/** Shorter ones would take words of the message apart. */
const LEAST_SECRET_CHARS = 4;

/** A program on the host may quote the configuration that it refuses. */
function withoutSecrets(error: string, texts: readonly string[]): string {
  const words = texts
    .flatMap(secretWords)
    .filter((word) => word.length >= LEAST_SECRET_CHARS)
    .sort((a, b) => b.length - a.length);
  return words.reduce((text, word) => text.replaceAll(word, '****'), error);
}

/** Remembers the last failure: the result quotes only its beginning. */
function watched(exec: SshExec): { exec: SshExec; failure: () => FailedCommand | null } {
  let failure: FailedCommand | null = null;
  return {
    failure: () => failure,
    exec: async (...args) => {
      const result = await exec(...args);
      if (result.code !== 0) failure = result;
      return result;
    },
  };
}

const configuredSchema = z.object({
  apiKeys: z.catch(z.array(z.string()), []),
  macros: z.catch(z.record(z.string(), z.unknown()), {}),
  models: z.catch(z.record(z.string(), z.object({ unlisted: z.optional(z.boolean()) })), {}),
});

/**
 * The parts of a configuration that the health check needs, tolerating whatever else another schema allows.
 */
function configured(newConfig: string) {
  return parseSchema(configuredSchema, parseConfigYaml(newConfig));
}

const KEY_UNKNOWN =
  'The server requires an API key that only the host knows, so ktx could not list its models';

/** Keys with their macros replaced, except those that name a variable of the host. */
function knownKeys(newConfig: string): string[] {
  const { apiKeys, macros } = configured(newConfig);
  // A macro may consist of those above it.
  const names = Object.keys(macros).reverse();
  const expanded = apiKeys.map((key) =>
    names.reduce((text, name) => text.replaceAll(`\${${name}}`, () => String(macros[name])), key),
  );
  return expanded.filter((key) => !key.includes('${'));
}

function isKeyUnknown(newConfig: string): boolean {
  return configured(newConfig).apiKeys.length > 0 && knownKeys(newConfig).length === 0;
}

/** The server requires one of its keys as soon as it has loaded the new file. */
function withApiKey(fetcher: typeof fetch, newConfig: string): typeof fetch {
  const [key] = knownKeys(newConfig);
  if (key === undefined) return fetcher;
  return (input, init) => {
    const headers = new Headers(init?.headers);
    headers.set('authorization', `Bearer ${key}`);
    return fetcher(input, { ...init, headers });
  };
}

/** A healthy answer may come from a service that rejected the new file and still uses the old one. */
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
