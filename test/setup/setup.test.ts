import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { SetupEvent } from '../../src/core/events.ts';
import { readLastFailure } from '../../src/log/failure-log.ts';
import type { ManagedPythonRuntimeExec } from '../../src/process/exec.ts';
import { dryRunSetup } from '../../src/setup/dry-run.ts';
import type { SetupOptions } from '../../src/setup/request/setup-options.ts';
import {
  discardPlan,
  emitFailure,
  executeSetup,
  planSetup,
  reportFailure,
  runSetup,
  withDefaults,
} from '../../src/setup/setup.ts';
import { CancelledError, SetupError } from '../../src/support/errors.ts';
import { managedUvPath } from '../../src/uv/acquire.ts';
import { writeForeignAsset } from '../fixtures/foreign-asset.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';

/** A machine whose uv leaves behind what the real one does; a command fails when it is told to. */
async function machine() {
  const root = await temporaryFolder();
  const runtimeRoot = join(root, 'runtime');
  const assetDir = join(root, 'assets');
  await writeForeignAsset(assetDir);
  const uvPath = managedUvPath({ runtimeRoot });
  await mkdir(dirname(uvPath), { recursive: true });
  await writeFile(uvPath, '', { mode: 0o755 });
  let fails: (command: string) => Error | null = () => null;
  const exec: ManagedPythonRuntimeExec = async (_uv, args) => {
    const error = fails(args[0]!);
    if (error) throw error;
    if (args[0] === 'venv') {
      await mkdir(join(args[3]!, 'bin'), { recursive: true });
      await writeFile(join(args[3]!, 'bin', 'python'), '');
    }
    if (args[0] === 'pip') await writeFile(join(dirname(args[3]!), 'ktx-daemon'), '');
    return { stdout: args[0] === '--version' ? 'uv 0.11.21\n' : '', stderr: '' };
  };
  const events: SetupEvent[] = [];
  const options = {
    cliVersion: '0.3.0',
    runtimeRoot,
    assetDir,
    homeDir: root,
    env: {},
    features: ['core'],
    exec,
    onEvent: (event: SetupEvent) => void events.push(event),
  } as SetupOptions;
  /** What was told since the last time, one word each. */
  const told = () =>
    events.splice(0).map((event) => {
      if (event.type === 'step') return `${event.step} ${event.status}`;
      return event.type === 'note' ? `note ${event.step}` : event.type;
    });
  return {
    root,
    runtimeRoot,
    options,
    events,
    told,
    failAt: (command: string, error: Error) => {
      fails = (each) => (each === command ? error : null);
    },
  };
}

const STEPS = ['fetch', 'python', 'packages', 'switch'].flatMap((step) => [
  `${step} started`,
  `${step} finished`,
]);
const PLANNED = ['plan started', 'plan', 'note plan', 'plan finished'];

