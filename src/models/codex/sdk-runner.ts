import { errorMessage } from '../../support/errors.ts';

export interface CodexSdkRunnerInput {
  projectDir: string;
  model: string;
  prompt: string;
  configOverrides?: Record<string, unknown>;
  /** Added to the child's environment; overrides inherited variables. */
  env?: Record<string, string>;
  outputSchema?: Record<string, unknown>;
  signal?: AbortSignal;
}

/** Starts a Codex run and streams its events. */
export interface CodexSdkRunner {
  runStreamed(input: CodexSdkRunnerInput): Promise<AsyncIterable<unknown>>;
}

/** The part of `@openai/codex-sdk` that is used. Declared here because the package may not be installed. */
export interface CodexSdk {
  Codex: new (options: {
    config?: Record<string, unknown>;
    env: Record<string, string>;
    codexPathOverride?: string;
  }) => { startThread(options: Record<string, unknown>): CodexSdkThread };
}

interface CodexSdkThread {
  runStreamed(
    prompt: string,
    turn?: { outputSchema?: Record<string, unknown>; signal?: AbortSignal },
  ): Promise<{ events: AsyncIterable<unknown> }>;
}

/**
 * Environment variables that the Codex CLI needs: home, login, path, temporary folder, certificates, proxies.
 */
const INHERITED_VARIABLES = [
  'HOME',
  'USERPROFILE',
  'APPDATA',
  'LOCALAPPDATA',
  'XDG_CONFIG_HOME',
  'CODEX_HOME',
  'CODEX_API_KEY',
  'OPENAI_API_KEY',
  'PATH',
  'Path',
  'SYSTEMROOT',
  'COMSPEC',
  'TMPDIR',
  'TMP',
  'TEMP',
  'SSL_CERT_FILE',
  'SSL_CERT_DIR',
  'NODE_EXTRA_CA_CERTS',
  'HTTPS_PROXY',
  'HTTP_PROXY',
  'ALL_PROXY',
  'NO_PROXY',
];

export interface CodexSdkCliRunnerOptions {
  /** Source of the child's variables. Default: `process.env`, which is never modified. */
  envBase?: NodeJS.ProcessEnv;
  /** Path of a Codex CLI to use instead of the SDK's own. */
  codexPathOverride?: string;
  /** For tests: replaces the installed SDK. */
  loadSdk?: () => Promise<CodexSdk>;
}

/** Runs the Codex CLI through `@openai/codex-sdk`, an optional dependency loaded on the first run. */
export class CodexSdkCliRunner implements CodexSdkRunner {
  readonly #options: CodexSdkCliRunnerOptions;

  constructor(options: CodexSdkCliRunnerOptions = {}) {
    this.#options = options;
  }

  /** @throws CodexSdkMissingError, or the SDK's own error when this platform's CLI is not installed. */
  async runStreamed(input: CodexSdkRunnerInput): Promise<AsyncIterable<unknown>> {
    const { envBase = process.env, codexPathOverride, loadSdk = loadInstalledSdk } = this.#options;
    const { Codex } = await loadSdk();
    const codex = new Codex({
      ...(input.configOverrides && { config: input.configOverrides }),
      env: { ...inheritedEnvironment(envBase), ...input.env },
      ...(codexPathOverride && { codexPathOverride }),
    });
    const thread = codex.startThread({
      workingDirectory: input.projectDir,
      skipGitRepoCheck: true,
      model: input.model,
      sandboxMode: 'read-only',
      webSearchMode: 'disabled',
      approvalPolicy: 'never',
    });
    const turn = {
      ...(input.outputSchema && { outputSchema: input.outputSchema }),
      ...(input.signal && { signal: input.signal }),
    };
    const hasTurnOptions = Object.keys(turn).length > 0;
    const { events } = await (hasTurnOptions
      ? thread.runStreamed(input.prompt, turn)
      : thread.runStreamed(input.prompt));
    return events;
  }
}

function inheritedEnvironment(base: NodeJS.ProcessEnv): Record<string, string> {
  return Object.fromEntries(
    INHERITED_VARIABLES.flatMap((name) => {
      const value = base[name];
      return value === undefined ? [] : [[name, value] as const];
    }),
  );
}

/** The optional dependency is missing or cannot be loaded. */
export class CodexSdkMissingError extends Error {
  constructor(cause: unknown) {
    super(
      `@openai/codex-sdk cannot be loaded (${errorMessage(cause).split('\n')[0]}). Install it next to ktx: npm install @openai/codex-sdk`,
      { cause },
    );
    this.name = 'CodexSdkMissingError';
  }
}

async function loadInstalledSdk(): Promise<CodexSdk> {
  // Not a literal: bundler and compiler would require the optional package.
  const name = '@openai/codex-sdk';
  try {
    return (await import(name)) as CodexSdk;
  } catch (error) {
    throw new CodexSdkMissingError(error);
  }
}
