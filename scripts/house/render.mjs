import { dirname, posix } from 'node:path';
import { FLOORS, REACT_ROOMS } from './floors.mjs';

const ROOMS = FLOORS.flatMap((floor, level) => floor.map(([room]) => ({ room, level })));

/** Rooms that may open files directly: the one that guards access, and the one that reads /proc. */
const RAW_FILE_ROOMS = ['src/support/fs', 'src/process'];
const RAW_FILE_CALLS = [
  'readFile',
  'writeFile',
  'appendFile',
  'copyFile',
  'open',
  'createReadStream',
  'createWriteStream',
];
/** A pipe in place of a file hangs the program, and a link leads elsewhere: these functions open either. */
const RAW_FILE_IMPORTS = Object.fromEntries(
  ['node:fs', 'node:fs/promises'].map((module) => [
    module,
    {
      importNames: [...RAW_FILE_CALLS, ...RAW_FILE_CALLS.map((name) => `${name}Sync`), 'default', '*'],
      message:
        'Files are opened by src/support/fs/regular-file.ts and written by src/support/fs/atomic-file.ts.',
    },
  ]),
);

/**
 * The linter's overrides, one per room. Imports are relative, so a forbidden room is named by its path from
 * the importing room.
 * @returns the text of biome.floors.json, which biome.json extends
 */
export function renderLinterRules() {
  const overrides = ROOMS.map(({ room, level }) => {
    const forbidden = ROOMS.filter((other) => other.level >= level && other.room !== room)
      .map((other) => `${posix.relative(room, other.room)}/*`)
      .sort();
    const patterns = [];
    if (forbidden.length > 0)
      patterns.push({
        group: forbidden,
        message: `${room} may only import from the floors below it (scripts/house/floors.mjs).`,
      });
    if (!REACT_ROOMS.includes(room))
      patterns.push({
        group: ['react', 'react/**', 'ink', 'ink/**'],
        message: 'Only screens/ and the Ink presenter know React.',
      });
    if (!/^src\/process(\/|$)/.test(room))
      patterns.push({
        group: ['node:child_process', 'child_process'],
        message: 'Only src/process starts processes.',
      });
    if (room !== 'src/network/transport')
      patterns.push({
        group: ['undici', 'node:https', 'node:tls', 'node:dgram', 'https', 'tls'],
        message: 'Only src/network/transport connects to other machines.',
      });
    if (room.startsWith('screens'))
      patterns.push({
        group: ['node:fs', 'node:fs/promises', 'node:http', 'node:net'],
        message: 'Screens do no I/O: they show wizard state.',
      });
    const paths = RAW_FILE_ROOMS.includes(room) ? {} : RAW_FILE_IMPORTS;
    const noRestrictedImports = { level: 'error', options: { patterns, paths } };
    return { includes: [`${room}/*`], linter: { rules: { style: { noRestrictedImports } } } };
  });
  const lines = overrides.map((override) => `    ${JSON.stringify(override)}`);
  return `{\n  "root": false,\n  "overrides": [\n${lines.join(',\n')}\n  ]\n}\n`;
}

/** @returns the floors as text, top floor first, for ARCHITECTURE.md */
function renderPicture() {
  const width = Math.max(...ROOMS.map(({ room }) => room.length));
  const floors = FLOORS.map((floor, level) =>
    floor
      .map(
        ([room, answers], position) =>
          `${position ? '  ' : String(level).padStart(2)}  ${room.padEnd(width)}  ${answers}`,
      )
      .join('\n'),
  );
  return floors.reverse().join('\n');
}

/** @returns the document with the picture inserted between its two markers */
export function withPicture(document) {
  const start = '<!-- floors: written by npm run floors -->';
  const end = '<!-- /floors -->';
  const [before, rest] = document.split(start);
  const after = rest?.split(end)[1];
  if (after === undefined) throw new Error(`ARCHITECTURE.md has no ${start} … ${end}`);
  return `${before}${start}\n\n\`\`\`\n${renderPicture()}\n\`\`\`\n\n${end}${after}`;
}

/** @returns the room that a source file is in */
export function roomOf(file) {
  return dirname(file);
}
