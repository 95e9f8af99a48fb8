import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type CatalogueFile, readCatalogue } from '../../src/language/catalogue.ts';
import { catalogueFile } from '../../src/language/load.ts';
import { speak } from '../../src/language/translate.ts';
import { columnsOf } from '../../src/support/text/columns.ts';
import { openScreen } from '../fixtures/screen.ts';
import { STATES } from '../fixtures/screen-states.ts';

const SIZES = [
  { columns: 80, rows: 24 },
  { columns: 120, rows: 40 },
  { columns: 40, rows: 12 },
];
/** One of each screen. */
const REVIEWED = [
  'features',
  'ready',
  'plan',
  'installing',
  'stop question',
  'failure that can be mended',
  'failure with a wrong value',
  'checked with details',
  'broken',
  'a repair that is offered',
  'asked to remove',
  'language models',
  'model host',
  'sources to change',
  'help',
];

afterEach(() => speak(null));

/** Each state after the other on one screen. */
async function linesOf(
  names: readonly string[],
  size: { columns: number; rows: number },
): Promise<Map<string, string[]>> {
  const screen = await openScreen(STATES[names[0]!]!, size);
  const lines = new Map<string, string[]>();
  for (const name of names) {
    await screen.show(STATES[name]!);
    lines.set(name, screen.lines());
  }
  screen.close();
  return lines;
}

describe.each(['de', 'ja'] as const)('in %s', (language) => {
  let file: CatalogueFile;
  beforeAll(() => {
    file = catalogueFile(language);
  });

  it.each(SIZES)('nothing is cut without an ellipsis at $columns x $rows', async (size) => {
    const names = Object.keys(STATES);
    const english = await linesOf(names, size);
    speak(readCatalogue(file, (text) => text));
    const texts = piecesOf(file);
    for (const [name, lines] of await linesOf(names, size)) {
      for (const [row, line] of lines.entries()) {
        expect(columnsOf(line), `${name}: ${line}`).toBeLessThanOrEqual(size.columns);
        const isFull = columnsOf(line) >= size.columns - 1;
        if (!isFull || line.includes('…') || english.get(name)?.includes(line)) continue;
        // A full row ends with the end of a text, or goes on in the next row.
        const last = line.trim().split(/ {2,}/).at(-1) ?? '';
        const isWhole =
          /(?:[─↓█\d]| B| [kMG]B|\.[a-z]+)$/.test(last) ||
          texts.some((text) => last.endsWith(text)) ||
          (lines[row + 1] ?? '').trim() !== '';
        expect(isWhole, `${name}, row ${row}: ${line}`).toBe(true);
      }
      expect(lines[size.rows - 1], name).toBe('');
    }
  });

  it.each(REVIEWED)('%s', async (name) => {
    speak(readCatalogue(file, (text) => text));
    expect((await linesOf([name], SIZES[0]!)).get(name)?.join('\n')).toMatchSnapshot();
  });
});

/** Ends of texts, as far back as their last value. */
function piecesOf(file: CatalogueFile): string[] {
  return Object.values(file.texts)
    .flatMap((text) => (typeof text === 'string' ? [text] : Object.values(text)))
    .map((text) => text.slice(text.lastIndexOf('}') + 1).slice(-6))
    .filter((end) => end !== '');
}
