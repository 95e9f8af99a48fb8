import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { runCodexAuthProbe } from '../../src/models/codex/auth-probe.ts';
import { CodexSdkMissingError } from '../../src/models/codex/sdk-runner.ts';
import { message, turn, turnEnd } from './events-fixture.ts';

async function* play(...events: unknown[]): AsyncGenerator<unknown> {
  for (const event of events) {
    if (event instanceof Error) throw event;
    yield event;
  }
}

function probe(events: unknown[], model = 'codex') {
  return runCodexAuthProbe({ projectDir: '.', model, runner: { runStreamed: async () => play(...events) } });
}

const failed = (text: string) =>
  probe(
    [
      turn,
      { type: 'error', message: text },
      { type: 'turn.failed', error: { message: text } },
      new Error('Codex Exec exited with code 1: '),
    ],
    'gpt-5.5',
  );

const FIX = {
  'model-id':
    'Set llm.models.default in ktx.yaml to a supported codex model (codex, default, or a gpt-* / codex-* id), or rerun `ktx setup`.',
  install:
    'Reinstall ktx with optional dependencies so that the Codex CLI is present, then rerun setup or `ktx status`.',
  'model-access':
    'Run `codex` to see the models your account supports, then set llm.models.default in ktx.yaml (or rerun `ktx setup`).',
  'rate-limit': 'Wait for the limit to reset, then rerun setup or `ktx status`.',
  network:
    'Check network or proxy access from this machine, or choose another LLM backend, then rerun setup or `ktx status`.',
  auth: 'Authenticate Codex locally with the Codex CLI, verify the Codex CLI is installed, then rerun setup or `ktx status`.',
};
const HEAD = {
  install: 'Codex CLI is not installed.',
  'model-access':
    'Codex is authenticated, but the configured model "gpt-5.5" is not available for this Codex account.',
  'rate-limit': 'Codex is authenticated, but its usage limit is reached.',
  network: 'Codex could not reach its model service.',
  auth: 'Codex authentication is not usable.',
};

const result = (kind: keyof typeof HEAD, details: string) => ({
  ok: false,
  kind,
  message: `${HEAD[kind]} ${FIX[kind]} Details: ${details}`,
  fix: FIX[kind],
});

