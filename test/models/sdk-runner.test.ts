import { describe, expect, it } from 'vitest';
import { CodexSdkCliRunner, CodexSdkMissingError } from '../../src/models/codex/sdk-runner.ts';

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

/** An SDK that records its input. */
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