describe('a setup', () => {
  it('plans, does it, and says what is there', async () => {
    const { options, events, told, runtimeRoot } = await machine();
    const result = await runSetup(options);
    expect(result).toEqual({
      status: 'installed',
      cliVersion: '0.3.0',
      features: ['core'],
      pythonPath: expect.stringMatching(/\/0\.3\.0\/envs\/[^/]+\/bin\/python$/),
      pythonLabel: expect.stringMatching(/^Python 3\.\d+ \(.*, managed by ktx\)$/),
      daemonPath: join(dirname(result.pythonPath), 'ktx-daemon'),
      manifestPath: join(runtimeRoot, '0.3.0', 'manifest.json'),
      logPath: join(runtimeRoot, '0.3.0', 'install.log'),
      durationMs: expect.any(Number),
      downloadedBytes: 0,
      egress: [],
    });
    expect(result.durationMs).toBeLessThan(60_000);
    const steps = events.flatMap((event) => (event.type === 'step' ? [event] : []));
    for (const { status, durationMs } of steps)
      expect(typeof durationMs).toBe(status === 'started' ? 'undefined' : 'number');
    expect(events.at(-1)).toMatchObject({ type: 'done', result });
    const words = told().filter((word) => word !== 'lines' && word !== 'uv');
    expect(words).toEqual([...PLANNED, ...STEPS, 'done']);
  });

  it('that has nothing to do says so, without a plan', async () => {
    const { options, told } = await machine();
    const first = await runSetup(options);
    told();
    const second = await runSetup(options);
    expect(second).toEqual({
      ...first,
      status: 'ready',
      pythonLabel: 'Python as installed',
      durationMs: expect.any(Number),
    });
    expect(told()).toEqual(['plan started', 'plan finished', 'done']);
    const planned = await planSetup(options);
    expect(planned).toEqual({ status: 'ready', result: { ...second, durationMs: expect.any(Number) } });
    expect(planned.status === 'ready' && planned.result.durationMs).toBeLessThan(60_000);
  });

  it('is planned first, and carried out as it was shown', async () => {
    const { options, told } = await machine();
    const shown = await planSetup(options);
    if (shown.status !== 'install') return expect.unreachable();
    expect(told()).toEqual([]);
    const result = await executeSetup(shown, options);
    expect(result).toMatchObject({ status: 'installed', features: ['core'], downloadedBytes: 0 });
    expect(result.durationMs).toBeLessThan(60_000);
    expect(told().filter((word) => word !== 'lines')).toEqual(STEPS);
  });

  it('that somebody else was quicker with is ready', async () => {
    const { options } = await machine();
    const shown = await planSetup(options);
    if (shown.status !== 'install') return expect.unreachable();
    await runSetup(options);
    expect(await executeSetup(shown, options)).toMatchObject({
      status: 'ready',
      pythonLabel: 'Python as installed',
    });
  });

  it('a plan that is not carried out is let go', async () => {
    const { options, runtimeRoot } = await machine();
    const shown = await planSetup(options);
    if (shown.status !== 'install') return expect.unreachable();
    await discardPlan(shown);
    expect(await readdir(runtimeRoot)).toEqual(['uv']);
    await expect(shown.tools.network.open()).rejects.toThrow(CancelledError);
  });
});

describe('a dry run', () => {
  it('gives the plan as data, and changes nothing', async () => {
    const { options, runtimeRoot, told, events } = await machine();
    const before = await readdir(runtimeRoot, { recursive: true });
    const plan = await dryRunSetup(options);
    expect(plan).toMatchObject({ cliVersion: '0.3.0', runtimeRoot, features: ['core'], locked: null });
    const finished = events.find((event) => event.type === 'step' && event.status === 'finished');
    expect(finished).toMatchObject({ step: 'plan', durationMs: expect.any(Number) });
    expect(events.at(-1)).toMatchObject({ type: 'dry-run', plan });
    expect(told()).toEqual([...PLANNED, 'dry-run']);
    expect(await readdir(runtimeRoot, { recursive: true })).toEqual(before);
  });

  it('of what is ready ends as it is', async () => {
    const { options, told, events } = await machine();
    await runSetup(options);
    told();
    expect(await dryRunSetup(options)).toBeNull();
    expect(events.at(-1)).toMatchObject({ type: 'done', result: { status: 'ready' } });
    expect(told()).toEqual(['plan started', 'plan finished', 'done']);
  });

  it('that fails says why, and keeps nothing of it', async () => {
    const { options, runtimeRoot, told, events, root } = await machine();
    await rm(join(root, 'assets'), { recursive: true });
    await expect(dryRunSetup(options)).rejects.toThrow();
    expect(events.at(-1)).toMatchObject({
      type: 'failure',
      failure: { step: 'plan', untouched: 'Nothing was changed.', logPath: null },
    });
    expect(told()).toEqual(['plan started', 'failure']);
    expect(await readLastFailure(runtimeRoot)).toBeNull();
  });
});

