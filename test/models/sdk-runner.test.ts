import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { CodexKtxLlmRuntime } from '../../src/models/codex/runtime.ts';
import { CodexSdkCliRunner, CodexSdkMissingError } from '../../src/models/codex/sdk-runner.ts';
import { readProcessStart } from '../../src/process/process-table.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';
import { codexCliName, isCodexCliPresent, newChildren, ownDescendants, realRunner } from './real-codex.ts';

const ALLOWED = {
  HOME: '/home/a',
  USERPROFILE: 'b',
  APPDATA: 'c',
  LOCALAPPDATA: 'd',
  XDG_CONFIG_HOME: 'e',
  CODEX_HOME: 'f',
  CODEX_API_KEY: 'g',
  OPENAI_API_KEY: 'h',
  PATH: 'i',
  Path: 'j',
  SYSTEMROOT: 'k',
  COMSPEC: 'l',
  TMPDIR: 'm',
  TMP: 'n',
  TEMP: 'o',
  SSL_CERT_FILE: 'p',
  SSL_CERT_DIR: 'q',
  NODE_EXTRA_CA_CERTS: 'r',
  HTTPS_PROXY: 's',
  HTTP_PROXY: 't',
  ALL_PROXY: 'u',
  NO_PROXY: 'v',
};

/** An SDK that keeps what it was given. */
function recordingSdk() {
  const given: { client?: unknown; thread?: unknown; turn?: unknown[] } = {};
  const events = (async function* () {})();
  class Codex {
    constructor(options: unknown) {
      given.client = options;
    }
    startThread(options: unknown) {
      given.thread = options;
      return {
        runStreamed: async (...turn: unknown[]) => {
          given.turn = turn;
          return { events };
        },
      };
    }
  }
  return { given, events, loadSdk: async () => ({ Codex }) as never };
}

const input = { projectDir: '/project', model: 'gpt-5.5', prompt: 'prompt' };

describe('17. what the runner gives to the SDK', () => {
  it('of the environment exactly what is allowed, and that of the run, which wins', async () => {
    const { given, loadSdk } = recordingSdk();
    const envBase = { ...ALLOWED, AWS_SECRET_ACCESS_KEY: 'no', NODE_OPTIONS: '--x', https_proxy: 'no' };
    const before = { ...process.env };
    await new CodexSdkCliRunner({ envBase, loadSdk }).runStreamed({
      ...input,
      env: { TOKEN: 'of the run', HOME: '/other' },
    });
    expect(given.client).toEqual({ env: { ...ALLOWED, HOME: '/other', TOKEN: 'of the run' } });
    expect(process.env).toEqual(before);
  });

  it('without a base the environment of the process, unset variables absent', async () => {
    const { given, loadSdk } = recordingSdk();
    await new CodexSdkCliRunner({ loadSdk }).runStreamed(input);
    const { env } = given.client as { env: Record<string, string> };
    expect(env.PATH).toBe(process.env.PATH);
    expect(Object.keys(env).filter((name) => !(name in ALLOWED))).toEqual([]);
    expect(Object.values(env)).not.toContain(undefined);
  });

  it('thread options, and no turn options where there are none', async () => {
    const { given, events, loadSdk } = recordingSdk();
    const stream = await new CodexSdkCliRunner({ envBase: {}, loadSdk }).runStreamed(input);
    expect(stream).toBe(events);
    expect(given.client).toEqual({ env: {} });
    expect(given.thread).toEqual({
      workingDirectory: '/project',
      skipGitRepoCheck: true,
      model: 'gpt-5.5',
      sandboxMode: 'read-only',
      webSearchMode: 'disabled',
      approvalPolicy: 'never',
    });
    expect(given.turn).toEqual(['prompt']);
  });

  it('overrides, schema, signal and another CLI where they are given', async () => {
    const { given, loadSdk } = recordingSdk();
    const { signal } = new AbortController();
    const runner = new CodexSdkCliRunner({ envBase: {}, codexPathOverride: '/bin/codex', loadSdk });
    const outputSchema = { type: 'object' };
    await runner.runStreamed({ ...input, configOverrides: { a: 1 }, outputSchema, signal });
    expect(given.client).toEqual({ config: { a: 1 }, env: {}, codexPathOverride: '/bin/codex' });
    expect(given.turn).toEqual(['prompt', { outputSchema, signal }]);
    await runner.runStreamed({ ...input, signal });
    expect(given.turn).toEqual(['prompt', { signal }]);
  });

  it('an SDK that is not installed says how to install it', () => {
    const missing = Object.assign(new Error("Cannot find package '@openai/codex-sdk' imported from x"), {
      code: 'ERR_MODULE_NOT_FOUND',
    });
    expect(new CodexSdkMissingError(missing).message).toBe(
      "@openai/codex-sdk cannot be loaded (Cannot find package '@openai/codex-sdk' imported from x). Install it next to ktx: npm install @openai/codex-sdk",
    );
  });
});

