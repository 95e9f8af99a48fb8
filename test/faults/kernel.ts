import { tmpdir } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { PythonKernel } from '../../src/kernel/python-kernel.ts';
import type { KernelExecuteResult } from '../../src/kernel/types.ts';

export interface KernelRun {
  python: string;
  requests: number;
  /** How many had an interrupt, and how many of these it stopped before their end. */
  interrupted: number;
  stopped: number;
  durationMs: number;
  /** Resident memory of the session after a tenth of the requests, and at the end. */
  memoryBytes: { early: number; late: number };
  /** The same of this process: memory in use after a collection, where `--expose-gc` allows one. */
  hostBytes: { early: number; late: number };
  problems: string[];
}

/** What one request printed, against what its code was to print. */
interface Expectation {
  /** Every line, in order. An interrupted request prints the first so many of them. */
  lines: string[];
  code: string;
}

const ENOUGH_TO_GROW = 5000;
/** On a machine that is busy a request may get no processor for seconds; what is looked for here is a lost or a misplaced frame. */
const NEVER_ESCALATED_MS = 120_000;
/** Two kilobytes a request would be 18 MB. */
const MAX_GROWTH_BYTES = 6e6;

const SETUP = `import os
turn = 0
def print_lines(tag, count):
    for i in range(count):
        print(tag, i)
class Finalizer:
    def __del__(self):
        sum(range(50))
`;

/**
 * Thousands of requests to one session, many of them interrupted at a random instant. Every frame of each is accounted for: lines in
 * order and without a gap, none of another request, growing execution counts, and a session that goes on.
 */
export async function kernelRun(options: {
  pythonPath: string;
  requests: number;
  random: () => number;
}): Promise<KernelRun> {
  const { pythonPath, requests, random } = options;
  const startedAt = performance.now();
  const kernel = await PythonKernel.start({
    pythonPath,
    cwd: tmpdir(),
    interruptEscalationMs: NEVER_ESCALATED_MS,
  });
  const problems: string[] = [];
  const run: KernelRun = {
    python: await textOf(kernel, "import sys\nprint('%d.%d.%d' % sys.version_info[:3], end='')"),
    requests,
    interrupted: 0,
    stopped: 0,
    durationMs: 0,
    memoryBytes: { early: 0, late: 0 },
    hostBytes: { early: 0, late: 0 },
    problems,
  };
  await kernel.execute(SETUP);
  let lastCount = 0;

  async function one(index: number, isAlone: boolean): Promise<void> {
    const { code, lines } = expectation(index, random);
    const isInterrupted = random() < 0.4;
    const how = random();
    const stop = new AbortController();
    const chunks: string[] = [];
    const running = kernel.execute(code, {
      signal: stop.signal,
      onChunk:
        random() < 0.1
          ? async (text) => {
              await delay(0);
              chunks.push(text);
            }
          : (text) => void chunks.push(text),
    });
    let timer: NodeJS.Timeout | undefined;
    if (isInterrupted) {
      run.interrupted++;
      // interrupt() is for whatever runs.
      const interrupt = isAlone && how > 0.8 ? () => void kernel.interrupt() : () => stop.abort();
      if (how < 0.2) interrupt();
      else if (how < 0.4) setImmediate(interrupt);
      else timer = setTimeout(interrupt, random() * 4);
    }
    const result = await running;
    clearTimeout(timer);
    const problem = judge(chunks.join(''), lines, result, isInterrupted);
    if (problem !== null)
      problems.push(
        `request ${index} (${code.slice(0, 80)}): ${problem}; it ends with ${JSON.stringify(chunks.join('').slice(-600))}`,
      );
    if (result.error?.name === 'KeyboardInterrupt') run.stopped++;
    if (result.executionCount !== undefined) {
      if (result.executionCount <= lastCount)
        problems.push(`request ${index}: the execution count went back`);
      lastCount = result.executionCount;
    }
  }

  for (let index = 0; index < requests && kernel.isAlive() && problems.length < 10; ) {
    // Some at once: they queue, and those that are aborted there are never sent.
    const together = random() < 0.1 ? 3 : 1;
    await Promise.all(Array.from({ length: together }, (_, offset) => one(index + offset, together === 1)));
    index += together;
    if (run.memoryBytes.early === 0 && index >= requests / 10) {
      run.memoryBytes.early = await residentBytes(kernel);
      run.hostBytes.early = hostBytes();
    }
  }
  if (!kernel.isAlive()) problems.push('the session has ended');
  else {
    run.memoryBytes.late = await residentBytes(kernel);
    run.hostBytes.late = hostBytes();
  }
  const grownBytes = run.memoryBytes.late - run.memoryBytes.early;
  // The first requests fill caches; after that nothing may stay behind.
  if (requests >= ENOUGH_TO_GROW && grownBytes > MAX_GROWTH_BYTES)
    problems.push(`the session has grown by ${(grownBytes / 1e6).toFixed(1)} MB`);
  await kernel.shutdown();
  run.durationMs = performance.now() - startedAt;
  return run;
}

