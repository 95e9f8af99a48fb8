import { PassThrough } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { arriving } from '../../../src/network/transport/arriving.ts';

const KB = 1024;
const chunk = (sizeBytes: number, fill = 'x') => Buffer.alloc(sizeBytes, fill);

async function collect(body: AsyncIterable<Uint8Array>): Promise<{ text: string; error: unknown }> {
  let text = '';
  try {
    for await (const each of body) text += Buffer.from(each).toString();
    return { text, error: null };
  } catch (error) {
    return { text, error };
  }
}

it('a reader that does not come makes the connection wait, and one that has read lets it go on', async () => {
  const stream = new PassThrough({ highWaterMark: 4 * KB * KB });
  const body = arriving(stream);
  stream.write(chunk(511 * KB));
  await turn();
  expect(stream.isPaused()).toBe(false);
  stream.write(chunk(KB));
  await turn();
  expect(stream.isPaused()).toBe(true);
  const chunks = body[Symbol.asyncIterator]();
  expect((await chunks.next()).value?.byteLength).toBe(511 * KB);
  expect(stream.isPaused()).toBe(false);
  stream.destroy();
});

it('gives all that came before the error that ended it', async () => {
  const stream = new PassThrough();
  const body = arriving(stream);
  stream.write('one ');
  stream.write('two');
  await turn();
  stream.destroy(new Error('cut'));
  expect(await collect(body)).toEqual({ text: 'one two', error: new Error('cut') });
});

it('gives all of a stream that ends, also to a reader that was there first', async () => {
  const stream = new PassThrough();
  const reading = collect(arriving(stream));
  for (const text of ['one ', 'two ']) {
    stream.write(text);
    await turn();
  }
  stream.end('three');
  expect(await reading).toEqual({ text: 'one two three', error: null });
});

it('a connection that closes without a word is an error', async () => {
  const stream = new PassThrough();
  const body = arriving(stream);
  stream.write('one');
  await turn();
  stream.destroy();
  expect(await collect(body)).toEqual({ text: 'one', error: new Error('the connection was closed') });
});
