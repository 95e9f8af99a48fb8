import { errorMessage } from '../../support/errors.ts';
import { redactorFor } from '../../support/text/environment-secrets.ts';
import { unwrapApiError } from './events.ts';
import { type CodexFailureKind, codexFailureKind } from './failure-kind.ts';
import { CodexKtxLlmRuntime } from './runtime.ts';
import type { CodexSdkRunner } from './sdk-runner.ts';

export type CodexAuthProbeResult =
  | { ok: true }
  | {
      ok: false;
      kind: CodexFailureKind;
      /** For people: what is wrong, what to do, and the CLI's own message, secrets masked. */
      message: string;
      fix: string;
    };

export interface CodexAuthProbeInput {
  projectDir: string;
  model: string;
  runner?: CodexSdkRunner;
  /** Without a network the CLI retries forever, so the probe has a timeout. Default: 60 seconds. */
  timeoutMs?: number;
  /** Cancels the probe; its result is then meaningless. */
  signal?: AbortSignal;
}

const DEFAULT_TIMEOUT_MS = 60_000;
const PROMPT = 'Reply with exactly: ok';

interface KindText {
  /** What is wrong. Followed by the fix and the details. */
  problem: (model: string) => string;
  fix: string;
}

const TEXTS: Record<Exclude<CodexFailureKind, 'model-id'>, KindText> = {
  install: {
    problem: () => 'Codex CLI is not installed.',
    fix: 'Reinstall ktx with optional dependencies so that the Codex CLI is present, then rerun setup or `ktx status`.',
  },
  'model-access': {
    problem: (model) =>
      `Codex is authenticated, but the configured model "${model}" is not available for this Codex account.`,
    fix: 'Run `codex` to see the models your account supports, then set llm.models.default in ktx.yaml (or rerun `ktx setup`).',
  },
  'rate-limit': {
    problem: () => 'Codex is authenticated, but its usage limit is reached.',
    fix: 'Wait for the limit to reset, then rerun setup or `ktx status`.',
  },
  network: {
    problem: () => 'Codex could not reach its model service.',
    fix: 'Check network or proxy access from this machine, or choose another LLM backend, then rerun setup or `ktx status`.',
  },
  auth: {
    problem: () => 'Codex authentication is not usable.',
    fix: 'Authenticate Codex locally with the Codex CLI, verify the Codex CLI is installed, then rerun setup or `ktx status`.',
  },
};
const MODEL_ID_FIX =
  'Set llm.models.default in ktx.yaml to a supported codex model (codex, default, or a gpt-* / codex-* id), or rerun `ktx setup`.';

/** Asks the model for one word and explains why, if there is no answer. Never rejects. */
export async function runCodexAuthProbe(input: CodexAuthProbeInput): Promise<CodexAuthProbeResult> {
  const { projectDir, model, runner, timeoutMs = DEFAULT_TIMEOUT_MS, signal } = input;
  const timeout = new AbortController();
  const timer = setTimeout(() => timeout.abort(), timeoutMs);
  const abortSignal = signal ? AbortSignal.any([timeout.signal, signal]) : timeout.signal;
  try {
    const runtime = new CodexKtxLlmRuntime({
      projectDir,
      modelSlots: { default: model },
      ...(runner && { runner }),
    });
    await runtime.generateText({ role: 'default', prompt: PROMPT, abortSignal });
    return { ok: true };
  } catch (error) {
    if (timeout.signal.aborted) return timedOut(model, error, timeoutMs);
    return failed(model, codexFailureKind(error), errorMessage(error));
  } finally {
    clearTimeout(timer);
  }
}

/** The CLI's last message before the timeout is the `cause`. Without a network it reports each attempt. */
function timedOut(model: string, error: unknown, timeoutMs: number): CodexAuthProbeResult {
  const cause = error instanceof Error ? error.cause : undefined;
  if (cause === undefined) return failed(model, 'network', `no response within ${timeoutMs / 1000} s`);
  const kind = codexFailureKind(cause);
  return failed(model, kind === 'auth' ? 'network' : kind, errorMessage(cause));
}

function failed(model: string, kind: CodexFailureKind, text: string): CodexAuthProbeResult {
  const details = redactorFor(process.env).redact(unwrapApiError(text));
  if (kind === 'model-id') return { ok: false, kind, message: details, fix: MODEL_ID_FIX };
  const { problem, fix } = TEXTS[kind];
  return { ok: false, kind, message: `${problem(model.trim())} ${fix} Details: ${details}`, fix };
}
