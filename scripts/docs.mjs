// Writes docs/commands.md and docs/environment.md from the code: npm run docs
import { mkdir, writeFile } from 'node:fs/promises';
import * as z from 'zod/mini';
import { describeProgram } from '../src/cli/program.ts';
import { leafCommands } from '../src/cli/runtime-root.ts';
import { OUTPUT_SCHEMAS } from '../src/cli/schemas/output-schemas.ts';
import { ENVIRONMENT_VARIABLES } from '../src/core/environment-variables.ts';
import { eventJsonSchema } from '../src/present/event-json-schema.ts';

const DOCS = new URL('../docs/', import.meta.url);
const WRITTEN = '<!-- Written by npm run docs. Do not edit. -->';

/** Each generated document by its path below docs/. */
export function documents() {
  return {
    'commands.md': commands(),
    'environment.md': environment(),
    'schemas/setup-event.json': eventJsonSchema(),
    ...Object.fromEntries(
      Object.entries(OUTPUT_SCHEMAS).map(([name, schema]) => [
        `schemas/${name}.json`,
        `${JSON.stringify(z.toJSONSchema(schema), null, 2)}\n`,
      ]),
    ),
  };
}

function commands() {
  const program = describeProgram({ stdout: { write() {} }, stderr: { write() {} } });
  const leaves = leafCommands(program).filter(({ command }) => command.name() !== 'help');
  return [
    '# Commands and flags',
    '',
    WRITTEN,
    '',
    '`ktx help <command>` prints the same. Exit codes: 0 done, or left by choice; 1 failed; 130 stopped by a signal.',
    'Commands with other codes say so in their help.',
    '',
    ...table(['Everywhere', ''], flagRows(program)),
    ...leaves.flatMap(({ command, words }) => [
      `## ${words}${arguments_(command)}`,
      '',
      sentence(command.description()),
      '',
      ...(command.options.length > 0 ? table(['Flag', ''], flagRows(command)) : []),
    ]),
  ]
    .join('\n')
    .trimEnd()
    .concat('\n');
}

function flagRows(command) {
  return command.options
    .filter(({ hidden }) => !hidden)
    .map(({ flags, description, argChoices, defaultValue }) => [
      `\`${flags}\``,
      [
        description,
        argChoices && `one of ${argChoices.join(', ')}`,
        defaultValue !== undefined && `default: ${defaultValue}`,
      ]
        .filter(Boolean)
        .join('; '),
    ]);
}

function arguments_(command) {
  return command.registeredArguments
    .map((argument) => {
      const name = `${argument.name()}${argument.variadic ? '…' : ''}`;
      return argument.required ? ` <${name}>` : ` [${name}]`;
    })
    .join('');
}

function environment() {
  return [
    '# Environment variables',
    '',
    WRITTEN,
    '',
    'Flags win over what `ktx admin network set` stored, that over variables, and variables over the configuration files of uv, pip and npm.',
    '`ktx admin network show` prints what is set and where it comes from.',
    '',
    ...Object.entries(ENVIRONMENT_VARIABLES).flatMap(([group, variables]) => [
      `## ${sentence(group).replace(/\.$/, '')}`,
      '',
      ...table(
        ['Variable', ''],
        variables.map(({ name, about }) => [`\`${name}\``, about]),
      ),
    ]),
  ]
    .join('\n')
    .trimEnd()
    .concat('\n');
}

function table(head, rows) {
  const line = (cells) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line), ''];
}

function sentence(text) {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}

if (process.argv[1] === new URL(import.meta.url).pathname) {
  await mkdir(new URL('schemas/', DOCS), { recursive: true });
  for (const [path, text] of Object.entries(documents())) await writeFile(new URL(path, DOCS), text);
}
