import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, open, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { batchOfEvent, eventEmitter, linesBody } from '../../src/core/events.ts';
import { openInstallLog } from '../../src/log/install-log.ts';
import { createLogStore } from '../../src/present/log-store.ts';
import { runProcess } from '../../src/process/run-process.ts';
import { createLinePartFinder } from '../../src/support/text/line-parts.ts';
import { createRedactor } from '../../src/support/text/redaction.ts';
import { parseUvBatch, UV_WORDS } from '../../src/uv/output.ts';
import { type BenchRow, compare } from './bench-row.ts';

export const FLOOD_LINES = 1_000_000;
/** 79 characters and a line end, worded like uv so that no stage has an easy way out. */
const LINE = 'DEBUG Selecting: onnxruntime==1.23.2 [compatible] (onnxruntime-1.23.2-cp313.whl)';
export const FLOOD_BYTES = FLOOD_LINES * LINE.length;
/** `yes | head` prints as fast as a pipe takes it; a program that makes its lines itself is what we meet in life. */
const CHILDREN = [
  {
    name: 'a child that writes line by line',
    command: 'awk',
    args: [`BEGIN { for (i = 0; i < ${FLOOD_LINES}; i++) print "${LINE.slice(0, 79)}" }`],
  },
  {
    name: 'a child that writes as fast as pipes go',
    command: 'sh',
    args: ['-c', `yes '${LINE.slice(0, 79)}' | head -n ${FLOOD_LINES}`],
  },
];

/** The one that we meet in life. */
export const FLOOD_CHILD = CHILDREN[0]!;

/** 1,000,000 lines through the whole log path, against the same child writing to a file itself. */
export async function floodBench(rounds = 7): Promise<BenchRow[]> {
  const folder = await mkdtemp(join(tmpdir(), 'ktx-flood-'));
  const rows: BenchRow[] = [];
  try {
    for (const child of CHILDREN) {
      rows.push(
        await compare({
          name: `log path, 1,000,000 lines of 80 bytes, ${child.name}`,
          yardstick: 'the same child writing to a file itself',
          limit: 3,
          rounds,
          run: () => throughLogPath(child, join(folder, 'install.log')),
          runYardstick: () => straightToFile(child, join(folder, 'yardstick.log')),
        }),
      );
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return rows;
}

async function throughLogPath(child: { command: string; args: string[] }, path: string): Promise<void> {
  const redactor = createRedactor();
  redactor.addSecret('a-password-of-the-index');
  const log = await openInstallLog(path, { redactor });
  const store = createLogStore();
  const emit = eventEmitter((event) => {
    const batch = batchOfEvent(event);
    if (batch) store.appendBatch(batch);
    else if (event.type === 'lines') store.append(event.lines);
  });
  await runProcess({
    ...child,
    mask: redactor.redact,
    lineParts: createLinePartFinder(redactor, UV_WORDS),
    onBatch: (stream, batch) => {
      emit(linesBody('packages', stream, batch));
      for (const progress of parseUvBatch(batch)) emit({ type: 'uv', step: 'packages', ...progress });
      return log.maskedBatch(batch);
    },
  });
  await log.close();
  store.flush();
  const { hiddenCount, lines } = store.getSnapshot();
  if (hiddenCount + lines.length !== FLOOD_LINES) throw new Error('The log store missed lines.');
  if ((await stat(path)).size !== FLOOD_BYTES) throw new Error('The install log is not complete.');
}

export async function straightToFile(
  child: { command: string; args: string[] },
  path: string,
): Promise<void> {
  const handle = await open(path, 'w');
  try {
    const running = spawn(child.command, child.args, { stdio: ['ignore', handle.fd, 'inherit'] });
    await once(running, 'close');
  } finally {
    await handle.close();
  }
  if ((await stat(path)).size !== FLOOD_BYTES) throw new Error('The yardstick is not complete.');
}
