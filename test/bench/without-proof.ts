import type { SetupEvent } from '../../src/core/events.ts';

/** How long a `ktx setup --json` takes, in milliseconds; less the proof, which nobody does by hand. @throws Error when it fails. */
export async function timeWithoutProof(setUp: () => Promise<string>): Promise<number> {
  const startedAt = performance.now();
  const stdout = await setUp();
  const durationMs = performance.now() - startedAt;
  const events: SetupEvent[] = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  if (events.at(-1)?.type !== 'done') throw new Error(`the install failed: ${stdout.slice(-2000)}`);
  const proof = events.find(
    (event) => event.type === 'step' && event.step === 'prove' && event.status === 'finished',
  ) as Extract<SetupEvent, { type: 'step' }> | undefined;
  if (proof?.durationMs === undefined) throw new Error('no environment was made');
  return durationMs - proof.durationMs;
}
