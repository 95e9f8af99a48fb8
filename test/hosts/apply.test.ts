import { describe, expect, it } from 'vitest';
import { applyRemoteConfig } from '../../src/hosts/apply.ts';
import { computeDiff } from '../../src/hosts/config/diff.ts';
import { LLAMA_SWAP_SCHEMA } from '../../src/hosts/config/llama-swap-schema.ts';
import type { ApplyOptions, ApplyResult } from '../../src/hosts/types.ts';
import {
  answeringFetcher,
  CONFIG_PATH,
  NEW_CONFIG,
  OLD_CONFIG,
  RESTART,
  recordedExec,
  TARGET,
} from './memory-host.ts';

const NOW = new Date('2026-06-12T08:09:10.123Z');
const BACKUP = `${CONFIG_PATH}.bak-20260612T080910Z`;
const DIFF = computeDiff(OLD_CONFIG, NEW_CONFIG);
const READ = `cat '${CONFIG_PATH}'`;
const COMMANDS = [READ, `cp '${CONFIG_PATH}' '${BACKUP}'`, `cat > '${CONFIG_PATH}'`, RESTART];
const failing = (pattern: RegExp, code = 1) => recordedExec([[pattern, { code, stderr: 'no' }]]);

/** Runs with a fake host and server; returns everything that they and the observer saw. */
async function apply(
  host = recordedExec(),
  server = answeringFetcher(200),
  options: Partial<ApplyOptions> = {},
) {
  const steps: ApplyResult['step'][] = [];
  const result = await applyRemoteConfig({
    target: TARGET,
    configPath: CONFIG_PATH,
    restartCmd: RESTART,
    newConfig: NEW_CONFIG,
    schema: LLAMA_SWAP_SCHEMA,
    baseUrl: 'http://models.internal:8080/',
    exec: host.exec,
    fetcher: server.fetcher,
    now: NOW,
    healthAttempts: 3,
    healthDelayMs: 0,
    onStep: (step) => steps.push(step),
    ...options,
  });
  return { result, steps, commands: host.commands(), requests: server.requests };
}

