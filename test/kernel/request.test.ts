import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, expect, it, vi } from 'vitest';
import type { KernelFrame } from '../../src/kernel/frames.ts';
import { KernelRequest } from '../../src/kernel/request.ts';
import type { KernelExecuteOptions } from '../../src/kernel/types.ts';

afterEach(() => void vi.useRealTimers());

function open(options: KernelExecuteOptions = {}) {
  const warnings: string[] = [];
  const log = { warn: (text: string) => void warnings.push(text), trace: () => {} };
  const request = new KernelRequest('r1', 'print(1)', options, log);
  const send = (frame: object) => request.deliver({ id: 'r1', ...frame } as KernelFrame);
  return { request, send, warnings };
}

it('a frame is delivered when its callback has settled', async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const { send } = open({ onChunk: () => promise });
  let isDelivered = false;
  const delivery = send({ type: 'stdout', data: 'a' }).then(() => {
    isDelivered = true;
  });
  await turn();
  expect(isDelivered).toBe(false);
  resolve();
  await delivery;
});

it('a callback that throws or rejects is logged, and what comes after it still arrives', async () => {
  const chunks: string[] = [];
  const { request, send, warnings } = open({
    onChunk: async (text) => {
      chunks.push(text);
      throw new Error(`no ${text}`);
    },
    onDisplay: () => {
      throw new Error('no display');
    },
  });
  await send({ type: 'stdout', data: 'a' });
  await send({ type: 'stderr', data: 'b' });
  await send({ type: 'done', status: 'ok', executionCount: 3 });
  expect(chunks).toEqual(['a', 'b']);
  expect(warnings).toEqual([
    'A callback of request r1 failed: no a',
    'A callback of request r1 failed: no b',
  ]);
  expect(await request.result).toMatchObject({ status: 'ok', executionCount: 3, cancelled: false });
});

it('an empty piece of output is no piece', async () => {
  const onChunk = vi.fn();
  const { send } = open({ onChunk });
  await send({ type: 'stdout', data: '' });
  await send({ type: 'stdout' });
  expect(onChunk).not.toHaveBeenCalled();
});

it.each([
  [{ ename: 'E', evalue: 'v', traceback: ['one', 'two'] }, { name: 'E', value: 'v' }, 'one\ntwo\n'],
  [{ ename: 'E', evalue: 'v', traceback: [] }, { name: 'E', value: 'v' }, 'E: v\n'],
  [{ traceback: [] }, { name: 'Error', value: '' }, 'Error: \n'],
])('an error %j is in the result and in the output', async (frame, error, text) => {
  const onChunk = vi.fn();
  const { request, send } = open({ onChunk });
  await send({ type: 'error', ...frame });
  await send({ type: 'done' });
  expect(onChunk.mock.calls).toEqual([[text]]);
  const { traceback } = frame;
  expect(await request.result).toMatchObject({ status: 'error', error: { ...error, traceback } });
});

it('takes nothing after its end, and cleans up once, also what is added later', async () => {
  const onChunk = vi.fn();
  const { request, send } = open({ onChunk });
  const cleanUp = vi.fn();
  request.cleanUpWith(cleanUp);
  await send({ type: 'done', status: 'error', cancelled: true });
  expect(request.isClosed).toBe(true);
  await send({ type: 'stdout', data: 'late' });
  request.settleUnsent();
  request.settleEnded('too late');
  expect(onChunk).not.toHaveBeenCalled();
  request.cleanUpWith(cleanUp);
  expect(cleanUp).toHaveBeenCalledTimes(2);
  expect(await request.result).toMatchObject({ status: 'error', cancelled: true, timedOut: false });
});

it.each([
  ['never written', undefined],
  ['refused', { name: 'E', value: 'v', traceback: [] }],
])('settles one that was %s as cancelled', async (_, error) => {
  const { request } = open();
  request.settleUnsent(error);
  const expected = { status: 'error', cancelled: true, ...(error === undefined ? {} : { error }) };
  expect(await request.result).toMatchObject(expected);
  expect(request.isCancelled).toBe(true);
});

it('says that the session ended after what it delivered before', async () => {
  const chunks: string[] = [];
  const { request, send } = open({
    onChunk: async (text) => {
      await turn();
      chunks.push(text);
    },
  });
  void send({ type: 'stdout', data: 'a' });
  request.settleEnded('The session has ended.');
  expect(await request.result).toMatchObject({ status: 'error', cancelled: true, kernelKilled: true });
  expect(chunks).toEqual(['a', '[kernel] The session has ended.\n']);
});

it('is cancelled once, by its signal or by its time', async () => {
  vi.useFakeTimers();
  const stop = new AbortController();
  const onCancel = vi.fn();
  const { request } = open({ signal: stop.signal, timeoutMs: 1000 });
  request.watch(onCancel);
  vi.advanceTimersByTime(999);
  expect(onCancel).not.toHaveBeenCalled();
  stop.abort();
  vi.advanceTimersByTime(1);
  expect(onCancel).toHaveBeenCalledOnce();
  request.settleUnsent();
  expect(await request.result).toMatchObject({ cancelled: true, timedOut: true });
});

it.each([
  ['an abort', new Error('by hand'), false],
  ['a time limit', new DOMException('late', 'TimeoutError'), true],
])('one whose signal has fired before is cancelled at once: %s', async (_, reason, timedOut) => {
  const onCancel = vi.fn();
  const { request } = open({ signal: AbortSignal.abort(reason) });
  request.watch(onCancel);
  expect(onCancel).toHaveBeenCalledOnce();
  request.settleUnsent();
  expect(await request.result).toMatchObject({ timedOut });
});

it('holds neither its timer nor its signal after its end; the longest time is no time', async () => {
  vi.useFakeTimers();
  const { signal } = new AbortController();
  const removed = vi.spyOn(signal, 'removeEventListener');
  const { request, send } = open({ signal, timeoutMs: 2 ** 40 });
  request.watch(() => expect.unreachable());
  vi.advanceTimersByTime(1000);
  expect(vi.getTimerCount()).toBe(1);
  await send({ type: 'done' });
  expect(vi.getTimerCount()).toBe(0);
  expect(removed).toHaveBeenCalledOnce();
});