function expectation(index: number, random: () => number): Expectation {
  const tag = `r${index}`;
  const count = Math.floor(random() ** 4 * 400);
  const lines = Array.from({ length: count }, (_, line) => `${tag} ${line}\n`);
  const kinds: (() => Expectation)[] = [
    () => ({ code: `print_lines('${tag}', ${count})`, lines }),
    () => ({
      code: `print_lines('${tag}', ${count})\n'value of ${tag}'`,
      lines: [...lines, `'value of ${tag}'\n`],
    }),
    // Interpreter and finalizers are busy when the signal comes.
    () => ({
      code: `for i in range(${count}):\n    x = [Finalizer() for _ in range(20)]\n    print('${tag}', i)`,
      lines,
    }),
    () => ({ code: `for i in range(${count}): _ = os.write(1, b'${tag} %d\\n' % i)`, lines }),
    () => ({
      code: `import asyncio\nfor i in range(${count}):\n    print('${tag}', i)\n    await asyncio.sleep(0)`,
      lines,
    }),
    () => ({
      code: `for i in range(${count}): display({'text/plain': '${tag} %d' % i}, raw=True)`,
      lines,
    }),
  ];
  return kinds[Math.floor(random() * kinds.length)]!();
}

/** What is wrong with the outcome of a request, or `null`. */
function judge(
  text: string,
  lines: string[],
  result: KernelExecuteResult,
  isInterrupted: boolean,
): string | null {
  if (result.kernelKilled) return 'the session was killed';
  const whole = lines.join('');
  if (!isInterrupted) {
    if (result.status !== 'ok') return `failed with ${result.error?.name}: ${result.error?.value}`;
    return text === whole ? null : `printed ${text.length} characters instead of ${whole.length}`;
  }
  if (result.status === 'ok')
    return text === whole ? null : 'is said to be done and has not printed everything';
  if (result.error !== undefined && result.error.name !== 'KeyboardInterrupt')
    return `failed with ${result.error.name}: ${result.error.value}`;
  const traceback = result.error ? `${result.error.traceback.join('\n')}\n` : '';
  if (!text.endsWith(traceback)) return 'has not ended with its traceback';
  const printed = text.slice(0, text.length - traceback.length);
  return whole.startsWith(printed) ? null : 'printed something out of order';
}

async function textOf(kernel: PythonKernel, code: string): Promise<string> {
  let text = '';
  const onChunk = (chunk: string): void => {
    text += chunk;
  };
  await kernel.execute(code, { onChunk });
  return text;
}

async function residentBytes(kernel: PythonKernel): Promise<number> {
  const code = `import gc
_ = gc.collect()
with open('/proc/self/statm') as statm: print(int(statm.read().split()[1]) * os.sysconf('SC_PAGE_SIZE'))`;
  return Number(await textOf(kernel, code));
}

function hostBytes(): number {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed;
}

export function kernelTable(runs: readonly KernelRun[]): string {
  const megabytes = ({ early, late }: { early: number; late: number }) =>
    `${(early / 1e6).toFixed(1)} -> ${(late / 1e6).toFixed(1)} MB`;
  return runs
    .map((run) =>
      [
        `Python ${run.python}: ${run.requests} requests, ${run.interrupted} interrupted, ${run.stopped} stopped by it`,
        `session ${megabytes(run.memoryBytes)}, host ${megabytes(run.hostBytes)}, ${Math.round(run.durationMs / 1000)} s`,
        ...(run.problems.length === 0 ? ['nothing lost, nothing out of order'] : run.problems),
      ].join('\n  '),
    )
    .join('\n');
}
