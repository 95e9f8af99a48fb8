import { beforeEach, expect, it, vi } from 'vitest';
import { capturedIo } from '../fixtures/captured-io.ts';

const fake = vi.hoisted(() => ({ run: vi.fn(), resolve: vi.fn(), program: vi.fn() }));
vi.mock('../../src/cli/commands/setup-command.ts', () => ({ runSetupCommand: fake.run }));
vi.mock('../../src/cli/project-dir.ts', () => ({ resolveProjectDir: fake.resolve }));
vi.mock('../../src/cli/program.ts', () => ({ runProgram: fake.program }));
const { main } = await import('../../src/cli/main.ts');
const { parseSetupFlags } = await import('../../src/cli/commands/setup-flags.ts');

beforeEach(() => {
  for (const each of Object.values(fake)) each.mockReset().mockResolvedValue(5);
  fake.resolve.mockResolvedValue('/project');
});

it('the command alone takes the short way, with the screen that is there', async () => {
  const firstScreen = { close: vi.fn() };
  for (const deps of [{}, { firstScreen: firstScreen as never }]) {
    expect(await main(['setup'], capturedIo().io, deps)).toBe(5);
    const [flags, , given] = fake.run.mock.lastCall as [object, object, object];
    expect(flags).toEqual(parseSetupFlags({}, { cwd: process.cwd(), projectDir: '/project' }));
    expect(given).toEqual(deps);
  }
  expect(fake.resolve).toHaveBeenLastCalledWith({ flag: undefined, env: process.env, cwd: process.cwd() });
  expect(fake.program).not.toHaveBeenCalled();
  expect(firstScreen.close).not.toHaveBeenCalled();
});

it.each([[['setup', '--yes']], [['doctor']], [[]]])('%j takes the long way', async (argv) => {
  expect(await main(argv, capturedIo().io)).toBe(5);
  expect(fake.program.mock.lastCall![0]).toEqual(argv);
  expect(fake.run).not.toHaveBeenCalled();
});

it('and so does a program that brings something of its own', async () => {
  await main(['setup'], capturedIo().io, { env: {} });
  expect(fake.program.mock.lastCall![2]).toEqual({ env: {} });
});

it('a failure ends the screen, and is said', async () => {
  fake.resolve.mockRejectedValue(new Error('no such project'));
  const firstScreen = { close: vi.fn() };
  for (const deps of [{}, { firstScreen: firstScreen as never }]) {
    const { io, printed } = capturedIo();
    expect(await main(['setup'], io, deps)).toBe(1);
    expect(printed.stderr).toContain('no such project');
  }
  expect(firstScreen.close).toHaveBeenCalledOnce();
});
