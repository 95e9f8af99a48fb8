// Bundled and run by picture-states.mjs.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { languageOf } from '../src/language/choose.ts';
import { speakLanguage } from '../src/language/load.ts';
import { openScreen } from '../test/fixtures/screen.ts';
import { STATES } from '../test/fixtures/screen-states.ts';
import { svgToPng, terminalSvg } from './terminal-picture.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    size: { type: 'string', default: '80x24' },
    light: { type: 'boolean', default: false },
    language: { type: 'string', default: 'en' },
    to: { type: 'string', default: 'screens-as-pictures' },
  },
});
const [columns = 80, rows = 24] = values.size.split('x').map(Number);
const IN_A_ROW = columns > 100 ? 1 : columns > 60 ? 2 : 3;
const IN_A_PICTURE = IN_A_ROW * (rows > 30 ? 2 : rows > 20 ? 3 : 4);
const log = {
  version: 1,
  lines: [
    '$ uv python install 3.13.14',
    'Installed Python 3.13.14 in 1.40s',
    ' + cpython-3.13.14-linux-x86_64-gnu',
    '\u2713 numpy-2.5.5      16.1 MB  from pypi.acme.internal  sha256 5cddc243\u2026 ok',
    'warning: a line of the child that is longer than the eighty columns of this terminal, and then some more of it',
    ...Array.from(
      { length: 60 },
      (_, index) => `DEBUG Selecting: package-${index}==1.${index}.0 [compatible]`,
    ),
  ],
  hiddenCount: 0,
};

speakLanguage(languageOf(values.language) ?? 'en', { hasUnicode: true });
mkdirSync(values.to, { recursive: true });
const names = positionals.length > 0 ? positionals : Object.keys(STATES).filter((name) => name !== 'left');
for (let first = 0; first < names.length; first += IN_A_PICTURE) {
  const drawn: string[] = [];
  for (const name of names.slice(first, first + IN_A_PICTURE)) {
    const state = STATES[name];
    if (state === undefined)
      throw new Error(`No state ${name}. There are: ${Object.keys(STATES).join(', ')}`);
    const screen = await openScreen(state, { columns, rows, log, isLight: values.light });
    drawn.push(terminalSvg(screen.terminal, { title: name, isLight: values.light }));
    screen.close();
  }
  const file = join(
    values.to,
    `${values.size}${values.light ? '-light' : ''}-${first / IN_A_PICTURE + 1}.png`,
  );
  writeFileSync(file, svgToPng(tiled(drawn), 1));
  console.log(file, names.slice(first, first + IN_A_PICTURE).join(' | '));
}

function tiled(pictures: readonly string[]): string {
  const [, width = 0, height = 0] = (/width="(\d+)" height="(\d+)"/.exec(pictures[0]!) ?? []).map(Number);
  const placed = pictures.map((picture, index) =>
    `<svg x="${(index % IN_A_ROW) * (width + 8)}" y="${Math.floor(index / IN_A_ROW) * (height + 8)}" ${picture.slice(4).replace(' xmlns="http://www.w3.org/2000/svg"', '')}</svg>`.replace(
      /<\/svg>\s*<\/svg>$/,
      '</svg>',
    ),
  );
  const tall = Math.ceil(pictures.length / IN_A_ROW) * (height + 8);
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${IN_A_ROW * (width + 8)}" height="${tall}"><rect width="100%" height="100%" fill="#778"/>${placed.join('')}</svg>`;
}
