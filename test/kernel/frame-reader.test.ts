import { PassThrough } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { readFrames } from '../../src/kernel/frame-reader.ts';
import type { KernelFrame } from '../../src/kernel/frames.ts';

function reading(onFrame: (frame: KernelFrame) => void | Promise<void> = () => {}) {
  const stream = new PassThrough();
  const warnings: string[] = [];
  const traced: unknown[] = [];
  const frames: string[] = [];
  const log = {
    warn: (text: string) => void warnings.push(text),
    trace: (direction: string, frame: object) => void traced.push([direction, frame]),
  };
  const reader = readFrames(stream, log, async (frame) => {
    await onFrame(frame);
    frames.push(frame.id);
  });
  return { stream, reader, warnings, traced, frames };
}

const frame = (id: string) => `{"type":"started","id":"${id}"}`;

it('hands over frames in order, and skips what is none', async () => {
  const { stream, reader, warnings, traced, frames } = reading();
  stream.write(`${frame('1')}\n  \n\n{"type":"new","id":"x"}\n${'noise '.repeat(50)}\n${frame('2')}\n`);
  // The last line of a stream may lack its end.
  stream.end(frame('3'));
  await reader.finish();
  expect(frames).toEqual(['1', '2', '3']);
  expect(traced).toEqual(['1', '2', '3'].map((id) => ['<-', { type: 'started', id }]));
  expect(warnings).toEqual([`Not a frame of the Python session: ${'noise '.repeat(50).slice(0, 200)}`]);
});

it('reads the next frame when the one before has been dealt with', async () => {
  const open: PromiseWithResolvers<void>[] = [];
  const { stream, reader, frames } = reading(() => {
    const gate = Promise.withResolvers<void>();
    open.push(gate);
    return gate.promise;
  });
  stream.end(`${frame('1')}\n${frame('2')}\n`);
  await delay(20);
  expect(open).toHaveLength(1);
  open[0]!.resolve();
  await delay(20);
  expect(frames).toEqual(['1']);
  open[1]!.resolve();
  await reader.finish();
  expect(frames).toEqual(['1', '2']);
});

it('does not wait for a pipe that somebody else holds, and keeps what has arrived', async () => {
  const { stream, reader, frames } = reading();
  stream.write(`${frame('1')}\n${frame('2')}`);
  await reader.finish();
  expect(frames).toEqual(['1', '2']);
  expect(stream.destroyed).toBe(true);
});

it('waits as long as something arrives, or is being dealt with', async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const { stream, reader, frames } = reading(() => promise);
  stream.write(`${frame('1')}\n`);
  let isFinished = false;
  const finishing = reader.finish().then(() => {
    isFinished = true;
  });
  // Longer than the silence after which a pipe is given up.
  await delay(600);
  expect(isFinished).toBe(false);
  resolve();
  stream.write(`${frame('2')}\n`);
  await finishing;
  expect(frames).toEqual(['1', '2']);
});
