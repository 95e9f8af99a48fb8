import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { capturedIo } from '../fixtures/captured-io.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';

/** Which command ran, and with what; each ends with a code of its own. */
const fake = vi.hoisted(() => ({ calls: [] as { name: string; args: unknown; deps: object }[] }));
const runner = vi.hoisted(() => (name: string, code: number) => ({
  [name]: async (args: unknown, _io: unknown, deps: object) => {
    fake.calls.push({ name, args, deps });
    return code;
  },
}));
vi.mock('../../src/cli/commands/setup-command.ts', () => runner('runSetupCommand', 11));
vi.mock('../../src/cli/commands/doctor-command.ts', () => runner('runDoctorCommand', 12));
vi.mock('../../src/cli/commands/lifecycle-command.ts', () => runner('runLifecycleCommand', 13));
vi.mock('../../src/cli/commands/records-command.ts', () => runner('runRecordsCommand', 14));
vi.mock('../../src/cli/commands/network-command.ts', () => runner('runNetworkCommand', 15));
vi.mock('../../src/cli/commands/bundle-command.ts', () => runner('runBundleCommand', 16));
vi.mock('../../src/cli/commands/embed-command.ts', () => runner('runEmbedCommand', 17));
vi.mock('../../src/cli/commands/model-host-command.ts', () => runner('runModelHostCommand', 18));
vi.mock('../../src/cli/commands/runtime-command.ts', () => runner('runKtxRuntime', 19));
const install = vi.hoisted(() => ({ install: vi.fn(), start: vi.fn() }));
vi.mock('../../src/embed/install.ts', () => ({ installManagedPythonRuntime: install.install }));
vi.mock('../../src/embed/start-daemon.ts', () => ({ startManagedPythonDaemon: install.start }));
const { main } = await import('../../src/cli/main.ts');

let cwd: string;
beforeEach(async () => {
  cwd = await temporaryFolder();
  fake.calls.length = 0;
});
afterEach(() => vi.restoreAllMocks());

async function run(line: string) {
  const { io, printed } = capturedIo();
  const exitCode = await main(line.split(' '), io, { env: { A: '1' }, cwd });
  expect(printed.stderr).toBe('');
  expect(fake.calls).toHaveLength(1);
  return { exitCode, ...fake.calls[0]! };
}

const SIGNAL = expect.any(AbortSignal);
/** What each command line runs, and what that gets beside its arguments; `cwd` and `project` are folders. */
const LINES: [line: string, name: string, exitCode: number, deps: (cwd: string) => object][] = [
  ['setup --yes', 'runSetupCommand', 11, () => ({})],
  ['doctor', 'runDoctorCommand', 12, (project) => ({ env: { A: '1' }, projectDir: project, signal: SIGNAL })],
  ['admin runtime undo', 'runLifecycleCommand', 13, () => ({ signal: SIGNAL })],
  ['admin runtime uninstall', 'runLifecycleCommand', 13, () => ({ signal: SIGNAL })],
  ['admin runtime history', 'runRecordsCommand', 14, () => ({})],
  ['admin network show', 'runNetworkCommand', 15, (folder) => ({ env: { A: '1' }, cwd: folder })],
  ['bundle inspect x', 'runBundleCommand', 16, (folder) => ({ env: { A: '1' }, cwd: folder })],
  ['embed x --output y', 'runEmbedCommand', 17, (folder) => ({ cwd: folder, projectDir: folder })],
  [
    'admin model-host diff --config x',
    'runModelHostCommand',
    18,
    (folder) => ({ cwd: folder, projectDir: folder }),
  ],
  ['admin runtime status', 'runKtxRuntime', 19, () => ({})],
  ['admin runtime stop', 'runKtxRuntime', 19, () => ({})],
];

it.each(LINES)('`ktx %s` runs %s, and ends with its code', async (line, name, exitCode, deps) => {
  const ran = await run(line);
  expect([ran.name, ran.exitCode]).toEqual([name, exitCode]);
  const { isDebug, isStdinTty: _, ...given } = ran.deps as { isDebug?: boolean; isStdinTty?: boolean };
  expect(given).toEqual(deps(cwd));
  expect(isDebug).toBeUndefined();
});

it.each(LINES.filter(([, name]) => !/Embed|ModelHost/.test(name)))(
  '`ktx --debug %s` says so to the command',
  async (line) => {
    expect((await run(`--debug ${line}`)).deps).toMatchObject({ isDebug: true });
  },
);

describe('a command that installs', () => {
  it.each([
    ['admin runtime install --yes', 'installRuntime', 'install'],
    ['admin runtime start', 'startDaemon', 'start'],
  ] as const)(
    '`ktx %s` ends its children on a signal, and says whom it waits for',
    async (line, name, called) => {
      install[called].mockReset().mockResolvedValue('done');
      const { exitCode, deps } = await run(line);
      expect(exitCode).toBe(19);
      const call = (deps as Record<string, (options: object) => Promise<unknown>>)[name]!;
      expect(await call({ features: ['core'] })).toBe('done');
      expect(install[called]).toHaveBeenCalledWith({
        features: ['core'],
        signal: SIGNAL,
        note: expect.any(Function),
      });
    },
  );

  it('the others may be killed: they get neither', async () => {
    expect((await run('admin runtime prune --yes')).deps).toEqual({ isDebug: undefined });
  });
});
