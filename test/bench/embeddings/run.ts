// `npm run bench:embeddings [piece…]`: what the embedding server promises, each figure with its limit. Every piece takes less
// than five minutes. KTX_BENCH_DAEMON (a `ktx-daemon`) and KTX_EMBEDDINGS_MODEL_DIR name an installed one; otherwise one is
// installed first. Ratios are of one run. Linux: memory and processor time are read from /proc.
import { loadavg } from 'node:os';
import { type Rig, rowText, type Say, withRig } from '../../fixtures/embeddings-rig.ts';

const PIECES: Record<string, (rig: Rig, say: Say) => Promise<void>> = {
  turns: async (...given) => (await import('./turns.ts')).turnRows(...given),
  damages: async (...given) => (await import('./damages.ts')).damageRows(...given),
  idle: async (...given) => (await import('./idle.ts')).idleRows(...given),
  projects: async (...given) => (await import('./idle.ts')).projectRows(...given),
  throughput: async (...given) => (await import('./throughput.ts')).throughputRows(...given),
};
/** Installs both by itself. */
const INSTALL = 'install';

const wanted = process.argv.slice(2);
const names = [...Object.keys(PIECES), INSTALL];
const unknown = wanted.filter((name) => !names.includes(name));
const isWanted = (name: string) => wanted.length === 0 || wanted.includes(name);
if (unknown.length > 0) {
  console.error(`No piece ${unknown.join(', ')}. There are: ${names.join(', ')}`);
  process.exitCode = 1;
} else {
  const pieces = Object.entries(PIECES).filter(([name]) => isWanted(name));
  if (pieces.length > 0)
    await withRig(async (rig) => {
      for (const [name, piece] of pieces) {
        console.log(`${name} (load ${loadavg()[0]!.toFixed(1)} at its start)`);
        await piece(rig, (row) => console.log(rowText(row)));
      }
    });
  if (isWanted(INSTALL)) {
    console.log(`${INSTALL} (load ${loadavg()[0]!.toFixed(1)} at its start)`);
    await import('./install.ts');
  }
}
