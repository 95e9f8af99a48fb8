import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { main } from '../../../src/cli/main.ts';
import { similarCommands } from '../../../src/cli/output/usage-error.ts';
import { helloSchema, setupEventSchema } from '../../../src/present/event-schema.ts';
import { capturedIo } from '../../fixtures/captured-io.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';

async function run(...argv: string[]) {
  const { io, printed } = capturedIo();
  const cwd = await temporaryFolder();
  const deps = { env: { KTX_RUNTIME_ROOT: cwd }, cwd, isStdinTty: false };
  const exitCode = await main(argv, io, deps);
  return { exitCode, ...printed };
}

describe('a mistyped command', () => {
  it.each<[string, string]>([
    ['prune', 'ktx admin runtime prune'],
    ['status --json', 'ktx admin runtime status'],
    ['install --feature core', 'ktx admin runtime install'],
    ['setpu', 'ktx setup'],
    ['setupp --yes', 'ktx setup'],
    ['runtime status', 'ktx admin runtime status'],
    ['runtime', 'ktx admin runtime'],
    ['admin prune', 'ktx admin runtime prune'],
    ['admin runtime stauts', 'ktx admin runtime status'],
    ['network set index', 'ktx admin network set'],
    ['admin runtime show', 'ktx admin network show'],
    ['--project-dir prune prnue', 'ktx admin runtime prune'],
    ['help prnue', 'ktx admin runtime prune'],
    ['help admin runtime stauts', 'ktx admin runtime status'],
    ['help runtime status', 'ktx admin runtime status'],
    ['admin runtime help undoo', 'ktx admin runtime undo'],
    ['setup-wizard', 'ktx setup'],
  ])('`ktx %s` is told `%s`', async (line, meant) => {
    const { exitCode, stderr } = await run(...line.split(' '));
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/^error: unknown command '/);
    expect(stderr.split('\n')).toEqual([expect.anything(), `Did you mean: ${meant}`, '']);
  });

  it.each([
    ['help bogus', 'bogus', ''],
    ['help admin runtime bogus', 'bogus', 'admin runtime '],
    ['help setup extra', 'extra', 'setup '],
    ['admin help bogus', 'bogus', 'admin '],
  ])('`ktx %s` is no help on something else', async (line, unknown, group) => {
    const { exitCode, stdout, stderr } = await run(...line.split(' '));
    expect([exitCode, stdout]).toEqual([1, '']);
    expect(stderr).toBe(
      `error: unknown command '${unknown}'\nThe commands are listed by: ktx ${group}--help\n`,
    );
  });

  it.each(['explode', 'x', 'admin explode'])('`ktx %s` is like nothing: the help is named', async (line) => {
    const { stderr } = await run(...line.split(' '));
    expect(stderr).toMatch(/\nThe commands are listed by: ktx (?:admin )?--help\n$/);
  });

  it('two that are as near are both named', () => {
    const paths = [['a', 'prune'], ['b', 'prude'], ['c']];
    expect(similarCommands(['pruxe'], paths)).toEqual([paths[0], paths[1]]);
  });

  it('a mistyped option is told the right one, once', async () => {
    const { stderr } = await run('admin', 'runtime', 'status', '--jsom');
    expect(stderr).toBe("error: unknown option '--jsom'\n(Did you mean --json?)\n");
  });
});

it.each([
  'setup https://me:pass-word@a.example/s',
  'setup --json https://me:pass-word@a.example/s',
  'https://me:pass-word@a.example/s --json',
  'setup --json --indx-url=https://me:pass-word@a.example/s',
  'admin runtime status --json ghp_tokenword0123456789abcdefghijklmnop',
  'help https://me:pass-word@a.example/s',
  'admin network set --json https://me:pass-word@a.example/s index',
])('repeats no secret of a line that it does not understand: %s', async (line) => {
  const { exitCode, stdout, stderr } = await run(...line.split(' '));
  expect(exitCode).toBe(1);
  expect(stdout + stderr).not.toMatch(/pass-word|tokenword/);
});

describe('a usage error with --json', () => {
  it.each<[string, string, string]>([
    ['setup --json --bogus', "unknown option '--bogus'", 'ktx setup --help'],
    [
      'setup --json --feature gpu',
      "option '--feature <feature>' argument 'gpu' is invalid",
      'ktx setup --help',
    ],
    ['setup --json --python snake', '--python takes auto', 'ktx setup --help'],
    ['setup --json', 'Missing setup choice: pass --yes', 'ktx setup --help'],
    ['admin runtime status --json --bogus', "unknown option '--bogus'", 'ktx admin runtime status --help'],
    ['prune --json', "unknown command 'prune'", 'ktx admin runtime prune'],
    ['help admin bogus --json', "unknown command 'bogus'", 'ktx admin --help'],
    ['admin network set index --json', "missing required argument 'value'", 'ktx admin network set --help'],
    [
      'admin network set index ftp://a.example/ --json',
      'ftp: is not supported',
      'ktx admin network set index',
    ],
  ])('`ktx %s` is one failure event, and words on stderr', async (line, title, next) => {
    const { exitCode, stdout, stderr } = await run(...line.split(' '));
    const lines = stdout
      .trimEnd()
      .split('\n')
      .map((text) => JSON.parse(text));
    expect(exitCode).toBe(1);
    expect(stderr).toContain(title);
    if (line.startsWith('setup')) helloSchema.parse(lines.shift());
    expect(lines).toHaveLength(1);
    setupEventSchema.parse(lines[0]);
    expect(lines[0]).toMatchObject({ type: 'failure', failure: { failureClass: 'conflict', step: null } });
    expect(lines[0].failure.title).toContain(title);
    expect(lines[0].failure.nextSteps.join()).toContain(next);
  });

  it.each(['setup --bogus', 'prune', 'admin runtime status --bogus'])(
    'without it `ktx %s` leaves stdout empty',
    async (line) => {
      expect(await run(...line.split(' '))).toMatchObject({ exitCode: 1, stdout: '' });
    },
  );
});

it('a refused setting says where a login belongs', async () => {
  const { stderr } = await run('admin', 'network', 'set', 'index', 'https://me:pass-word@a.example/s');
  expect(stderr).toMatch(
    /^index was not stored: there is a login or a token in it\.\n {2}ktx stores no secrets\n {2}next {5}/,
  );
  expect(stderr).toContain('~/.netrc');
  expect(stderr).not.toContain('pass-word');
});

it('what the system refuses is no usage error: it has its own cause and remedies', async () => {
  const { io, printed } = capturedIo();
  const cwd = await temporaryFolder();
  const root = join(cwd, 'a-file');
  await writeFile(root, '');
  const argv = ['admin', 'network', 'set', 'index', 'https://a.example/s', '--json'];
  expect(await main(argv, io, { env: { KTX_RUNTIME_ROOT: root }, cwd, isStdinTty: false })).toBe(1);
  const { failure } = JSON.parse(printed.stdout);
  expect(failure).toMatchObject({ cause: 'file-in-the-way', failureClass: 'conflict' });
  expect(failure.nextSteps.join()).not.toContain('--help');
});
