import { describe, expect, it } from 'vitest';
import { BROKEN_LINE_NOTE, createLineAssembler, MAX_LINE_CHARS } from '../../src/process/line-assembler.ts';
import { createLinePartFinder } from '../../src/support/text/line-parts.ts';
import { createRedactor } from '../../src/support/text/redaction.ts';

function assemble(chunks: readonly (string | Uint8Array)[], mask?: (text: string) => string): string[] {
  const assembler = createLineAssembler(mask);
  const lines = chunks.flatMap((chunk) => assembler.push(Buffer.from(chunk as string)));
  return [...lines, ...assembler.end()];
}

/** The same bytes in all chunk sizes that can cut them differently. */
function assembleCut(bytes: Buffer, size: number): string[] {
  const chunks: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += size) chunks.push(bytes.subarray(at, at + size));
  return assemble(chunks);
}

describe('line assembler', () => {
  it.each<[string, string[], string[]]>([
    ['whole lines', ['a\nb\n'], ['a', 'b']],
    ['an empty line', ['a\n\nb\n'], ['a', '', 'b']],
    ['a line in three chunks', ['Down', 'load', 'ing\n'], ['Downloading']],
    ['no line end at the end', ['a\nb'], ['a', 'b']],
    ['nothing', [''], []],
    ['CRLF', ['a\r\nb\r\n'], ['a', 'b']],
    ['CRLF cut between the two', ['a\r', '\nb\r', '\n'], ['a', 'b']],
    ['two CR and LF, as a twice translated line has', ['a\r\r\nb\n'], ['a', 'b']],
    ['a progress bar', ['10%\r50%\r100%\n'], ['100%']],
    ['a progress bar over chunks', ['10%\r', '50%', '\r100', '%\nnext\n'], ['100%', 'next']],
    ['a progress bar that ends with the stream', ['10%\r50%'], ['50%']],
    ['a progress bar that ends with CR', ['10%\r50%\r'], ['50%']],
    ['a bar that is wiped', ['10%\r    \rdone\n'], ['done']],
    ['a byte order mark', ['\ufeffé\n'], ['\ufeffé']],
    ['other line separators stay in the line', ['a\u2028b\u0085c\vd\n'], ['a\u2028b\u0085c\vd']],
  ])('%s', (_name, chunks, lines) => {
    expect(assemble(chunks)).toEqual(lines);
  });

  it.each([1, 2, 3, 4, 5, 7, 64])('cuts no character and no line in chunks of %d bytes', (size) => {
    const lines = ['é 漢字 🐍 ascii', 'plain', 'größer\tü', '\ufeffnot a mark here', '🧪'];
    expect(assembleCut(Buffer.from(`${lines.join('\r\n')}\n`), size)).toEqual(lines);
  });

  it('shows invalid bytes and goes on', () => {
    expect(assemble([Buffer.from([0x61, 0xff, 0x62, 0x0a]), 'next\n'])).toEqual(['a\ufffdb', 'next']);
    expect(assemble([Buffer.from([0x61, 0xe6, 0xbc])])).toEqual(['a\ufffd']);
    expect(assemble([Buffer.from([0xe6]), 'b\n', 'c\n'])).toEqual(['\ufffdb', 'c']);
  });

  it('breaks an endless line, says so, and loses nothing', () => {
    const endless = 'x'.repeat(3 * MAX_LINE_CHARS + 17);
    for (const chunkSize of [1000, 65_536, endless.length]) {
      const lines = assembleCut(Buffer.from(`${endless}\nnext\n`), chunkSize);
      expect(lines.at(-1)).toBe('next');
      const pieces = lines.slice(0, -1);
      expect(pieces.length).toBe(4);
      expect(pieces.slice(0, -1).every((piece) => piece.endsWith(BROKEN_LINE_NOTE))).toBe(true);
      expect(Math.max(...pieces.map((piece) => piece.length))).toBeLessThanOrEqual(
        MAX_LINE_CHARS + BROKEN_LINE_NOTE.length,
      );
      expect(pieces.map((piece) => piece.replace(BROKEN_LINE_NOTE, '')).join('')).toBe(endless);
    }
  });

  it('hands pieces of an endless line over before it ends', () => {
    const assembler = createLineAssembler();
    const early = Array.from({ length: 10 }, () => assembler.push(Buffer.from('y'.repeat(20_000)))).flat();
    expect(early.length).toBe(2);
  });

  it('breaks no character of an endless line in two', () => {
    const endless = `x${'🐍'.repeat(MAX_LINE_CHARS)}`;
    const pieces = assembleCut(Buffer.from(endless), 65_536);
    expect(pieces.length).toBeGreaterThan(1);
    expect(pieces.map((piece) => piece.replace(BROKEN_LINE_NOTE, '')).join('')).toBe(endless);
    expect(pieces.every((piece) => piece.isWellFormed())).toBe(true);
  });

  it('keeps only the newest state of a progress bar that never ends its line', () => {
    const assembler = createLineAssembler();
    let handedOver = 0;
    for (let step = 0; step < 20_000; step++) {
      handedOver += assembler.push(Buffer.from(`\rdownloading ${step} of 20000`)).length;
    }
    expect(handedOver).toBe(0);
    expect(assembler.end()).toEqual(['downloading 19999 of 20000']);
  });

  it('masks a secret that two chunks share, and one across the break of an endless line', () => {
    const redactor = createRedactor();
    redactor.addSecret('correct-horse-battery');
    expect(assemble(['Fetching https://me:correct-horse-', 'battery@host/\n'], redactor.redact)).toEqual([
      'Fetching https://****@host/',
    ]);
    const before = 'x'.repeat(MAX_LINE_CHARS - 10);
    for (const size of [1000, 65_536, 200_000]) {
      const bytes = Buffer.from(`${before}correct-horse-battery${'y'.repeat(100_000)}\n`);
      const chunks: Buffer[] = [];
      for (let at = 0; at < bytes.length; at += size) chunks.push(bytes.subarray(at, at + size));
      const text = assemble(chunks, redactor.redact)
        .map((piece) => piece.replace(BROKEN_LINE_NOTE, ''))
        .join('');
      expect(text.startsWith(`${before}****yyy`)).toBe(true);
    }
  });
});

