import { randomUUID } from 'node:crypto';
import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { FailureReport } from '../core/events.ts';
import { sharedLayout } from '../core/layout.ts';
import { writeFileAtomic } from '../support/fs/atomic-file.ts';
import { assertNoLinkWithin, readRegularText } from '../support/fs/regular-file.ts';
import { harmlessText } from '../support/harmless.ts';
import { createRedactor } from '../support/text/redaction.ts';
import { readLogEnd } from './log-end.ts';

const NAME = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\.log$/;
/** Failed setups kept, across all versions. */
const KEPT_LOGS = 5;
/** Of a log, only the end is kept. */
const MAX_LOG_BYTES = 512 * 1024;
const MAX_BYTES = 2 * MAX_LOG_BYTES;

/** A failed setup: what was requested, and how it ended. */
export interface FailedSetup {
  runtimeRoot: string;
  cliVersion: string;
  features: readonly string[];
  failure: FailureReport;
  /** The network settings of that run, one per line. */
  settings: readonly string[];
}

/**
 * Keeps a failed setup with its log in `uv/logs`, where the next one does not overwrite it: reports are often
 * written after another attempt. Secrets are masked. Only the newest few are kept. Never rejects, so that the
 * original failure is reported.
 */
export async function keepFailure(failed: FailedSetup): Promise<void> {
  try {
    const { failure } = failed;
    const log = failure.logPath === null ? '' : await endOf(failure.logPath);
    const lines = [
      `ktx ${failed.cliVersion}: setup of ${failed.features.join(', ')} failed at ${new Date().toISOString()}, step ${failure.step ?? 'plan'}`,
      `${failure.title} (${failure.failureClass}, ${failure.cause})`,
      ...failure.evidence.map((text) => `  ${text}`),
      ...failure.nextSteps.map((text) => `  next: ${text}`),
      failure.untouched,
      ...(failed.settings.length > 0
        ? ['', 'Network settings', ...failed.settings.map((text) => `  ${text}`)]
        : []),
      ...(log === '' ? [] : ['', `Log ${failure.logPath}`, log]),
    ];
    const text = harmlessText(createRedactor().redact(`${lines.join('\n')}\n`));
    const folder = logsDir(failed.runtimeRoot);
    await assertNoLinkWithin(failed.runtimeRoot, folder);
    await writeFileAtomic(join(folder, `${randomUUID()}.log`), text, 0o600, { isDurable: false });
    for (const path of (await failureLogs(folder)).slice(KEPT_LOGS)) await rm(path, { force: true });
  } catch {
    // A full disk, or a root that belongs to another user.
  }
}

/** The most recent failed setup; `null` when there is none. */
export async function readLastFailure(runtimeRoot: string): Promise<{ path: string; text: string } | null> {
  const [path] = await failureLogs(logsDir(runtimeRoot));
  if (path === undefined) return null;
  const text = await readRegularText(path, { maxBytes: MAX_BYTES }).catch(() => null);
  return text === null ? null : { path, text };
}

function logsDir(runtimeRoot: string): string {
  return join(sharedLayout(runtimeRoot).root, 'logs');
}

/** Newest first. */
async function failureLogs(folder: string): Promise<string[]> {
  const names = (await readdir(folder).catch(() => [])).filter((name) => NAME.test(name));
  const found = await Promise.all(
    names.map(async (name) => {
      const path = join(folder, name);
      return { path, mtimeMs: (await stat(path).catch(() => null))?.mtimeMs ?? 0 };
    }),
  );
  return found.sort((a, b) => b.mtimeMs - a.mtimeMs).map(({ path }) => path);
}

async function endOf(logPath: string): Promise<string> {
  const { text } = await readLogEnd(logPath, MAX_LOG_BYTES).catch(() => ({ text: '' }));
  return text.trimEnd();
}
