import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { CHANGED_MEANWHILE } from '../../src/hosts/apply.ts';
import { LLAMA_SWAP_SCHEMA } from '../../src/hosts/config/llama-swap-schema.ts';
import {
  type ChangeOptions,
  changeModelHost,
  type ModelHostContext,
  reviewModelHost,
} from '../../src/hosts/model-host.ts';
import { reviewedFile, unfinishedChange } from '../../src/hosts/project-files.ts';
import type { ModelHostConnection } from '../../src/hosts/ssh/connection.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';
import { CONFIG_PATH, memoryHost, NEW_CONFIG, OLD_CONFIG, RESTART, TARGET } from './memory-host.ts';

const CONNECTION: ModelHostConnection = {
  ...TARGET,
  configPath: CONFIG_PATH,
  mode: 'shell',
  restartCmd: RESTART,
  baseUrl: 'http://models.internal:8080',
};
const THEIRS = 'models:\n  theirs:\n    cmd: serve theirs\n';
const BACKUP = expect.stringMatching(/^\/etc\/llama-swap\/config\.yaml\.bak-\d{8}T\d{6}Z$/);

let projectDir: string;
let root: string;
let count = 0;
beforeEach(async () => {
  projectDir = await temporaryFolder();
  root = await temporaryFolder();
});

type Host = ReturnType<typeof memoryHost>;

const contextOf = ({ exec, fetcher }: Pick<Host, 'exec' | 'fetcher'>): ModelHostContext => ({
  connection: CONNECTION,
  schema: LLAMA_SWAP_SCHEMA,
  exec,
  fetcher,
  projectDir,
  // Locks of its own: two changes of one host are a second apart.
  homeDir: join(root, String(++count)),
});

const change = (host: Pick<Host, 'exec' | 'fetcher'>, options: Partial<ChangeOptions> = {}) =>
  changeModelHost(contextOf(host), {
    newConfig: NEW_CONFIG,
    healthAttempts: 1,
    healthDelayMs: 0,
    ...options,
  });

const refusing = (pattern: RegExp, stderr = 'no') =>
  memoryHost({ answers: [[pattern, { code: 4, stderr }]] });
const digestOf = (text: string) => createHash('sha256').update(text).digest('hex');
/** What the project remembers: the text of the last diff, and a change that may be half done. */
const remembered = async () => ({
  reviewed: (await reviewedFile.read(projectDir, CONNECTION))?.sha256 ?? null,
  unfinished: (await unfinishedChange.read(projectDir, CONNECTION))?.backupPath ?? null,
});

