import { mkdir, mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { npyHeader } from '../../src/vectors/npy.ts';
import { MAX_TEXT_BYTES, readTexts } from '../../src/vectors/read-texts.ts';
import { VectorFile } from '../../src/vectors/vector-file.ts';
import { openFilesBelow } from '../fixtures/open-files.ts';

describe('readTexts', () => {
  const read = (text: string | Uint8Array, format: 'lines' | 'jsonl') =>
    readTexts(typeof text === 'string' ? Buffer.from(text) : text, 'texts.txt', format).items;

  it('one text a line, with any line break, with or without one at the end', () => {
    for (const text of ['a b\nc', 'a b\nc\n', 'a b\r\nc\r\n'])
      expect(read(text, 'lines')).toEqual([{ text: 'a b' }, { text: 'c' }]);
  });

  it('strings and objects of JSON lines, with their ids', () => {
    const lines = '"a\\nb"\n{"text":"c","id":7,"more":1}\n{"id":"x","text":"d"}\n';
    expect(read(lines, 'jsonl')).toEqual([{ text: 'a\nb' }, { text: 'c', id: 7 }, { text: 'd', id: 'x' }]);
  });

  it.each([
    ['', 'lines', 'texts.txt has no text'],
    ['a\n\nb', 'lines', 'texts.txt, line 2 is blank'],
    ['a\n \t\nb', 'lines', 'texts.txt, line 2 is blank'],
    ['"a"\n{"text":""}', 'jsonl', 'texts.txt, line 2 is blank'],
    ['"a"\nsecret', 'jsonl', 'texts.txt, line 2 is not JSON'],
    ['{"txt":"secret"}', 'jsonl', 'texts.txt, line 1 has no string "text"'],
    ['null', 'jsonl', 'texts.txt, line 1 has no string "text"'],
  ] as const)('%j as %s: %s', (text, format, message) => {
    expect(() => read(text, format)).toThrow(message);
    expect(() => read(text, format)).not.toThrow('secret');
  });

  it('a text that no request can carry, by its line and not by what the daemon answers', () => {
    const quarter = 'x'.repeat(MAX_TEXT_BYTES / 4);
    expect(read(`${quarter}\n`, 'lines')).toHaveLength(1);
    // Each of these takes six bytes in JSON.
    expect(() => read(`short\n${'\u0001'.repeat(quarter.length)}\n`, 'lines')).toThrow(
      'texts.txt, line 2 is longer than the 12 MiB that one text can have.',
    );
  });

  it('bytes that are not UTF-8', () => {
    expect(() => read(new Uint8Array([0x61, 0xff]), 'lines')).toThrow('texts.txt is not UTF-8');
  });
});

describe('VectorFile', () => {
  let folder: string;
  let path: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'ktx-vectors-'));
    path = join(folder, 'vectors');
  });
  afterEach(() => rm(folder, { recursive: true }));

  const key = (format: 'jsonl' | 'npy', inputSha256 = 'a') => ({ inputSha256, format, model: 'm' });
  const items = [0, 1, 2, 3, 4].map((index) => ({ text: `text ${index}` }));
  const vector = (value: number) => {
    const bytes = Buffer.alloc(384 * 4);
    for (let at = 0; at < 384; at++) bytes.writeFloatLE(Math.fround(value + at / 1000), at * 4);
    return bytes;
  };
  const vectors = items.map((_, index) => vector(index));

  async function write(format: 'jsonl' | 'npy', from: number, to: number, isFinished: boolean) {
    const file = await VectorFile.open(path, key(format));
    expect(file.count).toBe(from);
    await file.append(items.slice(from, to), vectors.slice(from, to));
    await (isFinished ? file.finish() : file.close());
    expect(openFilesBelow(folder)).toEqual([]);
  }

  it.each(['jsonl', 'npy'] as const)(
    '%s: stopped at any byte and continued, as written at once',
    async (format) => {
      await write(format, 0, 5, true);
      const whole = await readFile(path);
      expect(await readdir(folder)).toEqual(['vectors']);
      await rm(path);

      for (const cut of [0, 1, 1535, 1536, 1537, 3000]) {
        await write(format, 0, 3, false);
        const { length } = await readFile(`${path}.partial`);
        await truncate(`${path}.partial`, length - cut);
        const file = await VectorFile.open(path, key(format));
        expect(file.count).toBeLessThanOrEqual(3);
        await file.append(items.slice(file.count), vectors.slice(file.count));
        await file.finish();
        expect((await readFile(path)).equals(whole)).toBe(true);
        expect(await readdir(folder)).toEqual(['vectors']);
        await rm(path);
      }
    },
  );

  it('is begun anew for another input', async () => {
    await write('jsonl', 0, 3, false);
    const file = await VectorFile.open(path, key('jsonl', 'b'));
    expect(file.count).toBe(0);
    await file.append(items.slice(0, 1), vectors.slice(0, 1));
    await file.close();
    expect((await readFile(`${path}.partial`, 'utf8')).trim().split('\n')).toHaveLength(1);
    expect(JSON.parse(await readFile(`${path}.partial.json`, 'utf8'))).toEqual(key('jsonl', 'b'));
  });

  it('is begun anew where the vectors went without their note, or the note without them', async () => {
    for (const gone of [`${path}.partial`, `${path}.partial.json`]) {
      await write('npy', 0, 3, false);
      await rm(gone);
      await write('npy', 0, 5, true);
      expect(await readdir(folder)).toEqual(['vectors']);
      await rm(path);
    }
  });

  it('has its folder made, and says what it could not write', async () => {
    const below = await VectorFile.open(join(folder, 'a', 'b'), key('npy'));
    await below.close();
    await writeFile(join(folder, 'file'), '');
    const place = join(folder, 'file', 'vectors');
    await expect(VectorFile.open(place, key('npy'))).rejects.toThrow(place);
    const file = await VectorFile.open(path, key('npy'));
    await mkdir(join(path, 'in the way'), { recursive: true });
    await expect(file.finish()).rejects.toThrow(path);
  });

  it('never replaces what is there', async () => {
    await writeFile(path, 'precious');
    await expect(VectorFile.open(path, key('npy'))).rejects.toThrow(`${path} is there already.`);
    expect(await readdir(folder)).toEqual(['vectors']);
  });

  it('JSON gives every float32 back', async () => {
    await write('jsonl', 0, 5, true);
    const lines = (await readFile(path, 'utf8')).trim().split('\n');
    for (const [index, line] of lines.entries()) {
      const value = JSON.parse(line);
      expect(value).toMatchObject({ index, text: `text ${index}` });
      const bytes = Buffer.alloc(384 * 4);
      for (const [at, number] of value.embedding.entries()) bytes.writeFloatLE(number, at * 4);
      expect(bytes.equals(vectors[index]!)).toBe(true);
    }
  });
});

it.each([1, 10, 123_456_789])('the header of %i rows is a multiple of 64 bytes long', (rows) => {
  const header = npyHeader(rows, 384);
  expect(header.length % 64).toBe(0);
  expect(header.readUInt16LE(8)).toBe(header.length - 10);
  expect(header.toString('latin1')).toMatch(
    new RegExp(
      `^\\x93NUMPY\\x01\\x00..\\{'descr': '<f4', 'fortran_order': False, 'shape': \\(${rows}, 384\\), \\} *\\n$`,
      's',
    ),
  );
});
