import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { allocateDaemonPort } from '../../../src/daemon/http/port.ts';
import { REFERENCE_TEXT } from '../../../src/proof/reference-vector.ts';
import { endWithRig, processesOf, processorSeconds } from '../../fixtures/embeddings-rig.ts';

/** Something that computes vectors in a process of its own. */
export interface Engine {
  /** From the start of the process to the first vector. */
  firstVectorMs: number;
  embed(texts: readonly string[]): Promise<{ vectors: number[][]; durationMs: number; processorMs: number }>;
  /** The most memory that its processes have had. */
  peakBytes(): Promise<number>;
  stop(): Promise<void>;
}

const MAX_TEXTS = 100;
const POLL_INTERVAL_MS = 5;

/** The daemon, asked over HTTP as its callers do, 100 texts a request. */
export async function startOurs(daemonPath: string, env: NodeJS.ProcessEnv): Promise<Engine> {
  const port = await allocateDaemonPort();
  const startedAt = performance.now();
  const child = spawn(daemonPath, ['serve-http', '--port', String(port), '--log-level', 'warning'], {
    env,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  endWithRig(child);
  const post = async (path: string, body: unknown) => {
    const answer = await fetch(`http://127.0.0.1:${port}/embeddings/${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    if (!answer.ok) throw new Error(`${answer.status}: ${await answer.text()}`);
    return (await answer.json()) as { embeddings: number[][] };
  };
  await untilListening(child, () => fetch(`http://127.0.0.1:${port}/health`));
  await post('compute', { text: REFERENCE_TEXT });
  return {
    firstVectorMs: performance.now() - startedAt,
    async embed(texts) {
      const spentBefore = processorMsOf(child.pid!);
      const bulkStartedAt = performance.now();
      const vectors: number[][] = [];
      for (let start = 0; start < texts.length; start += MAX_TEXTS) {
        const answer = await post('compute-bulk', { texts: texts.slice(start, start + MAX_TEXTS) });
        vectors.push(...answer.embeddings);
      }
      const durationMs = performance.now() - bulkStartedAt;
      return { vectors, durationMs, processorMs: processorMsOf(child.pid!) - spentBefore };
    },
    peakBytes: async () =>
      processesOf(child.pid!)
        .map(peakBytesOf)
        .reduce((a, b) => a + b),
    stop: () => stopped(child),
  };
}

/** What a yardstick prints for a list of texts. */
interface Answer {
  vectors: number[][];
  seconds: number;
  processorSeconds: number;
  peakBytes: number;
}

/** Another engine in a Python process, the time of its own call alone: no HTTP, no JSON. */
export async function startTheirs(pythonPath: string, args: readonly string[]): Promise<Engine> {
  const startedAt = performance.now();
  const child = spawn(pythonPath, args, {
    env: { ...process.env, HF_HUB_OFFLINE: '1', TOKENIZERS_PARALLELISM: 'false' },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  endWithRig(child);
  // It shows progress there; all of it when it fails.
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const ask = async (texts: readonly string[]) => {
    child.stdin.write(`${JSON.stringify(texts)}\n`);
    const { value, done } = await lines.next();
    if (done) throw new Error(`${args[0]} ended: ${stderr.slice(-2000)}`);
    return JSON.parse(value) as Answer;
  };
  let { peakBytes } = await ask([REFERENCE_TEXT]);
  return {
    firstVectorMs: performance.now() - startedAt,
    async embed(texts) {
      const answer = await ask(texts);
      peakBytes = answer.peakBytes;
      return {
        vectors: answer.vectors,
        durationMs: answer.seconds * 1000,
        processorMs: answer.processorSeconds * 1000,
      };
    },
    peakBytes: async () => peakBytes,
    stop: () => stopped(child),
  };
}

async function untilListening(child: ChildProcess, ask: () => Promise<Response>): Promise<void> {
  for (;;) {
    const answer = await ask().catch(() => null);
    if (answer?.ok) return;
    if (child.exitCode !== null) throw new Error(`the daemon ended with exit code ${child.exitCode}`);
    await new Promise((resolve) => setTimeout(resolve, POLL_INTERVAL_MS));
  }
}

const processorMsOf = (pid: number) =>
  processesOf(pid).reduce((sum, each) => sum + processorSeconds(each) * 1000, 0);

function peakBytesOf(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)![1]) * 1024;
}

function stopped(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    child.once('exit', () => resolve());
    child.kill('SIGTERM');
  });
}
