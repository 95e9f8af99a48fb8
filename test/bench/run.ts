import type { BenchRow } from './bench-row.ts';

/** `npm run bench [name…]`: every promise about speed as a ratio to a named yardstick, measured in the same run. */
const BENCHES: Record<string, () => Promise<BenchRow[]>> = {
  'first-prompt': async () => (await import('./first-prompt.ts')).firstPromptBench(),
  'start-up': async () => (await import('./start-up.ts')).startUpBench(),
  kernel: async () => (await import('./kernel.ts')).kernelBench(),
  'package-install': async () => (await import('./package-install.ts')).packageInstallBench(),
  doctor: async () => (await import('./doctor.ts')).doctorBench(),
  'flood-screen': async () => (await import('./flood-screen.ts')).floodScreenBench(),
  flood: async () => (await import('./flood.ts')).floodBench(),
  transfer: async () => (await import('./transfer.ts')).transferBench(),
  'cold-install': async () => (await import('./cold-install.ts')).coldInstallBench(),
  'set-up': async () => (await import('./set-up.ts')).setUpBench(),
  proof: async () => (await import('./proof.ts')).proofBench(),
  far: async () => (await import('./far.ts')).farBench(),
  durability: async () => (await import('./durability.ts')).durabilityBench(),
  reinstall: async () => (await import('./reinstall.ts')).reinstallBench(),
};

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !(name in BENCHES));
if (unknown.length > 0) {
  console.error(`No bench ${unknown.join(', ')}. There are: ${Object.keys(BENCHES).join(', ')}`);
  process.exitCode = 1;
} else {
  let isOver = false;
  for (const [name, bench] of Object.entries(BENCHES)) {
    if (wanted.length > 0 && !wanted.includes(name)) continue;
    for (const row of await bench()) {
      isOver ||= row.limit !== null && row.ratio > row.limit;
      console.log(rowText(row));
    }
  }
  if (isOver) process.exitCode = 1;
}

function rowText({ name, yardstick, ratio, limit, medianMs, yardstickMedianMs, rounds }: BenchRow): string {
  const verdict = limit === null ? '' : `  at most ${limit}${ratio > limit ? '  OVER' : ''}`;
  const figures = `median ${Math.round(medianMs)} ms / ${Math.round(yardstickMedianMs)} ms, ${rounds} rounds`;
  return `${ratio.toFixed(2)} x  ${name}  against  ${yardstick}  (${figures})${verdict}`;
}
