import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { documents } from '../../../scripts/docs.mjs';
import { OUTPUT_SCHEMAS, type OutputName } from '../../../src/cli/schemas/output-schemas.ts';
import { PACKAGE_ROOT } from '../../../src/support/package-root.ts';
import { expectFailureOutput, expectOutput } from '../../fixtures/output-schema.ts';
import { plainEnvironment, runProgram } from '../../fixtures/program.ts';
import { temporaryFolderForFile } from '../../fixtures/temporary-folder.ts';

/** On an empty machine; what needs a runtime, a bundle or a host is checked where those are. */
let home: string;
const run = (line: string) => runProgram(line.split(' '), { env: plainEnvironment(home), cwd: home });

beforeAll(async () => {
  home = await temporaryFolderForFile();
  await writeFile(join(home, 'ktx.yaml'), '');
});

it.each<[OutputName, string]>([
  ['runtime-status', 'admin runtime status --json'],
  ['runtime-doctor', 'admin runtime doctor --json'],
  ['runtime-history', 'admin runtime history --json'],
  ['runtime-usage', 'admin runtime usage --json'],
  ['runtime-uninstall', 'admin runtime uninstall --json'],
  ['doctor', 'doctor --json --check space --check folders'],
  ['doctor-list', 'doctor --list --json'],
  ['network-show', 'admin network show --json'],
  ['network-set', 'admin network set index https://index.example/simple --json'],
  ['network-unset', 'admin network unset index --json'],
])('%s: ktx %s prints what its schema says', async (name, line) => {
  expectOutput(name, (await run(line)).stdout);
});

it.each([
  'admin runtime undo --yes --json',
  'bundle verify none.ktx --json',
  'bundle inspect none.ktx --json',
])('ktx %s fails with one event', async (line) => {
  const { exitCode, stdout } = await run(line);
  expect(exitCode).toBe(1);
  expectFailureOutput(stdout);
});

it('every command that takes --json has its schema named in its documentation', async () => {
  const named = Object.keys(OUTPUT_SCHEMAS).map((name) => `schemas/${name}.json`);
  expect(Object.keys(documents())).toEqual(expect.arrayContaining(named));
  const text = await readFile(join(PACKAGE_ROOT, 'docs', 'json.md'), 'utf8');
  const commands = documents()['commands.md']!.split('\n## ').slice(1);
  for (const section of commands.filter((each) => each.includes('`--json`'))) {
    const command = section.split('\n')[0]!.replace(/ [<[].*/, '');
    expect(text, command).toContain(`\`${command}`);
  }
  for (const name of named) expect(text).toContain(name);
});