describe('batches of the line assembler', () => {
  const filler = Array.from({ length: 150 }, (_, index) => `DEBUG package ${index} of many, nothing of note`);
  const key = [
    '-----BEGIN PRIVATE KEY-----',
    `${'Ab1'.repeat(21)}x`,
    'shortEnd==',
    '-----END PRIVATE KEY-----',
  ];
  const texts: Record<string, string[]> = {
    'plain lines': [...filler, '', '\ttab', ...filler],
    'a secret in the middle': [
      ...filler,
      'password: hunter2hunter2',
      ...filler,
      'https://u:p@h.example/',
      ...filler,
    ],
    'a private key over parts': [...filler, ...key, ...filler, ...filler, ...filler],
    'a private key whose body begins a part': [
      ...filler,
      ...filler,
      key[0]!,
      ...Array(200).fill(key[1]),
      key[2]!,
      key[3]!,
    ],
    'a netrc over two lines': [...filler, 'login', 'me password Zq7value', ...filler],
    'a told secret': [...filler, 'it is a-password-of-the-index', ...filler],
    'carriage returns': [...filler, '10%\r50%\r100%', 'crlf\r', ...filler],
    'letters beyond ASCII': [...filler, 'größer 漢字 🐍', ...filler],
    'control characters': [...filler, '\x1b[31mred\x1b[0m \x07', ...filler],
    'lines longer than are kept whole': [...filler, 'x '.repeat(50_000), ...filler],
  };
  const redactor = createRedactor();
  redactor.addSecret('a-password-of-the-index');

  it.each(Object.entries(texts))('are the masked lines, however the stream is cut: %s', (_, lines) => {
    const bytes = Buffer.from(`${lines.join('\n')}\nno end`);
    for (const size of [700, 1031, 8192, 65_536, bytes.length]) {
      const careful = createLineAssembler(redactor.redact);
      const quick = createLineAssembler(redactor.redact, createLinePartFinder(redactor));
      const expected: string[] = [];
      const got: string[] = [];
      for (let at = 0; at < bytes.length; at += size) {
        const chunk = bytes.subarray(at, at + size);
        expected.push(...careful.push(chunk));
        for (const batch of quick.pushBatches(chunk)) {
          expect(batch.lines.length).toBe(batch.count);
          if (batch.plainBytes) expect(`${batch.lines.join('\n')}\n`).toBe(batch.plainBytes.toString());
          got.push(...batch.lines);
        }
      }
      expect([...got, ...quick.end()]).toEqual([...expected, ...careful.end()]);
    }
  });

  it('look at the next line too, wherever a part ends', () => {
    for (let before = 150; before < 200; before++) {
      const some = [...filler, ...filler].slice(0, before);
      const bytes = Buffer.from(`${[...some, 'login', 'me password Zq7value', ...filler].join('\n')}\n`);
      const batches = createLineAssembler(redactor.redact, createLinePartFinder(redactor)).pushBatches(bytes);
      expect(batches.flatMap(({ lines }) => lines)).not.toContain('me password Zq7value');
    }
  });

  it('leaves what is plain as the bytes that came', () => {
    const bytes = Buffer.from(`${filler.join('\n')}\n`);
    const batches = createLineAssembler(redactor.redact, createLinePartFinder(redactor)).pushBatches(bytes);
    expect(batches.map(({ count, plainBytes }) => [count, plainBytes?.length])).toEqual([
      [150, bytes.length],
    ]);
  });
});
