import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createFrameSplitter, parseFrame } from '../../src/kernel/frames.ts';

describe('frame splitter', () => {
  it('gives the same lines wherever the bytes are split', () => {
    const lines = fc.array(
      fc.string({ unit: 'binary' }).map((text) => text.replaceAll('\n', ' ')),
      { maxLength: 8 },
    );
    const cuts = fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1 });
    fc.assert(
      fc.property(lines, cuts, (texts, sizes) => {
        const bytes = Buffer.from(texts.map((text) => `${text}\n`).join(''));
        const splitter = createFrameSplitter();
        const seen: string[] = [];
        for (let at = 0, turn = 0; at < bytes.length; turn++) {
          const end = at + sizes[turn % sizes.length]!;
          seen.push(...splitter.push(bytes.subarray(at, end)));
          at = end;
        }
        expect([...seen, ...splitter.end()]).toEqual(texts.map((text) => text.toWellFormed()));
      }),
    );
  });

  it('takes a line of many megabytes in time that grows with its length', () => {
    const splitter = createFrameSplitter();
    const chunk = Buffer.alloc(1024, 'x');
    for (let i = 0; i < 64 * 1024; i++) expect(splitter.push(chunk)).toEqual([]);
    const [line] = splitter.push(Buffer.from('\n'));
    expect(line!.length).toBe(64 * 1024 * 1024);
  });
});

describe('parseFrame', () => {
  it.each([
    ['{"type":"new","id":"1"}', null],
    ['{"type":"done"}', null],
    ['[]', null],
    ['null', null],
    ['7', null],
    ['{"type":"stdout","id":"1","data":5}', { type: 'stdout', id: '1', data: undefined }],
    ['{"type":"display","id":"1","bundle":"x"}', { type: 'display', id: '1', bundle: {} }],
    [
      '{"type":"error","id":"1","traceback":[1,"a"]}',
      { type: 'error', id: '1', ename: undefined, evalue: undefined, traceback: [1, 'a'] },
    ],
    [
      '{"type":"done","id":"1","status":"odd","executionCount":"3"}',
      { type: 'done', id: '1', status: undefined, executionCount: undefined, cancelled: undefined },
    ],
  ])('reads %s', (line, frame) => {
    expect(parseFrame(line)).toEqual(frame);
  });

  it('throws for input that is not JSON', () => {
    expect(() => parseFrame('noise')).toThrow(SyntaxError);
  });
});
