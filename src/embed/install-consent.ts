import type { KtxRuntimeFeature } from '../core/features.ts';
import { CancelledError } from '../support/errors.ts';
import { harmlessText } from '../support/harmless.ts';
import type { KtxCliIo } from './io.ts';

const LABELS: Record<KtxRuntimeFeature, string> = {
  core: 'core Python runtime',
  'local-embeddings': 'local embeddings Python runtime',
};

/** The question asked before an install on demand. */
export function installQuestion(feature: KtxRuntimeFeature): string {
  return (
    `ktx needs to install the ${LABELS[feature]}. ` +
    'This downloads a pinned, checksum-verified uv build, Python, and dependencies. Continue?'
  );
}

/**
 * Asks yes or no on the terminal. Without a terminal the answer is no.
 * @throws CancelledError on Escape or Ctrl+C, and as soon as the signal fires.
 */
export async function confirmOnTerminal(
  question: string,
  io: KtxCliIo,
  { initialValue = true, signal }: { initialValue?: boolean; signal?: AbortSignal } = {},
): Promise<boolean> {
  if (io.stdout.isTTY !== true || process.stdin.isTTY !== true) return false;
  const { confirm, isCancel } = await import('@clack/prompts');
  // An earlier reader of keys may have unreferenced stdin; the program would then exit at the question.
  process.stdin.ref();
  const answer = await confirm({ message: harmlessText(question), initialValue, signal });
  if (isCancel(answer)) throw new CancelledError();
  return answer;
}
