import { readdir } from 'node:fs/promises';
import { beforeAll, expect, it } from 'vitest';
import type { SetupEvent } from '../../src/core/events.ts';
import { setupEventSchema } from '../../src/present/event-schema.ts';
import { type ProgramResult, plainEnvironment, runProgram } from '../fixtures/program.ts';
import { temporaryFolder, temporaryFolderForFile } from '../fixtures/temporary-folder.ts';

let home: string;
let first: ProgramResult;
let events: SetupEvent[];

const eventsOf = ({ stdout }: ProgramResult): SetupEvent[] =>
  stdout
    .trim()
    .split('\n')
    .slice(1)
    .map((line) => setupEventSchema.parse(JSON.parse(line)) as SetupEvent);

beforeAll(async () => {
  home = await temporaryFolderForFile();
  first = await runProgram(['setup', '--dry-run', '--json'], { env: plainEnvironment(home) });
  events = eventsOf(first);
});

it('a dry run prints the whole plan as data, without being asked for consent', () => {
  expect(first).toMatchObject({ exitCode: 0, stderr: '' });
  const last = events.at(-1)!;
  if (last.type !== 'dry-run') throw new Error(last.type);
  const { plan } = last;
  expect(plan.uv).toMatchObject({
    kind: 'fetch',
    artefact: { sha256: expect.stringMatching(/^[0-9a-f]{64}$/) },
  });
  expect(plan.locked!.wheels.length).toBeGreaterThan(5);
  expect(plan.environmentDir.startsWith(home)).toBe(true);
  const shown = events.find((event) => event.type === 'plan')!;
  expect(plan.hosts).toEqual(shown.plan.hosts);
});

it('it writes nothing, not even a folder', async () => {
  expect(await readdir(home)).toEqual([]);
});

it('without JSON it prints the plan as lines, and says that nothing was changed', async () => {
  const other = await temporaryFolder();
  const { exitCode, stdout } = await runProgram(['setup', '--dry-run'], { env: plainEnvironment(other) });
  expect(exitCode).toBe(0);
  expect(stdout).toContain('uv 0.');
  expect(stdout.trim().split('\n').at(-1)).toContain('This was a dry run: nothing was changed');
  expect(await readdir(other)).toEqual([]);
});

it('a plan that cannot be made is a failure with exit code 1', async () => {
  const { exitCode, stdout } = await runProgram(['setup', '--dry-run', '--json', '--uv', '/nowhere/uv'], {
    env: plainEnvironment(home),
  });
  expect(exitCode).toBe(1);
  expect(JSON.parse(stdout.trim().split('\n').at(-1)!)).toMatchObject({ type: 'failure' });
});