describe('19. the probe', () => {
  it('any answer is a success; no tools, one prompt', async () => {
    const inputs: unknown[] = [];
    const given = await runCodexAuthProbe({
      projectDir: '/p',
      model: 'codex',
      runner: {
        runStreamed: async (input) => {
          inputs.push(input);
          return play(turn, message('Sure: ok'), turnEnd);
        },
      },
    });
    expect(given).toEqual({ ok: true });
    expect(inputs).toMatchObject([
      {
        projectDir: '/p',
        model: 'gpt-5.5',
        prompt: 'Reply with exactly: ok',
        configOverrides: { history: { persistence: 'none' } },
      },
    ]);
  });

  it('model-id: nothing is started', async () => {
    const given = await runCodexAuthProbe({
      projectDir: '/p',
      model: 'sonnet',
      runner: { runStreamed: () => expect.unreachable() },
    });
    expect(given).toEqual({
      ok: false,
      kind: 'model-id',
      message: 'Unsupported Codex model "sonnet". Use codex, default, or a gpt-* / codex-* model id.',
      fix: FIX['model-id'],
    });
  });

  it.each<[keyof typeof HEAD, string]>([
    [
      'install',
      'Unable to locate Codex CLI binaries. Ensure @openai/codex is installed with optional dependencies.',
    ],
    ['install', 'Unsupported platform: freebsd (x64)'],
    ['install', "Cannot find package '@openai/codex-sdk' imported from /x.js"],
    ['install', "Cannot find module '@openai/codex-sdk'"],
    ['install', 'spawn /opt/codex ENOENT'],
    ['install', 'spawn /opt/codex EACCES'],
    ['install', "Codex Exec exited with code 2: error: unexpected argument '--experimental-json' found"],
    ['model-access', "The 'gpt-5.5' model is not supported when using Codex with a ChatGPT account."],
    ['model-access', 'MODEL NOT AVAILABLE'],
    ['model-access', 'unexpected status 404 Not Found: The model `gpt-5.5` does not exist, url: http://x'],
    ['model-access', 'unknown model'],
    ['model-access', 'Unsupported model'],
    ['model-access', 'invalid_request_error'],
    ['rate-limit', 'exceeded retry limit, last status: 429 Too Many Requests'],
    ['rate-limit', "You've hit your usage limit."],
    ['rate-limit', 'Rate limit reached'],
    ['rate-limit', 'You exceeded your current quota'],
    ['network', 'Reconnecting... waiting for network (x)'],
    ['network', 'stream disconnected before completion'],
    ['network', 'failed to lookup address information'],
    ['network', 'error sending request for url (http://x)'],
    ['network', "We're currently experiencing high demand"],
    ['network', 'unexpected status 503 Service Unavailable'],
    ['auth', 'unexpected status 401 Unauthorized: Incorrect API key provided, url: http://x'],
    [
      'auth',
      'unexpected status 401 Unauthorized: invalid_request_error: no such key; model is not available',
    ],
    ['auth', 'Not logged in'],
    ['auth', 'this feature is notsupported'],
    ['auth', 'an unsupported modeling tool'],
    ['auth', 'request 4290 was refused'],
    ['auth', 'Missing environment variable: `OPENAI_API_KEY`.'],
  ])('%s: %s', async (kind, text) => expect(await failed(text)).toEqual(result(kind, text)));

  it('is made on the text without its envelope', async () => {
    const body = '{"error":{"message":"Bad key","type":"invalid_request_error"}}';
    expect(await failed(body)).toEqual(result('auth', 'Bad key'));
    expect(await failed('{"detail":"The model is not supported"}')).toEqual(
      result('model-access', 'The model is not supported'),
    );
  });

  it('also where the CLI says it as it ends', async () => {
    const body = '{"error":{"message":"Bad key","type":"invalid_request_error"}}';
    expect(await probe([new Error(body)], 'gpt-5.5')).toEqual(result('auth', 'Bad key'));
  });

  it('an SDK that is not installed, by its code', async () => {
    const missing = Object.assign(new Error('gone'), { code: 'ERR_MODULE_NOT_FOUND' });
    for (const error of [missing, new CodexSdkMissingError(missing)]) {
      const runner = { runStreamed: () => Promise.reject(error) };
      const given = await runCodexAuthProbe({ projectDir: '.', model: 'codex', runner });
      expect(given).toMatchObject({ kind: 'install' });
    }
  });

  it('a thrown value that is not an error does not reject', async () => {
    const runner = { runStreamed: () => Promise.reject('odd') };
    expect(await runCodexAuthProbe({ projectDir: '.', model: 'gpt-5.5', runner })).toEqual(
      result('auth', 'odd'),
    );
  });

  it('an empty answer counts as no login', async () => {
    expect(await probe([turn, turnEnd], 'gpt-5.5')).toEqual(
      result('auth', 'Codex completed without an agent message'),
    );
  });

  it('masks what is secret in the environment, and keys by their looks', async () => {
    vi.stubEnv('OPENAI_API_KEY', 'my-own-secret-key');
    onTestFinished(() => void vi.unstubAllEnvs());
    const jwt = 'eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJlLW9mLWl0';
    const given = await failed(`Bad key my-own-secret-key and sk-proj-Ab12Cd34Ef56Gh78Ij90Kl and ${jwt}`);
    expect(given).toEqual(result('auth', 'Bad key **** and **** and ****'));
  });
});

describe('19. the limit of the probe', () => {
  const hanging = (...events: unknown[]) => ({
    runStreamed: async () =>
      (async function* () {
        yield* events;
        await new Promise(() => {});
      })(),
  });
  const run = (runner: ReturnType<typeof hanging>) =>
    runCodexAuthProbe({ projectDir: '.', model: 'gpt-5.5', runner, timeoutMs: 50 });

  it('without any report it is the network', async () => {
    expect(await run(hanging(turn))).toEqual(result('network', 'no response within 0.05 s'));
  });

  it('what the CLI reported last is the message', async () => {
    const retries = ['a', 'b'].map((text) => ({ type: 'error', message: `Reconnecting... (${text})` }));
    expect(await run(hanging(turn, ...retries))).toEqual(result('network', 'Reconnecting... (b)'));
  });

  it('a reported rate limit is recognised', async () => {
    const text = 'Reconnecting... 1/5 (last status: 429)';
    expect(await run(hanging({ type: 'error', message: text }))).toEqual(result('rate-limit', text));
  });

  it('60 seconds unless told otherwise', async () => {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    const probing = runCodexAuthProbe({ projectDir: '.', model: 'gpt-5.5', runner: hanging() });
    await vi.advanceTimersByTimeAsync(59_000);
    const early = await Promise.race([probing, Promise.resolve('still waiting')]);
    expect(early).toBe('still waiting');
    await vi.advanceTimersByTimeAsync(2_000);
    vi.useRealTimers();
    expect(await probing).toEqual(result('network', 'no response within 60 s'));
  });
});
