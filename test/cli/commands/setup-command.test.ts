import { describe, expect, it } from 'vitest';
import { runSetupCommand, type SetupCommandDeps } from '../../../src/cli/commands/setup-command.ts';
import { parseSetupFlags, type RawSetupFlags } from '../../../src/cli/commands/setup-flags.ts';
import { eventEmitter, type FailureReport, type SetupResult } from '../../../src/core/events.ts';
import { helloSchema, setupEventSchema } from '../../../src/present/event-schema.ts';
import type { SetupOptions } from '../../../src/setup/request/setup-options.ts';
import { SetupError } from '../../../src/support/errors.ts';
import { capturedIo } from '../../fixtures/captured-io.ts';

const RESULT: SetupResult = {
  status: 'installed',
  cliVersion: '0.3.0',
  features: ['core'],
  pythonPath: '/r/python',
  pythonLabel: 'Python 3.13.14',
  daemonPath: '/r/daemon',
  manifestPath: '/r/manifest.json',
  logPath: '/r/install.log',
  durationMs: 1500,
  downloadedBytes: 0,
  egress: [],
};

const FAILURE: FailureReport = {
  step: 'fetch',
  failureClass: 'network',
  title: 'numpy could not be fetched',
  evidence: [],
  nextSteps: [],
  untouched: 'Nothing was changed.',
  logPath: null,
};

async function run(raw: RawSetupFlags, deps: SetupCommandDeps = {}) {
  const { io, printed } = capturedIo();
  const seen: SetupOptions[] = [];
  const runSetup = async (options: SetupOptions) => {
    seen.push(options);
    const emit = eventEmitter(options.onEvent);
    emit({ type: 'step', step: 'packages', status: 'started' });
    emit({ type: 'lines', step: 'packages', stream: 'stderr', lines: ['Installed 15 packages ✓'] });
    emit({ type: 'done', result: RESULT });
  };
  const flags = parseSetupFlags(raw, { cwd: '/project', projectDir: '/project' });
  const exitCode = await runSetupCommand(flags, io, { runSetup, isStdinTty: false, env: {}, ...deps });
  return { exitCode, seen, ...printed };
}

const fail = (error: Error) => async (options: SetupOptions) => {
  eventEmitter(options.onEvent)({ type: 'failure', failure: FAILURE });
  throw error;
};

describe('ktx setup without questions', () => {
  it('--json prints NDJSON and nothing else: the hello line, then an event a line', async () => {
    const result = await run({ yes: true, json: true });
    expect(result).toMatchObject({ exitCode: 0, stderr: '' });
    const [hello, ...events] = result.stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(helloSchema.safeParse(hello).success).toBe(true);
    expect(events.map(({ type }) => type)).toEqual(['step', 'lines', 'done']);
    for (const event of events) expect(setupEventSchema.safeParse(event).success).toBe(true);
  });

  it('--yes prints lines, then the summary', async () => {
    const { exitCode, stdout, stderr } = await run({ yes: true });
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(stdout).toContain(
      '[packages] installing packages\n  Installed 15 packages ✓\n✓ ktx 0.3.0 is ready: core',
    );
  });

  it('in a locale without UTF-8 our glyphs are ASCII and the child’s text stays as it is', async () => {
    const { stdout } = await run({ yes: true }, { env: { LC_ALL: 'C' } });
    expect(stdout).toContain('  Installed 15 packages ✓\n* ktx 0.3.0 is ready: core');
  });

  it('hands the flags to the library, and leaves out what was not said', async () => {
    const { seen } = await run({ yes: true });
    expect(seen[0]).toMatchObject({ features: ['core'], isOffline: false });
    expect(seen[0]).not.toHaveProperty('runtimeRoot');
    expect(seen[0]).not.toHaveProperty('indexUrl');
    const { seen: all } = await run({
      yes: true,
      feature: 'local-embeddings',
      runtimeRoot: 'rt',
      indexUrl: 'https://a.example/',
      uv: '/u',
      force: true,
      ignoreDisk: true,
      offline: true,
      allowHost: ['b.example'],
    });
    expect(all[0]).toMatchObject({
      features: ['local-embeddings'],
      runtimeRoot: '/project/rt',
      indexUrl: 'https://a.example/',
      uvPath: '/u',
      shouldForce: true,
      shouldIgnoreDisk: true,
      isOffline: true,
      allowedHosts: ['b.example'],
    });
  });

  it('a failure goes to stderr once and exits 1', async () => {
    const error = new SetupError('numpy could not be fetched', { failureClass: 'network' });
    const lines = await run({ yes: true }, { runSetup: fail(error) });
    expect(lines).toMatchObject({ exitCode: 1, stdout: '' });
    expect(lines.stderr.match(/numpy could not be fetched/g)).toHaveLength(1);
    const json = await run({ yes: true, json: true }, { runSetup: fail(error) });
    expect(json).toMatchObject({ exitCode: 1, stderr: '' });
    expect(JSON.parse(json.stdout.split('\n')[1] ?? '')).toMatchObject({
      type: 'failure',
      failure: { failureClass: 'network' },
    });
  });

  it('a failure that no event told is told', async () => {
    const runSetup = () => Promise.reject(new Error('our fault'));
    expect(await run({ yes: true, json: true }, { runSetup })).toMatchObject({
      exitCode: 1,
      stderr: 'our fault\n',
    });
  });

  it('a missing choice is an error before anything is printed or done', async () => {
    const { io, printed } = capturedIo();
    const flags = parseSetupFlags({ json: true }, { cwd: '/', projectDir: '/' });
    const runSetup = () => Promise.reject(new Error('must not be called'));
    await expect(runSetupCommand(flags, io, { runSetup, isStdinTty: false, env: {} })).rejects.toThrow(
      'pass --yes',
    );
    expect(printed).toEqual({ stdout: '', stderr: '' });
  });
});

describe('ktx setup in a terminal', () => {
  it.each([
    [{}, 'wizard'],
    [{ plain: true }, 'prompts'],
  ] as const)('%j asks by %s', async (raw, mode) => {
    const { io } = capturedIo({ isTTY: true });
    const asked: string[] = [];
    const flags = parseSetupFlags(raw, { cwd: '/', projectDir: '/' });
    const runInteractive = async (chosen: string) => {
      asked.push(chosen);
      return 130;
    };
    expect(await runSetupCommand(flags, io, { runInteractive, isStdinTty: true, env: {} })).toBe(130);
    expect(asked).toEqual([mode]);
  });
});