/** A program in the place of the CLI, for what the real one cannot be made to do. */
async function cliScript(body: string): Promise<string> {
  const path = join(await temporaryFolder(), 'codex');
  await writeFile(path, `#!/bin/sh\n${body}\n`);
  await chmod(path, 0o755);
  return path;
}

/** The CLI and what it has started, once both are there. */
async function startedBelow(before: ReadonlySet<number>): Promise<number[]> {
  await expect.poll(() => newChildren(before).length, { timeout: 30_000 }).toBeGreaterThanOrEqual(2);
  return newChildren(before);
}

describe.skipIf(!isCodexCliPresent || process.platform === 'win32')(
  `the real SDK with other CLIs (${codexCliName})`,
  { timeout: 60_000 },
  () => {
    const { PATH } = process.env;

    async function generate(codexPath: string, prompt = 'x', signal?: AbortSignal): Promise<string> {
      const runtime = new CodexKtxLlmRuntime({
        projectDir: '.',
        modelSlots: { default: 'codex' },
        runner: realRunner({ PATH }, codexPath),
      });
      return runtime.generateText({ role: 'default', prompt, ...(signal && { abortSignal: signal }) });
    }

    it('a CLI that ends before it has read a long prompt fails the run and not this process', async () => {
      const path = await cliScript('echo "error: unexpected argument" >&2\nexit 2');
      const run = generate(path, 'x'.repeat(4 * 1024 * 1024));
      await expect(run).rejects.toThrow(/exited with code 2: error: unexpected argument/);
    });

    it('a CLI that prints garbage and ignores SIGTERM is ended; a later abort disturbs nobody', async () => {
      const before = new Set(ownDescendants());
      const path = await cliScript('trap "" TERM\necho "not JSON"\nwhile :; do sleep 1; done');
      const stop = new AbortController();
      await expect(generate(path, 'x', stop.signal)).rejects.toThrow(/Failed to parse item: not JSON/);
      expect(newChildren(before)).toEqual([]);
      stop.abort();
    });

    it.each([
      ['ignores SIGTERM', 'trap "" TERM\n'],
      ['leaves its children behind', ''],
    ])('an abort ends a CLI that %s, and what it started', async (_name, trap) => {
      const before = new Set(ownDescendants());
      const path = await cliScript(`${trap}sleep 787 &\necho '{"type":"turn.started"}'\nwait\nsleep 788`);
      const stop = new AbortController();
      const run = generate(path, 'x', stop.signal);
      run.catch(() => {});
      const started = await startedBelow(before);
      stop.abort();
      await expect(run).rejects.toMatchObject({ name: 'AbortError' });
      expect(started.filter((pid) => readProcessStart(pid) !== null)).toEqual([]);
    });

    it('the budget ends what a CLI started too', async () => {
      const before = new Set(ownDescendants());
      const step = '{"type":"item.completed","item":{"type":"command_execution"}}';
      const path = await cliScript(`sleep 787 &\necho '${step}'\nwait`);
      let started: number[] = [];
      const runtime = new CodexKtxLlmRuntime({
        projectDir: '.',
        modelSlots: { default: 'codex' },
        runner: realRunner({ PATH }, path),
      });
      const result = await runtime.runAgentLoop({
        modelRole: 'default',
        systemPrompt: '',
        userPrompt: 'x',
        toolSet: {},
        stepBudget: 1,
        telemetryTags: {},
        onStepFinish: async () => {
          started = await startedBelow(before);
        },
      });
      expect(result).toMatchObject({ stopReason: 'budget' });
      expect(started.filter((pid) => readProcessStart(pid) !== null)).toEqual([]);
    });

    it('a CLI that is no program', async () => {
      await expect(generate(join(await temporaryFolder(), 'absent'))).rejects.toThrow(/spawn .* ENOENT/);
    });
  },
);
