import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type CatalogueFile, readCatalogue } from '../../src/language/catalogue.ts';
import { catalogueFile } from '../../src/language/load.ts';
import { said, speak, t } from '../../src/language/translate.ts';
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

  it('every choice, title and size is whole in a small window', async () => {
    speak(readCatalogue(file, (text) => text));
    const whole: Record<string, readonly string[]> = {
      plan: ['Install', 'Sources', 'Bundle', 'Back'],
      'stop question': ['Keep going', 'Stop'],
      'a repair that is offered': ['Repair', 'Leave it as it is'],
      'asked to undo on the checks': ['Switch to it', 'Back'],
      'network details': ['Back'],
      removing: ['Removing'],
      'help on the plan': [],
    };
    const small = await linesOf([...Object.keys(whole), 'broken', 'a model that answers'], SIZES[2]!);
    for (const [name, labels] of Object.entries(whole)) {
      const text = small.get(name)!.join('\n');
      for (const label of labels) expect(text, name).toMatch(new RegExp(`${said(label)}(?:\\s|$)`));
    }
    expect(small.get('broken')![1]).toContain(said('1 check needs attention'));
    expect(small.get('broken')!.join('\n')).toContain(`${said('Runtime')} `);
    expect(small.get('a model that answers')![2]).not.toMatch(/:[.。]/);
    const wide = await linesOf(['installing'], SIZES[0]!);
    expect(wide.get('installing')!.join('\n')).toMatch(/onnxruntime-1\.31\.1 +5[.,]0 \S+ 23 MB/);
  });

  it('a glossary names what the screen names', async () => {
    speak(readCatalogue(file, (text) => text));
    const lines = await linesOf(['help on the plan', 'help on checks'], SIZES[0]!);
    const [plan, checks] = [...lines.values()].map((each) => each.join('\n'));
    expect(plan).toContain(`\n ${said('Bundle')} `);
    expect(checks).toContain(`\n ${t`skipped: ${''}`.slice(0, 4)}`);
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
