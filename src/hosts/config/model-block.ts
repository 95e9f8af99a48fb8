import { isMap, isScalar, type Pair, parseDocument, type YAMLMap } from 'yaml';

interface Block {
  id: string;
  /** Offsets of whole lines, including comments directly above the key. */
  start: number;
  end: number;
}

/**
 * The ids of the models that can be edited separately, in order. Empty when the text does not use block
 * style.
 */
export function modelIds(text: string): string[] {
  return blocksOf(text).map(({ id }) => id);
}

/** The lines of one model, verbatim; `null` if it has no lines of its own. */
export function modelBlock(text: string, id: string): string | null {
  const block = blocksOf(text).find((each) => each.id === id);
  return block ? text.slice(block.start, block.end) : null;
}

/**
 * Replaces the lines of one model; everything else stays byte for byte. Unchanged when the model has no lines
 * of its own.
 */
export function withModelBlock(text: string, id: string, lines: string): string {
  const block = blocksOf(text).find((each) => each.id === id);
  if (block === undefined) return text;
  const isLast = block.end === text.length;
  const ended = lines === '' || lines.endsWith('\n') || isLast ? lines : `${lines}\n`;
  return text.slice(0, block.start) + ended + text.slice(block.end);
}

function blocksOf(text: string): Block[] {
  const document = parseDocument(text, { prettyErrors: false, logLevel: 'error', uniqueKeys: false });
  if (document.errors.length > 0 || !isMap(document.contents)) return [];
  const models = (document.contents as YAMLMap).get('models');
  if (!isMap(models) || models.flow) return [];
  const pairs = models.items as Pair[];
  const starts = pairs.map((pair) => blockStart(text, keyStart(pair)));
  // A key that shares its line with another, as after `? `, has no lines of its own.
  if (new Set(starts).size !== starts.length) return [];
  return pairs.flatMap((pair, index) => {
    if (!isScalar(pair.key)) return [];
    const end = starts[index + 1] ?? endOfLines(text, models.range?.[1] ?? text.length);
    return [{ id: String(pair.key.value), start: starts[index]!, end }];
  });
}

function keyStart({ key }: Pair): number {
  return (key as { range: [number, number, number] }).range[0];
}

/** The start of the line, or of the comments with the same indent directly above it. */
function blockStart(text: string, offset: number): number {
  let start = text.lastIndexOf('\n', offset - 1) + 1;
  const indent = text.slice(start, offset);
  for (;;) {
    const previous = text.lastIndexOf('\n', start - 2) + 1;
    if (start === 0 || !text.slice(previous, start).startsWith(`${indent}#`)) return start;
    start = previous;
  }
}

function endOfLines(text: string, offset: number): number {
  if (offset === 0 || text[offset - 1] === '\n') return offset;
  const newline = text.indexOf('\n', offset);
  return newline === -1 ? text.length : newline + 1;
}
