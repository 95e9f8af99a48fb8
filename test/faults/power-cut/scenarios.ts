import { CLI_VERSION, type Program, type World } from '../../fixtures/fault-world.ts';

export const CUT_SCENARIOS = ['first install', 'update', 'repair', 'undo', 'prune', 'uninstall'] as const;
export type CutScenario = (typeof CUT_SCENARIOS)[number];

export const OLD_VERSION = '0.2.0';

/** What a run starts from: scenarios with the same one share a disk that was prepared once. */
export const STARTS_FROM: Record<CutScenario, 'nothing' | 'a runtime' | 'two runs' | 'two versions'> = {
  'first install': 'nothing',
  update: 'a runtime',
  repair: 'a runtime',
  undo: 'two runs',
  prune: 'two versions',
  uninstall: 'two versions',
};

/** A run on a machine that does nothing else; random instants lie within it, and some after its end. */
export const RUN_MS: Record<CutScenario, number> = {
  'first install': 3000,
  update: 3000,
  repair: 3000,
  undo: 1500,
  prune: 400,
  uninstall: 600,
};

export interface CutScenarioRun {
  /** Makes the state that the run starts from. */
  prepare: Program[];
  run: Program;
  /** What is run on the image; the last is a setup. */
  next: Program[];
}

export function scenarioOf(world: World, scenario: CutScenario): CutScenarioRun {
  const place = { cliVersion: CLI_VERSION, runtimeRoot: world.runtimeRoot };
  const setup = (change: object = {}): Program => ({ name: 'runSetup', options: world.options(change) });
  const prune: Program = { name: 'pruneManagedPythonRuntimes', options: place };
  const undo: Program = { name: 'undoManagedPythonRuntime', options: place };
  const uninstall: Program = { name: 'uninstallManagedPythonRuntimes', options: place };
  const newer = setup({ assetDir: world.assets[1] });
  const older = setup({ cliVersion: OLD_VERSION });
  switch (scenario) {
    case 'first install':
      return { prepare: [], run: setup(), next: [setup()] };
    case 'update':
      return { prepare: [setup()], run: newer, next: [newer] };
    case 'repair':
      return { prepare: [setup()], run: setup({ shouldForce: true }), next: [setup()] };
    case 'undo':
      return { prepare: [setup(), newer], run: undo, next: [newer] };
    case 'prune':
      return { prepare: [older, setup()], run: prune, next: [prune, setup()] };
    case 'uninstall':
      return { prepare: [older, setup()], run: uninstall, next: [uninstall, setup()] };
  }
}
