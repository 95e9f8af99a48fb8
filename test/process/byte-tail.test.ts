import { describe, expect, it } from 'vitest';
import { createByteTail } from '../../src/process/byte-tail.ts';

describe('byte tail', () => {
  it('keeps everything that fits, to the byte', () => {
    const tail = createByteTail(10);
    tail.push(Buffer.from('12345\r\n'));
    tail.push(Buffer.from('678'));
    expect(tail.text()).toBe('12345\r\n678');
    expect(tail.isTruncated()).toBe(false);
  });

  it('keeps the end, from the start of a line', () => {
    const tail = createByteTail(12);
    for (const line of ['first\n', 'second\n', 'third\n', 'four\n']) tail.push(Buffer.from(line));
    expect(tail.text()).toBe('third\nfour\n');
    expect(tail.isTruncated()).toBe(true);
  });

  it('keeps the end of one chunk that is too large', () => {
    const tail = createByteTail(8);
    tail.push(Buffer.from('long line\nabc\nd\n'));
    expect(tail.text()).toBe('abc\nd\n');
  });

  it('lets go of what it dropped', () => {
    const tail = createByteTail(1000);
    const before = process.memoryUsage().arrayBuffers;
    for (let index = 0; index < 400; index++) tail.push(Buffer.alloc(1024 * 1024, 97));
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(200 * 1024 * 1024);
    expect(tail.text()).toBe('a'.repeat(1000));
  });

  it('is not slowed down by tiny chunks', () => {
    const tail = createByteTail(1000);
    for (let index = 0; index < 100_000; index++) tail.push(Buffer.from(`line ${index}\n`));
    expect(tail.text().length).toBeLessThanOrEqual(1000);
    expect(tail.text().endsWith('line 99999\n')).toBe(true);
  });
});
