import { errorCode, errorMessage } from '../../support/errors.ts';
import { unwrapApiError } from './events.ts';
import { UnsupportedCodexModelError } from './model-ids.ts';

/** Why Codex cannot be used. `auth` is the fallback when nothing else matches. */
export type CodexFailureKind = 'model-id' | 'install' | 'model-access' | 'rate-limit' | 'network' | 'auth';

interface KindRow {
  kind: CodexFailureKind;
  pattern: RegExp;
}

/** First match wins. The phrases come from the API, the CLI and the SDK (0.163.0). */
const KINDS: readonly KindRow[] = [
  {
    kind: 'install',
    pattern:
      /unable to locate codex cli binaries|unsupported platform|cannot find (?:module|package)|codex-sdk cannot be loaded|\bspawn \S.* E[A-Z]+\b|error: unexpected argument/i,
  },
  // Before `model-access`: when the API rejects a login, its message may also name the model.
  { kind: 'auth', pattern: /unexpected status 401\b/i },
  {
    kind: 'model-access',
    pattern:
      /\b(?:not supported|not available|does not exist|unknown model|unsupported model)\b|invalid_request_error/i,
  },
  { kind: 'rate-limit', pattern: /\b429\b|rate limit|usage limit|too many requests|quota/i },
  {
    kind: 'network',
    pattern:
      /waiting for network|stream disconnected|lookup address|error sending request|high demand|unexpected status (?:5|407\b)/i,
  },
];

const MISSING_MODULE_CODES = ['ERR_MODULE_NOT_FOUND', 'MODULE_NOT_FOUND'];

/** The kind of failure behind a run's error. */
export function codexFailureKind(error: unknown): CodexFailureKind {
  if (error instanceof UnsupportedCodexModelError) return 'model-id';
  if (MISSING_MODULE_CODES.includes(errorCode(error) ?? '')) return 'install';
  const text = unwrapApiError(errorMessage(error));
  return KINDS.find(({ pattern }) => pattern.test(text))?.kind ?? 'auth';
}