describe('a change of the host', () => {
  it('14. an invalid text: the host is not asked', async () => {
    const { result, commands, steps } = await apply(recordedExec(), undefined, { newConfig: 'models: 1' });
    expect(result).toEqual({ ok: false, step: 'validate', error: '/models must be object' });
    expect([commands, steps]).toEqual([[], ['validate']]);
  });

  it('all errors of an invalid text are joined', async () => {
    const { result } = await apply(undefined, undefined, { newConfig: 'models: 1\nstartPort: x' });
    expect(result.error).toBe('/models must be object; /startPort must be integer');
  });

  it('15. a failed read: no backup, no write', async () => {
    const { result, commands } = await apply(failing(/^cat '/));
    const error = 'read current failed: read failed (exit 1): no';
    expect(result).toEqual({ ok: false, step: 'validate', error });
    expect(commands).toEqual([READ]);
  });

  it('16. a failed backup: the diff is there, and nothing is written', async () => {
    const { result, commands } = await apply(failing(/^cp/));
    expect(result).toEqual({ ok: false, step: 'backup', diff: DIFF, error: 'backup failed (exit 1): no' });
    expect(commands).toEqual(COMMANDS.slice(0, 2));
  });

  it('17. a failed write: the backup is named, and nothing is restarted', async () => {
    const { result, commands } = await apply(failing(/^cat >/));
    const error = 'write failed (exit 1): no';
    expect(result).toEqual({ ok: false, step: 'write', backupPath: BACKUP, diff: DIFF, error });
    expect(commands).toEqual(COMMANDS.slice(0, 3));
  });

  it('18. a failed restart: the server is not asked', async () => {
    const { result, requests } = await apply(failing(/^systemctl/, 5));
    const error = 'restart failed (exit 5): no';
    expect(result).toEqual({ ok: false, step: 'restart', backupPath: BACKUP, diff: DIFF, error });
    expect(requests).toEqual([]);
  });

  it('19. no health: the exact error, as many requests as attempts', async () => {
    const { result, requests } = await apply(recordedExec(), answeringFetcher(503));
    const error = 'health check did not pass after restart; backup retained';
    expect(result).toEqual({ ok: false, step: 'health', backupPath: BACKUP, diff: DIFF, error });
    expect(requests).toHaveLength(3);
  });

  it('20. success: read, backup, write, restart, one request', async () => {
    const { result, commands, requests } = await apply();
    expect(result).toEqual({ ok: true, step: 'done', backupPath: BACKUP, diff: DIFF });
    expect(commands).toEqual(COMMANDS);
    expect(requests).toEqual(['http://models.internal:8080/v1/models']);
  });

  it.each<[RegExp, ApplyResult['step'], string]>([
    [/^cat '/, 'validate', 'read current failed: torn'],
    [/^cp/, 'backup', 'torn'],
    [/^cat >/, 'write', 'torn'],
    [/^systemctl/, 'restart', 'torn'],
  ])('21. an exec that throws at %s: the same result as a failed command', async (pattern, step, error) => {
    const { result } = await apply(recordedExec([[pattern, new Error('torn')]]));
    expect(result).toMatchObject({ ok: false, step, error });
    expect('backupPath' in result).toBe(['write', 'restart'].includes(step));
  });

  it('21. never rejects: no schema, no date, an observer that throws', async () => {
    const broken = { schema: { type: 'x' }, now: new Date(Number.NaN) };
    expect((await apply(undefined, undefined, broken)).result.error).toMatch(/^config schema is unusable/);
    expect((await apply(undefined, undefined, { now: broken.now })).result).toMatchObject({ step: 'backup' });
    const onStep = () => {
      throw new Error('broken observer');
    };
    expect((await apply(undefined, undefined, { onStep, onBackup: onStep })).result.ok).toBe(true);
  });

  it.each<[ReturnType<typeof recordedExec> | undefined, number, string]>([
    [undefined, 200, 'validate backup write restart health done'],
    [undefined, 500, 'validate backup write restart health'],
    [failing(/^systemctl/), 200, 'validate backup write restart'],
    [failing(/^cat >/), 200, 'validate backup write'],
    [failing(/^cp/), 200, 'validate backup'],
    [failing(/^cat '/), 200, 'validate'],
  ])(
    '26. the observer hears each step as it begins, up to the failing one',
    async (host, status, expected) => {
      const { steps } = await apply(host ?? recordedExec(), answeringFetcher(status));
      expect(steps.join(' ')).toBe(expected);
    },
  );

  it('an equal text goes the whole way too', async () => {
    const { result, commands } = await apply(undefined, undefined, { newConfig: OLD_CONFIG });
    expect(result).toMatchObject({ ok: true, diff: '' });
    expect(commands).toEqual(COMMANDS);
  });

  it('in wrapper mode the same steps have other commands', async () => {
    const host = recordedExec([[/^backup$/, { stdout: '/srv/copy\n' }]]);
    const { result, commands } = await apply(host, undefined, { mode: 'wrapper' });
    expect(result).toMatchObject({ ok: true, backupPath: '/srv/copy' });
    expect(commands).toEqual(['read', 'backup', 'write', 'restart']);
  });

  it('a change by another process is not overwritten', async () => {
    const { result, commands } = await apply(recordedExec(), undefined, { expectedCurrent: 'models: {}\n' });
    const error = 'The remote file changed while you were editing. Review the new diff.';
    expect(result).toEqual({ ok: false, step: 'validate', diff: DIFF, error });
    expect(commands).toEqual([READ]);
  });

  it('nor a change by another process between the backup and the write', async () => {
    const host = recordedExec();
    const exec: typeof host.exec = async (target, command, stdin) => {
      const result = await host.exec(target, command, stdin);
      const isSecondRead = command === READ && host.calls.length > 1;
      return isSecondRead ? { ...result, stdout: 'models: {}\n' } : result;
    };
    const { result, commands } = await apply(host, undefined, { exec, expectedCurrent: OLD_CONFIG });
    const diff = computeDiff('models: {}\n', NEW_CONFIG);
    expect(result).toMatchObject({ ok: false, step: 'write', backupPath: BACKUP, diff });
    expect(commands).toEqual([READ, COMMANDS[1], READ]);
  });

  it.each([
    ['was written as it was sent', NEW_CONFIG, { ok: true, step: 'done' }],
    ['is another text', `${NEW_CONFIG}of a late writer`, { ok: false, step: 'write', backupPath: BACKUP }],
  ])('what is read back after the write %s', async (_name, text, expected) => {
    const host = recordedExec();
    const exec: typeof host.exec = async (target, command, stdin) => {
      const result = await host.exec(target, command, stdin);
      const isReadBack = command === READ && host.commands().includes(COMMANDS[2]!);
      return isReadBack ? { ...result, stdout: text } : result;
    };
    const { result, commands } = await apply(host, undefined, { exec, expectedCurrent: OLD_CONFIG });
    expect(result).toMatchObject(expected);
    expect(commands.slice(2, 5)).toEqual([READ, COMMANDS[2], READ]);
    expect(commands.includes(RESTART)).toBe(result.ok);
  });

  it('the path of the backup is known before anything is written', async () => {
    const host = recordedExec();
    const seen: unknown[] = [];
    const onBackup = async (path: string) => void seen.push(path, host.commands().length);
    await apply(host, undefined, { onBackup });
    expect(seen).toEqual([BACKUP, 2]);
  });

  it.each(['backup', 'write', 'restart', 'health'] as const)(
    'cancelled at %s: nothing further is done',
    async (at) => {
      const controller = new AbortController();
      const host = recordedExec();
      const onStep = (step: string) => {
        if (step === at) controller.abort();
      };
      // A command that is running when the signal fires is ended by `exec`; the next step does not start.
      const { result, commands } = await apply(host, answeringFetcher(500), {
        onStep,
        signal: controller.signal,
        healthDelayMs: 60_000,
      });
      expect(result).toMatchObject({ ok: false, error: 'Operation cancelled.' });
      expect(commands).toHaveLength({ backup: 2, write: 3, restart: 4, health: 4 }[at]);
    },
  );
});
