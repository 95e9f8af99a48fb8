import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import {
  copyEnvironment,
  post,
  type Rig,
  type Row,
  type Say,
  startDaemon,
  stopDaemon,
  timeOfText,
} from '../../fixtures/embeddings-rig.ts';
import { medianOf } from '../bench-row.ts';

const DAMAGES = Number(process.env['KTX_BENCH_DAMAGES'] ?? 100);
const LOADS = 7;

/** One bit somewhere in one of the files that decide a vector, over HTTP to a daemon that runs and had the whole ones. */
export async function damageRows(rig: Rig, say: Say): Promise<void> {
  const { modelDir, scratch } = rig;
  const folder = join(scratch, 'model');
  mkdirSync(folder);
  const names = readdirSync(modelDir);
  for (const name of names) copyFileSync(join(modelDir, name), join(folder, name));
  const { python, graph } = copyEnvironment(rig, 'damaged');
  const paths = [...names.map((name) => join(folder, name)), graph];
  const daemon = await startDaemon({ ...rig, modelDir: folder }, {}, [python, '-I', '-m', 'ktx_daemon']);
  let refused = 0;
  try {
    await timeOfText(daemon.port, 'a');
    for (let round = 0; round < DAMAGES; round++) {
      const path = paths[round % paths.length]!;
      const content = readFileSync(path);
      const at = Math.floor(Math.random() * content.length);
      const bit = 1 << Math.floor(Math.random() * 8);
      content[at]! ^= bit;
      writeFileSync(path, content);
      const answer = await post(daemon.port, '/embeddings/compute', { text: 'a' });
      const { detail } = (await answer.json()) as { detail?: string };
      const isNamed = detail?.includes(path.split('/').at(-1)!) === true;
      if (answer.status === 500 && isNamed && detail.includes('Run: ')) refused++;
      else console.log(`not refused: bit ${bit} of byte ${at} of ${path}: ${answer.status} ${detail}`);
      content[at]! ^= bit;
      writeFileSync(path, content);
    }
    await timeOfText(daemon.port, 'a');
  } finally {
    await stopDaemon(daemon);
  }
  say({
    name: 'single-bit damages of model, tokenizer, settings and graph refused',
    figure: `${refused} of ${DAMAGES} by name over HTTP; vectors again once the files are whole`,
    isMet: refused === DAMAGES,
  });
  say(loadCost(rig));
}

/** Loads in processes of their own, with and without the digests in turn. They are computed while packages are imported. */
function loadCost({ daemonPath, modelDir }: Rig): Row {
  const python = join(dirname(daemonPath), 'python');
  const load = (isVerified: boolean) => {
    const script = `
import time
started = time.perf_counter()
from ktx_daemon.embeddings import model_files
${isVerified ? '' : 'model_files._problem = lambda path, pin: None'}
from ktx_daemon.embeddings.loading import load_provider
load_provider()
print(time.perf_counter() - started, time.process_time())`;
    const env = { ...process.env, KTX_EMBEDDINGS_MODEL_DIR: modelDir };
    const printed = execFileSync(python, ['-I', '-c', script], { encoding: 'utf8', env });
    const [wall, processor] = printed.split(' ').map(Number) as [number, number];
    return { wall, processor };
  };
  load(true);
  const costs: number[] = [];
  const waits: number[] = [];
  const whole: number[] = [];
  for (let round = 0; round < LOADS; round++) {
    const isFirst = round % 2 === 0;
    const first = load(isFirst);
    const second = load(!isFirst);
    const [verified, unverified] = isFirst ? [first, second] : [second, first];
    costs.push(verified.processor - unverified.processor);
    waits.push(verified.wall - unverified.wall);
    whole.push(verified.wall);
  }
  const ms = (values: readonly number[]) => (medianOf(values) * 1000).toFixed(0);
  return {
    name: `digests at load, median of ${LOADS}`,
    figure: `${ms(costs)} ms of processor time, at most 150 (${ms(waits)} ms of waiting, of ${ms(whole)})`,
    isMet: medianOf(costs) <= 0.15,
  };
}
