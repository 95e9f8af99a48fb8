// Writes the tables of docs/doctor.md from the list of checks and repairs.
import { readFile, writeFile } from 'node:fs/promises';
import { DOCTOR_CHECKS } from '../src/doctor/all-checks.ts';
import { REPAIRS } from '../src/doctor/repairs/list.ts';

const PATH = new URL('../docs/doctor.md', import.meta.url);

/** The document with both tables generated from the current lists. */
export function withTables(text) {
  return withTable(withTable(text, 'checks', checksTable()), 'repairs', repairsTable());
}

function checksTable() {
  const rows = DOCTOR_CHECKS.map(
    ({ id, group, label, why, cost, dependsOn }) =>
      `| \`${id}\` | ${group} | ${label} | ${cost} | ${dependsOn.map((name) => `\`${name}\``).join(', ')} | ${why} |`,
  );
  return [
    '| Id | Group | Check | Cost | Needs | Why it matters |',
    '| --- | --- | --- | --- | --- | --- |',
    ...rows,
  ];
}

function repairsTable() {
  const rows = REPAIRS.map(({ id, label }) => `| \`${id}\` | ${label} |`);
  return ['| Id | Repair |', '| --- | --- |', ...rows];
}

function withTable(text, name, lines) {
  const [begin, end] = [`<!-- ${name}: written by node scripts/doctor-docs.mjs -->`, `<!-- /${name} -->`];
  const [from, to] = [text.indexOf(begin), text.indexOf(end)];
  if (from < 0 || to < 0) throw new Error(`docs/doctor.md has no table of ${name}`);
  return `${text.slice(0, from + begin.length)}\n\n${lines.join('\n')}\n\n${text.slice(to)}`;
}

if (process.argv[1] === new URL(import.meta.url).pathname) {
  const text = await readFile(PATH, 'utf8');
  await writeFile(PATH, withTables(text));
}