describe('a failure', () => {
  it('is told with its step and log, kept for a report, and thrown', async () => {
    const { options, runtimeRoot, failAt, told, events } = await machine();
    failAt('venv', new SetupError('The disk is full.', { failureClass: 'disk', evidence: ['0 B free'] }));
    await expect(runSetup(options)).rejects.toThrow();
    const last = events.at(-1);
    expect(last).toMatchObject({
      type: 'failure',
      failure: {
        step: 'packages',
        untouched: 'Nothing was changed.',
        logPath: join(runtimeRoot, '0.3.0', 'install.log'),
      },
    });
    expect(
      told()
        .filter((word) => word !== 'lines')
        .slice(4),
    ).toEqual([...STEPS.slice(0, 4), 'packages started', 'packages failed', 'failure']);
    const kept = await readLastFailure(runtimeRoot);
    expect(kept?.text).toMatch(/^ktx 0\.3\.0: setup of core failed at \S+, step packages\n/);
    expect(kept?.text).toContain('\nNetwork settings\n  ');
    expect(kept?.text).toMatch(/\n {2}[\w ]+: .* {3}\(from .*\)\n/);
    expect(kept?.text).toContain(`\nLog ${join(runtimeRoot, '0.3.0', 'install.log')}\n`);
  });

  it('names what works still, or did not before', async () => {
    const { options } = await machine();
    const result = await runSetup(options);
    const error = new Error('broken');
    expect((await reportFailure(error, options, 'fetch')).untouched).toBe(
      'Nothing was changed: ktx 0.3.0 (core) still works.',
    );
    await rm(result.pythonPath);
    expect((await reportFailure(error, options, 'fetch')).untouched).toMatch(
      /^Nothing was changed: ktx 0\.3\.0 \(core\) did not work before either\. \S/,
    );
  });

  it.each([
    [null, false],
    ['plan', false],
    ['fetch', true],
  ] as const)('in step %s has a log: %s', async (step, hasLog) => {
    const { options, runtimeRoot } = await machine();
    await runSetup(options);
    const { logPath } = await reportFailure(new Error('broken'), options, step);
    expect(logPath).toBe(hasLog ? join(runtimeRoot, '0.3.0', 'install.log') : null);
  });

  it('of a folder that can hold nothing is told, and nothing written', async () => {
    const { options, root } = await machine();
    const impossible = { ...options, runtimeRoot: join(root, 'a\nb') };
    const report = await reportFailure(new Error('broken'), impossible, 'fetch');
    expect(report).toMatchObject({ step: 'fetch', logPath: null, untouched: 'Nothing was changed.' });
    const long = join(root, 'x'.repeat(200), 'y'.repeat(200), 'z'.repeat(200));
    await reportFailure(new Error('broken'), { ...options, runtimeRoot: long }, null);
    expect((await readdir(root)).sort()).toEqual(['assets', 'runtime']);
  });

  it('that is a cancel is no failure', async () => {
    const { options, failAt, told, runtimeRoot } = await machine();
    failAt('pip', new CancelledError());
    const stop = new AbortController();
    await expect(runSetup({ ...options, signal: AbortSignal.abort() })).rejects.toThrow(CancelledError);
    expect(told()).not.toContain('failure');
    await expect(dryRunSetup({ ...options, signal: AbortSignal.abort() })).rejects.toThrow(CancelledError);
    expect(told()).not.toContain('failure');
    stop.abort();
    expect(await readLastFailure(runtimeRoot)).toBeNull();
  });

  it('can be told without being kept', async () => {
    const { options, runtimeRoot } = await machine();
    const bodies: unknown[] = [];
    await emitFailure((body) => void bodies.push(body), new Error('broken'), options, 'fetch');
    expect(bodies).toMatchObject([{ type: 'failure', failure: { step: 'fetch' } }]);
    expect(await readLastFailure(runtimeRoot)).toBeNull();
  });
});

it('environment and home are those of the process, unless others are given', () => {
  const base = { cliVersion: '0.3.0', features: ['core' as const] };
  const given = { ...base, env: { A: '1' }, homeDir: '/h' };
  expect(withDefaults(given)).toEqual(given);
  expect(withDefaults(base)).toEqual({ ...base, env: process.env, homeDir: expect.stringMatching(/^\//) });
});
