import { beforeEach, describe, expect, it } from 'vitest';
import { LLAMA_SWAP_SCHEMA } from '../../src/hosts/config/llama-swap-schema.ts';
import { type ChangeOptions, changeModelHost, type ModelHostContext } from '../../src/hosts/model-host.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';
import { CONFIG_PATH, memoryHost, NEW_CONFIG, OLD_CONFIG, RESTART, TARGET } from './memory-host.ts';

let home: string;
beforeEach(async () => {
  home = await temporaryFolder();
});

type Host = Pick<ReturnType<typeof memoryHost>, 'exec' | 'fetcher'>;
function change({ exec, fetcher }: Host, options: Partial<ChangeOptions> = {}) {
  const context: ModelHostContext = {
    connection: {
      ...TARGET,
      configPath: CONFIG_PATH,
      mode: 'shell',
      restartCmd: RESTART,
      baseUrl: 'http://models.internal:8080',
    },
    schema: LLAMA_SWAP_SCHEMA,
    exec,
    fetcher,
    projectDir: home,
    homeDir: home,
  };
  return changeModelHost(context, {
    newConfig: NEW_CONFIG,
    healthAttempts: 1,
    healthDelayMs: 0,
    ...options,
  });
}
const failing = (pattern: RegExp, stderr: string) => [[pattern, { code: 1, stderr }]] as const;

describe('changing a model host', () => {
  it.each([
    ['its restart', { answers: failing(/^systemctl/, 'no such unit\n') }, 'restart'],
    ['the health check', { isDown: true }, 'health'],
  ] as const)(
    'the same text again after a failure of %s restarts the service',
    async (_name, fault, step) => {
      const host = memoryHost('answers' in fault ? { answers: fault.answers } : {});
      const down: typeof fetch = async () => new Response(null, { status: 503 });
      const failed = await change({ ...host, fetcher: 'isDown' in fault ? down : host.fetcher });
      expect(failed.result).toMatchObject({ ok: false, step });

      const mended = memoryHost();
      mended.files.set(CONFIG_PATH, NEW_CONFIG);
      const again = await change(mended);
      expect(again.result).toMatchObject({ ok: true, step: 'done', backupPath: failed.result.backupPath });
      expect(mended.commands).toContain(RESTART);

      const third = memoryHost();
      third.files.set(CONFIG_PATH, NEW_CONFIG);
      expect((await change(third)).result).toEqual({ ok: true, step: 'done', diff: '' });
      expect(third.commands).not.toContain(RESTART);
    },
  );

  it('hides secrets that a program on the host quotes', async () => {
    const host = memoryHost({ answers: failing(/^systemctl/, 'bad key "hush-new", was hush-old\n') });
    host.files.set(CONFIG_PATH, `${OLD_CONFIG}apiKeys: [hush-old]\n`);
    const { result } = await change(host, { newConfig: `${NEW_CONFIG}apiKeys: [hush-new]\n` });
    expect(result.error).toBe('restart failed (exit 1): bad key "****", was ****\n');
  });

  it.each(['Welcome', 'Last login: Monday', '* Notice', 'models: {}'])(
    'does not take %j of the login shell for part of the file',
    async (words) => {
      const { exec, ...host } = memoryHost();
      const greeting: typeof exec = async (...args) => {
        const result = await exec(...args);
        return { ...result, stdout: `${words}\n${result.stdout}` };
      };
      const { result } = await change({ ...host, exec: greeting });
      expect(result).toMatchObject({ ok: false, step: 'validate' });
      expect(result.error).toContain(
        `prints extra text, which cannot be distinguished from the file: ${words}.`,
      );
      expect(host.files.get(CONFIG_PATH)).toBe(OLD_CONFIG);
    },
  );

  it('asks a shell nothing besides the commands of a change when the file is a plain configuration', async () => {
    const host = memoryHost();
    await change(host);
    expect(host.commands).not.toContain('true');
  });

  it.each([
    ['a macro', 'macros: {k: "one"}\napiKeys: [$(k)]\n', 'Bearer one'],
    ['a macro of macros', 'macros: {x: one, k: $(x)}\napiKeys: [$(k)]\n', 'Bearer one'],
    ['the second, if the first is a variable', 'apiKeys: [$(env.K), two]\n', 'Bearer two'],
  ])('logs in with an API key from %s', async (_name, keys, login) => {
    const host = memoryHost();
    const logins: (string | null)[] = [];
    const fetcher: typeof fetch = async (input, init) => {
      logins.push(new Headers(init?.headers).get('authorization'));
      return host.fetcher(input, init);
    };
    // A linter takes the real spelling of macros for a template.
    const written = keys.replaceAll(/\$\(([\w.]+)\)/g, '"$${$1}"');
    await change({ ...host, fetcher }, { newConfig: `${NEW_CONFIG}${written}` });
    expect(new Set(logins)).toEqual(new Set([login]));
  });

  it('says when only the host knows the API key', async () => {
    const fetcher: typeof fetch = async () => new Response(null, { status: 401 });
    const newConfig = `${NEW_CONFIG}apiKeys: ["\${env.K}"]\n`;
    const { result, warnings } = await change({ ...memoryHost(), fetcher }, { newConfig });
    expect(result.step).toBe('health');
    expect(warnings).toEqual([
      'The server requires an API key that only the host knows, so ktx could not list its models',
    ]);
  });
});
