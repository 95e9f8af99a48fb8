import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { runSetupCommand, setupOptions } from '../../../src/cli/commands/setup-command.ts';
import { parseSetupFlags, type RawSetupFlags } from '../../../src/cli/commands/setup-flags.ts';
import { programVersion } from '../../../src/core/program-version.ts';
import type { RunWizardOptions } from '../../../src/present/wizard-options.ts';
import type { PlanOutcome, WizardFunctions } from '../../../src/wizard/functions.ts';
import { capturedIo } from '../../fixtures/captured-io.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';

/** Each function of the library answers with its name and what it was given. */
const { told, fake } = vi.hoisted(() => ({
  told:
    (name: string) =>
    async (...args: unknown[]) => ({ name, args }),
  fake: { wizard: vi.fn(), prompts: vi.fn() },
}));
vi.mock('../../../src/present/ink/run-wizard.tsx', () => ({ runWizard: fake.wizard }));
vi.mock('../../../src/present/prompts.ts', () => ({ runPrompts: fake.prompts }));
vi.mock('../../../src/setup/overview.ts', () => ({ readSetupOverview: told('overview') }));
vi.mock('../../../src/setup/setup.ts', () => ({
  planSetup: told('plan'),
  executeSetup: told('execute'),
  discardPlan: told('discard'),
  reportFailure: told('report'),
}));
vi.mock('../../../src/cli/panels/doctor.ts', () => ({
  runChecks: told('checks'),
  planRepair: told('plan-repair'),
  repair: told('repair'),
  undoRepair: told('undo-repair'),
}));
vi.mock('../../../src/lifecycle/undo.ts', () => ({
  readUndoTarget: told('target'),
  undoManagedPythonRuntime: told('undo'),
}));
vi.mock('../../../src/cli/panels/run-panel.ts', () => ({ runPanel: told('panel') }));

let projectDir: string;
beforeEach(async () => {
  projectDir = await temporaryFolder();
  fake.wizard.mockReset().mockResolvedValue(3);
  fake.prompts.mockReset().mockResolvedValue(4);
});

async function run(raw: RawSetupFlags, firstScreen?: { close(): void }) {
  const { io } = capturedIo({ isTTY: true });
  const flags = parseSetupFlags(raw, { cwd: '/cwd', projectDir });
  const exitCode = await runSetupCommand(flags, io, {
    isStdinTty: true,
    env: { TERM: 'xterm-256color', LANG: 'C.UTF-8' },
    ...(firstScreen && { firstScreen: firstScreen as never }),
  });
  const call = fake.wizard.mock.lastCall ?? fake.prompts.mock.lastCall;
  return { exitCode, options: call![0] as RunWizardOptions<PlanOutcome> };
}

describe('ktx setup with a person', () => {
  it('is the wizard, with the screen that is there already', async () => {
    const firstScreen = { close: vi.fn() };
    const { exitCode, options } = await run({}, firstScreen);
    expect(exitCode).toBe(3);
    expect(firstScreen.close).not.toHaveBeenCalled();
    expect(Object.keys(options).sort()).toEqual(['firstScreen', 'functions', 'hasProject', 'setup']);
    expect(options).toMatchObject({
      firstScreen,
      hasProject: false,
      setup: { cliVersion: programVersion() },
    });
  });

  it('asks in lines with --plain, after the first screen has closed', async () => {
    const firstScreen = { close: vi.fn() };
    const { exitCode, options } = await run({ plain: true }, firstScreen);
    expect(exitCode).toBe(4);
    expect(firstScreen.close).toHaveBeenCalledOnce();
    expect(options).not.toHaveProperty('initialFeature');
  });

  it.each([
    ['ingest:\n  embeddings:\n    backend: sentence-transformers\n', 'local-embeddings'],
    ['name: x\n', undefined],
  ])('preselects what the project needs, and says why: %j', async (text, feature) => {
    await writeFile(join(projectDir, 'ktx.yaml'), text);
    const { options } = await run({});
    expect([options.hasProject, options.initialFeature]).toEqual([true, feature]);
    if (feature === undefined) expect(options.featureReason).toBeUndefined();
    else expect(options.featureReason).toMatch(/[^.]$/);
  });

  it('takes a feature that was asked for without a reason', async () => {
    await writeFile(
      join(projectDir, 'ktx.yaml'),
      'ingest:\n  embeddings:\n    backend: sentence-transformers\n',
    );
    const { options } = await run({ feature: 'core' });
    expect([options.initialFeature, options.featureReason]).toEqual(['core', undefined]);
  });

  it.each<[keyof WizardFunctions, string, unknown[], boolean]>([
    ['readOverview', 'overview', [{ a: 1 }], false],
    ['plan', 'plan', [{ a: 1 }], false],
    ['execute', 'execute', [{ plan: 1 }, { a: 1 }], false],
    ['discard', 'discard', [{ plan: 1 }], false],
    ['runChecks', 'checks', [{ a: 1 }, { costs: [] }], true],
    ['planRepair', 'plan-repair', [[1], { a: 1 }], true],
    ['repair', 'repair', [{ a: 1 }, { costs: [] }], true],
    ['undoRepair', 'undo-repair', [{ a: 1 }], true],
    ['readUndoTarget', 'target', [{ a: 1 }], false],
    ['undo', 'undo', [{ a: 1 }], false],
    ['runPanel', 'panel', [{ type: 'prune' }, { a: 1 }], true],
    ['reportFailure', 'report', ['error', { a: 1 }, 'plan'], false],
  ])('%s is %s of the library', async (name, answer, args, hasPlace) => {
    const { options } = await run({});
    const call = options.functions[name] as (...args: unknown[]) => Promise<unknown>;
    const place = hasPlace ? [{ projectDir, cwd: process.cwd() }] : [];
    expect(await call(...args)).toEqual({ name: answer, args: [...args, ...place] });
  });
});

describe('the options of a setup', () => {
  const options = (raw: RawSetupFlags) =>
    setupOptions(parseSetupFlags(raw, { cwd: '/cwd', projectDir: '/project' }));
  const common = {
    cliVersion: programVersion(),
    features: ['core'],
    isOffline: false,
    allowedHosts: [],
    shouldIgnoreDisk: false,
    shouldForce: false,
  };

  it('are the defaults of the library without flags', () => {
    expect(options({})).toEqual(common);
  });

  it.each<[RawSetupFlags, object]>([
    [{ feature: 'local-embeddings' }, { features: ['local-embeddings'] }],
    [{ force: true }, { shouldForce: true }],
    [{ offline: true }, { isOffline: true }],
    [{ python: 'system' }, { python: 'system' }],
    [{ uv: 'tools/uv' }, { uvPath: '/cwd/tools/uv' }],
    [{ indexUrl: 'https://i.example/simple' }, { indexUrl: 'https://i.example/simple' }],
    [{ allowHost: ['a.example', 'b.example'] }, { allowedHosts: ['a.example', 'b.example'] }],
    [{ ignoreDisk: true }, { shouldIgnoreDisk: true }],
    [{ runtimeRoot: 'root' }, { runtimeRoot: '/cwd/root' }],
    [
      { bundle: 'b.ktx', trust: 'signers', requireSignature: true },
      { bundle: { path: '/cwd/b.ktx', isSignatureRequired: true, trustFile: '/cwd/signers' } },
    ],
    [{ bundle: 'b.ktx' }, { bundle: { path: '/cwd/b.ktx', isSignatureRequired: false } }],
  ])('%j', (raw, changed) => {
    expect(options(raw)).toEqual({ ...common, ...changed });
  });
});