describe('a review', () => {
  it('shows the diff, changes nothing, and remembers what it was made against', async () => {
    const host = memoryHost();
    const { result, warnings, failure } = await reviewModelHost(contextOf(host), NEW_CONFIG);
    expect(result).toMatchObject({ ok: true, step: 'done', diff: expect.stringContaining('cmd: serve b') });
    expect({ warnings, failure, commands: host.commands }).toEqual({
      warnings: [],
      failure: null,
      commands: [`cat '${CONFIG_PATH}'`],
    });
    expect(await remembered()).toEqual({ reviewed: digestOf(OLD_CONFIG), unfinished: null });
  });

  it('of an invalid text asks no host', async () => {
    const host = memoryHost();
    const { result } = await reviewModelHost(contextOf(host), 'models: 1\nstartPort: x');
    const error = '/models must be object; /startPort must be integer';
    expect(result).toEqual({ ok: false, step: 'validate', error });
    expect(host.commands).toEqual([]);
    expect((await change(host, { newConfig: 'models: 1' })).result).toMatchObject({
      ok: false,
      step: 'validate',
    });
    expect(host.commands).toEqual([]);
  });

  it.each([
    ['a review', (host: Host) => reviewModelHost(contextOf(host), NEW_CONFIG)],
    ['a change', (host: Host) => change(host)],
  ])('of a host that cannot be read: %s has the whole stderr beside the result', async (_name, run) => {
    const long = 'x'.repeat(400);
    const { result, failure } = await run(refusing(/^cat '/, long));
    const error = `read current failed: read failed (exit 4): ${'x'.repeat(300)}`;
    expect(result).toEqual({ ok: false, step: 'validate', error });
    expect(failure).toMatchObject({ code: 4, stderr: long });
    expect(await remembered()).toEqual({ reviewed: null, unfinished: null });
  });
});

describe('a change', () => {
  it('is made, shown before, and forgotten after', async () => {
    const host = memoryHost();
    const shown: string[] = [];
    await reviewModelHost(contextOf(host), NEW_CONFIG);
    const { result, warnings, failure } = await change(host, { onDiff: (diff) => void shown.push(diff) });
    expect(result).toEqual({ ok: true, step: 'done', backupPath: BACKUP, diff: shown[0] });
    expect({ warnings, failure, shown: shown.length }).toEqual({ warnings: [], failure: null, shown: 1 });
    expect(host.files.get(CONFIG_PATH)).toBe(NEW_CONFIG);
    expect(await remembered()).toEqual({ reviewed: null, unfinished: null });
  });

  it('to the text that is there already does nothing', async () => {
    const host = memoryHost();
    const shown: string[] = [];
    const { result } = await change(host, { newConfig: OLD_CONFIG, onDiff: (diff) => void shown.push(diff) });
    expect(result).toEqual({ ok: true, step: 'done', diff: '' });
    expect([host.commands, shown]).toEqual([[`cat '${CONFIG_PATH}'`], []]);
  });

  it.each([
    ['that was edited from another text', { base: THEIRS }, null, false],
    ['that was edited from this text', { base: OLD_CONFIG }, THEIRS, true],
    ['of a text that differs from the last review', {}, THEIRS, false],
    ['of the text of the last review', {}, OLD_CONFIG, true],
    ['that no review was made for', {}, null, true],
    ['that restores a backup, whatever is there', { isRestore: true }, THEIRS, true],
    ['that restores a backup edited from another text', { isRestore: true, base: THEIRS }, null, false],
  ])('%s', async (_name, options, reviewed, isMade) => {
    const host = memoryHost();
    const { host: name, configPath } = CONNECTION;
    if (reviewed !== null)
      await reviewedFile.write(projectDir, { host: name, configPath, sha256: digestOf(reviewed) });
    const { result } = await change(host, options);
    expect(host.files.get(CONFIG_PATH)).toBe(isMade ? NEW_CONFIG : OLD_CONFIG);
    if (isMade) return;
    const diff = expect.stringContaining('cmd: serve b');
    expect(result).toEqual({ ok: false, step: 'validate', diff, error: CHANGED_MEANWHILE });
    // The diff that was just shown is the review of the next try.
    expect(await remembered()).toEqual({ reviewed: digestOf(OLD_CONFIG), unfinished: null });
  });

  it.each([
    ['backup', /^cp/, null],
    ['write', /^cat >/, BACKUP],
    ['restart', /^systemctl/, BACKUP],
  ])('that fails in the %s remembers what may be half done', async (step, pattern, unfinished) => {
    await reviewedFile.write(projectDir, {
      host: TARGET.host,
      configPath: CONFIG_PATH,
      sha256: digestOf(OLD_CONFIG),
    });
    const { result, failure, warnings } = await change(refusing(pattern));
    expect(result).toMatchObject({ ok: false, step });
    expect({ failure, warnings }).toMatchObject({ failure: { code: 4, stderr: 'no' }, warnings: [] });
    expect(await remembered()).toEqual({ reviewed: digestOf(OLD_CONFIG), unfinished });
  });

  it('ends the mark of an earlier half change', async () => {
    await change(refusing(/^cat >/));
    expect((await remembered()).unfinished).not.toBeNull();
    await change(memoryHost());
    expect((await remembered()).unfinished).toBeNull();
  });

  it('is not made over a text that another user wrote during the backup; the next try is', async () => {
    const host = memoryHost();
    const exec: Host['exec'] = async (target, command, stdin) => {
      const result = await host.exec(target, command, stdin);
      if (command.startsWith('cp')) host.files.set(CONFIG_PATH, THEIRS);
      return result;
    };
    const { result } = await change({ exec, fetcher: host.fetcher });
    expect(result).toMatchObject({ ok: false, step: 'write', error: CHANGED_MEANWHILE, backupPath: BACKUP });
    expect(result.diff).toContain('theirs');
    expect(await remembered()).toEqual({ reviewed: digestOf(THEIRS), unfinished: null });
    expect((await change(host)).result.ok).toBe(true);
  });

  it('knows its backup before it writes, and hands it on', async () => {
    const host = memoryHost();
    const backups: string[] = [];
    let atWrite: unknown = null;
    const exec: Host['exec'] = async (target, command, stdin) => {
      if (command.startsWith('cat >')) atWrite = await unfinishedChange.read(projectDir, CONNECTION);
      return host.exec(target, command, stdin);
    };
    await change({ exec, fetcher: host.fetcher }, { onBackup: async (path) => void backups.push(path) });
    expect(backups).toEqual([BACKUP]);
    expect(atWrite).toMatchObject({
      backupPath: backups[0],
      startedAt: expect.stringMatching(/^\d{4}-.*Z$/),
    });
  });

  it('is cancelled while it waits for its turn', async () => {
    const context = { ...contextOf(memoryHost()), signal: AbortSignal.abort() };
    await expect(changeModelHost(context, { newConfig: NEW_CONFIG })).rejects.toThrow('cancelled');
  });

  it('without a command of its own restarts by the wrapper of the host', async () => {
    const host = memoryHost();
    const { restartCmd: _, ...rest } = CONNECTION;
    const context = { ...contextOf(host), connection: { ...rest, mode: 'wrapper' as const } };
    const { result } = await changeModelHost(context, { newConfig: NEW_CONFIG, healthAttempts: 1 });
    expect(result).toMatchObject({ ok: true, backupPath: '/copy' });
  });
});

describe('the service after a change', () => {
  const served = (...ids: string[]) => new Response(JSON.stringify({ data: ids.map((id) => ({ id })) }));
  const asking = async (newConfig: string, answer: () => Response) => {
    const headers: (string | null)[] = [];
    const fetcher: typeof fetch = async (_input, init) => {
      headers.push(new Headers(init?.headers).get('authorization'));
      return answer();
    };
    const { exec } = memoryHost();
    const { result, warnings } = await change({ exec, fetcher }, { newConfig });
    expect(result.ok).toBe(true);
    return { headers, warnings };
  };
  const missing = (id: string) =>
    `Model ${id} is not served yet; check the llama-swap log on models.internal`;

  it.each([
    ['both', () => served('a', 'b'), []],
    ['one', () => served('b'), [missing('a')]],
    ['none', () => served(), [missing('a'), missing('b')]],
    ['no list', () => new Response('{}'), [missing('a'), missing('b')]],
  ])('serves %s of its models', async (_name, answer, expected) => {
    expect((await asking(NEW_CONFIG, answer)).warnings).toEqual(expected);
  });

  it('need not list a model that is unlisted', async () => {
    const text = `${NEW_CONFIG}    unlisted: true\n  c:\n    cmd: serve c\n    unlisted: false\n`;
    expect((await asking(text, () => served())).warnings).toEqual([missing('a'), missing('c')]);
  });

  it.each([
    ['', null],
    ['apiKeys: [one, two]\n', 'Bearer one'],
    ['apiKeys: ["$' + '{env.KEY}", two]\n', 'Bearer two'],
    ['apiKeys: ["$' + '{env.KEY}"]\n', null],
  ])('is asked with a key of %j', async (keys, header) => {
    const { headers } = await asking(`${keys}${NEW_CONFIG}`, () => served('a', 'b'));
    expect(headers).toEqual([header, header]);
  });
});
