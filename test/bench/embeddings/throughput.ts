import { join } from 'node:path';
import { largestDifference } from '../../../src/daemon/http/embedding.ts';
import { megabytes, type Rig, type Say } from '../../fixtures/embeddings-rig.ts';
import { medianOf } from '../bench-row.ts';
import { type Engine, startOurs, startTheirs } from './engines.ts';
import { installPeers } from './peers.ts';
import { wordTexts } from './sample-texts.ts';

const THREADS = [1, 2] as const;
/** Words of a text, and how many texts make a second or so. */
const SIZES = [
  { words: 12, count: 120 },
  { words: 60, count: 40 },
  { words: 400, count: 16 },
] as const;
const ROUNDS = 3;
const MAX_DIFFERENCE = 1e-5;

interface Measured {
  /** Texts a second. */
  wall: number;
  /** Texts a second of processor time: other programs change little about it. */
  perCore: number;
}

/** The same texts to each engine in turn, each with the same number of threads. */
export async function throughputRows({ daemonPath, modelDir, scratch }: Rig, say: Say): Promise<void> {
  const python = await installPeers(scratch);
  const onnx = join(process.env['KTX_BENCH_PEERS'] ?? scratch, 'onnx');
  const script = (name: string) => join(import.meta.dirname, `${name}_yardstick.py`);
  for (const threads of THREADS) {
    const engines: Record<string, Engine> = {
      ktx: await startOurs(daemonPath, {
        ...process.env,
        KTX_EMBEDDINGS_MODEL_DIR: modelDir,
        KTX_EMBEDDINGS_THREADS: String(threads),
      }),
      'sentence-transformers': await startTheirs(python, [
        script('sentence_transformers'),
        modelDir,
        String(threads),
      ]),
      fastembed: await startTheirs(python, [script('fastembed'), modelDir, String(threads), onnx]),
    };
    try {
      for (const { words, count } of SIZES) {
        const measured = await measure(engines, wordTexts(count, words));
        const ours = measured['ktx']!;
        const figures = Object.entries(measured).map(
          ([name, { wall, perCore }]) => `${name} ${wall.toFixed(0)} texts/s, ${perCore.toFixed(0)} a core`,
        );
        const ratios = Object.entries(measured)
          .filter(([name]) => name !== 'ktx')
          .map(([name, { perCore }]) => `${(ours.perCore / perCore).toFixed(2)} x ${name}`);
        say({
          name: `${words} words, ${threads === 1 ? '1 thread' : `${threads} threads`}`,
          figure: `${ratios.join(', ')} a core (${figures.join('; ')})`,
          isMet: null,
        });
      }
      const memory: string[] = [];
      for (const [name, engine] of Object.entries(engines))
        memory.push(`${name} ${megabytes(await engine.peakBytes())}`);
      say({ name: `memory at most, ${threads} threads`, figure: memory.join(', '), isMet: null });
    } finally {
      await Promise.all(Object.values(engines).map((engine) => engine.stop()));
    }
  }
  say({
    name: 'text-embeddings-inference',
    figure: 'not compared: its server is not in the package index',
    isMet: null,
  });
}

/** One round of each is not counted. */
async function measure(
  engines: Record<string, Engine>,
  texts: readonly string[],
): Promise<Record<string, Measured>> {
  const names = Object.keys(engines);
  const all: Record<string, Measured[]> = Object.fromEntries(names.map((name) => [name, []]));
  for (let round = 0; round <= ROUNDS; round++) {
    let reference: number[][] | null = null;
    for (const name of names) {
      const { vectors, durationMs, processorMs } = await engines[name]!.embed(texts);
      reference ??= vectors;
      const known = reference;
      const difference = Math.max(
        ...vectors.map((vector, index) => largestDifference(vector, known[index]!)),
      );
      if (!(difference <= MAX_DIFFERENCE)) throw new Error(`vectors of ${name} differ by ${difference}`);
      const speed = (ms: number) => (texts.length / ms) * 1000;
      if (round > 0) all[name]!.push({ wall: speed(durationMs), perCore: speed(processorMs) });
    }
  }
  return Object.fromEntries(
    names.map((name) => [
      name,
      {
        wall: medianOf(all[name]!.map(({ wall }) => wall)),
        perCore: medianOf(all[name]!.map(({ perCore }) => perCore)),
      },
    ]),
  );
}
