import { PassThrough } from 'node:stream';
import { describe, expect, it, onTestFinished, test, vi } from 'vitest';
import type { CheckResult, SetupEvent } from '../../src/core/events.ts';
import { runPrompts } from '../../src/present/prompts.ts';
import type { RunWizardOptions } from '../../src/present/wizard-options.ts';
import { CancelledError } from '../../src/support/errors.ts';
import * as remedies from '../../src/support/remedies.ts';
import { remedyText } from '../../src/support/remedy.ts';
import type { PlanOutcome, WizardFunctions } from '../../src/wizard/functions.ts';
import { REPORT, START_MS } from '../fixtures/wizard-states.ts';
import { DEMO_OVERVIEW, DEMO_PLAN, DEMO_RESULT } from '../pty/demo-data.ts';

const PASS = {
  id: 'a',
  group: 'Runtime',
  label: 'A',
  status: 'pass',
  detail: 'fine',
  durationMs: 1,
} as CheckResult;

type Setup = Parameters<WizardFunctions['plan']>[0];

/** A setup over plain lines: what it printed, what it called, and its exit code. */
function prompts(
  change: {
    functions?: Partial<WizardFunctions>;
    options?: Partial<RunWizardOptions>;
    answers?: string[];
    isReady?: boolean;
    env?: NodeJS.ProcessEnv;
  } = {},
) {
  const stdin = new PassThrough();
  const printed: string[] = [];
  const calls: string[] = [];
  const setups: Setup[] = [];
  const note = (name: string) => (setup: Setup) => {
    calls.push(name);
    setups.push(setup);
  };
  const answers = [...(change.answers ?? [])];
  const install: PlanOutcome = { status: 'install', summary: DEMO_PLAN };
  const functions = {
    readOverview: async (setup: Setup) => {
      note('overview')(setup);
      return DEMO_OVERVIEW;
    },
    plan: async (setup: Setup) => {
      note(`plan ${setup.features.join(' ')}`)(setup);
      return change.isReady ? ({ status: 'ready', result: DEMO_RESULT } as PlanOutcome) : install;
    },
    execute: async (plan: PlanOutcome, setup: Setup) => {
      expect(plan).toBe(install);
      note('execute')(setup);
      return DEMO_RESULT;
    },
    discard: async (plan: PlanOutcome) => {
      expect(plan).toBe(install);
      calls.push('discard');
    },
    runChecks: async (_setup: Setup, run: { costs: readonly string[]; isProven: boolean }) => {
      calls.push(`check ${run.costs.length} ${run.isProven}`);
      return [PASS];
    },
    reportFailure: async (_error: unknown, _setup: Setup, step: string | null) => ({
      ...REPORT,
      step: step as never,
    }),
    ...change.functions,
  } as unknown as WizardFunctions;
  const stdout = {
    write: (text: string) => {
      printed.push(text);
      // Each question takes the next answer; without one the input ends.
      if (!text.endsWith('\n'))
        setImmediate(() => (answers.length > 0 ? stdin.write(`${answers.shift()}\n`) : stdin.end()));
      return true;
    },
  };
  const exitCode = runPrompts({
    setup: { cliVersion: '0.3.0', env: { LANG: 'C.UTF-8', ...change.env }, homeDir: '/home/ada' },
    functions,
    io: { stdin: stdin as never, stdout: stdout as never },
    ...change.options,
  });
  return { exitCode, printed, calls, setups, text: () => printed.join('') };
}

it('asks what to install and whether to, does it, and looks at the result', async () => {
  const run = prompts({ answers: ['2', 'yes'] });
  expect(await run.exitCode).toBe(0);
  expect(run.calls).toEqual(['overview', 'plan local-embeddings', 'execute', 'check 0 true']);
  expect(run.text()).toContain('What should ktx be able to do on this machine?\n');
  expect(run.text()).toContain(
    '  1  Core: SQL analysis and parsing for your projects, about 27 MB to download\n' +
      '  2  Core + local embeddings: also embeds text here: private, no API key, about 163 MB to download\n',
  );
  expect(run.text()).toContain('Number, then Enter [1]: ');
  expect(run.text()).toContain('Install this? Type yes, no, details or back, then Enter: ');
  expect(run.text()).toMatch(/1 of 1 checks passed[\s\S]*ktx 0\.3\.0 is ready/);
  expect(run.text()).not.toContain('PASS');
  // Every call gets the signal and the listener.
  for (const setup of run.setups)
    expect([setup.signal?.aborted, typeof setup.onEvent]).toEqual([false, 'function']);
});

test.each([
  ['an empty line is the first answer', ['', 'y'], 'plan core'],
  [
    'what is none is asked again',
    ['0', '3', '1.5', 'two', ' 2 ', 'maybe', '', 'YES'],
    'plan local-embeddings',
  ],
])('%s', async (_, answers, plan) => {
  const run = prompts({ answers });
  expect(await run.exitCode).toBe(0);
  expect(run.calls).toContain(plan);
  const asked = run.printed.filter((text) => !text.endsWith('\n'));
  expect(asked).toHaveLength(answers.length);
});

test('a chosen feature is not asked for', async () => {
  const run = prompts({ answers: ['yes'], options: { initialFeature: 'local-embeddings' } });
  expect(await run.exitCode).toBe(0);
  expect(run.calls[1]).toBe('plan local-embeddings');
  expect(run.setups[0]?.features).toEqual(['local-embeddings']);
  expect(run.text()).not.toContain('What should');
});

test('neither is the only one that this machine can have', async () => {
  const [core] = DEMO_OVERVIEW.offers;
  const readOverview = async () => ({ ...DEMO_OVERVIEW, offers: [{ ...core!, downloadBytes: null }] });
  const run = prompts({ answers: ['yes'], functions: { readOverview } });
  expect(await run.exitCode).toBe(0);
  expect(run.calls[0]).toBe('plan core');
  expect(run.text()).not.toContain('What should');
});

test('an unknown size is left out of an answer', async () => {
  const offers = DEMO_OVERVIEW.offers.map((offer) => ({ ...offer, downloadBytes: null }));
  const run = prompts({
    answers: ['1', 'yes'],
    functions: { readOverview: async () => ({ ...DEMO_OVERVIEW, offers }) },
  });
  await run.exitCode;
  expect(run.text()).toContain('  1  Core: SQL analysis and parsing for your projects\n');
});

test('a runtime that is ready is only looked at', async () => {
  const run = prompts({ answers: ['1'], isReady: true });
  expect(await run.exitCode).toBe(0);
  expect(run.calls).toEqual(['overview', 'plan core', 'check 0 false']);
  expect(run.text()).not.toContain('Install this?');
});

test('a failed check is the exit code', async () => {
  const failed = { ...PASS, status: 'fail' } as CheckResult;
  const run = prompts({ answers: ['1', 'yes'], functions: { runChecks: async () => [PASS, failed] } });
  expect(await run.exitCode).toBe(1);
});

test.each([
  ['no to the plan', ['1', 'no'], ['overview', 'plan core', 'discard']],
  ['n to the plan', ['1', 'N'], ['overview', 'plan core', 'discard']],
  ['the end of the input at the plan', ['1'], ['overview', 'plan core', 'discard']],
  ['the end of the input at the choice', [], ['overview']],
])('%s changes nothing, and is no error', async (_, answers, calls) => {
  const run = prompts({ answers });
  expect(await run.exitCode).toBe(0);
  expect(run.calls).toEqual(calls);
  expect(run.text()).toMatch(/Setup cancelled\. Nothing was changed\.\n$/);
});

test.each(['readOverview', 'plan', 'execute'] as const)(
  'cancelled while %s is at work: 130',
  async (name) => {
    const run = prompts({
      answers: ['1', 'yes'],
      functions: { [name]: async () => Promise.reject(new CancelledError()) },
    });
    expect(await run.exitCode).toBe(130);
    expect(run.text()).toMatch(/Setup cancelled\. Nothing was changed\.\n$/);
    // A plan that is being carried out is not discarded a second time.
    expect(run.calls).not.toContain('discard');
  },
);

test.each([
  ['SIGINT', 0],
  ['SIGTERM', 130],
  ['SIGHUP', 130],
] as const)('%s at a question ends with %i', async (name, exitCode) => {
  const before = process.listenerCount('SIGINT');
  const readOverview = async () => {
    setImmediate(() => process.emit(name));
    return DEMO_OVERVIEW;
  };
  const stdin = new PassThrough();
  const run = prompts({
    functions: { readOverview },
    options: { io: { stdin: stdin as never, stdout: { write: () => true } as never } },
  });
  expect(await run.exitCode).toBe(exitCode);
  expect(process.listenerCount('SIGINT')).toBe(before);
});

test('a failure is told with the step that it happened in', async () => {
  const told: unknown[] = [];
  const execute: WizardFunctions['execute'] = async (_plan, setup) => {
    const at = new Date(START_MS).toISOString();
    for (const step of ['fetch', 'packages'] as const)
      setup.onEvent?.({ at, type: 'step', step, status: 'started' } as SetupEvent);
    setup.onEvent?.({ at, type: 'step', step: 'fetch', status: 'finished', durationMs: 1 } as SetupEvent);
    throw new Error('broken');
  };
  const reportFailure: WizardFunctions['reportFailure'] = async (error, setup, step) => {
    told.push((error as Error).message, setup.features, step);
    return REPORT;
  };
  const run = prompts({ answers: ['1', 'yes'], functions: { execute, reportFailure } });
  expect(await run.exitCode).toBe(1);
  expect(told).toEqual(['broken', ['core'], 'packages']);
  expect(run.text()).toContain('numpy could not be fetched');
  expect(run.calls).not.toContain('discard');
});

test('a terminal without UTF-8 is written to in ASCII', async () => {
  const run = prompts({ answers: ['1', 'yes'], env: { LANG: 'C', LC_ALL: 'C' } });
  await run.exitCode;
  expect(run.text()).toMatch(/^[\n -~]*$/);
});

test('says every thirty seconds that it is still at work, and no more once it has ended', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  onTestFinished(() => void vi.useRealTimers());
  const counts: number[] = [];
  const execute: WizardFunctions['execute'] = async (_plan, setup) => {
    setup.onEvent?.({
      at: new Date(START_MS).toISOString(),
      type: 'step',
      step: 'fetch',
      status: 'started',
    } as SetupEvent);
    for (const ms of [29_999, 1]) {
      vi.advanceTimersByTime(ms);
      counts.push(run.printed.length);
    }
    return DEMO_RESULT;
  };
  const run = prompts({ answers: ['1', 'yes'], functions: { execute } });
  await run.exitCode;
  expect(counts[1]).toBeGreaterThan(counts[0]!);
  expect(vi.getTimerCount()).toBe(0);
});

describe('a plan that is asked for', () => {
  const network = async () => ({ type: 'page-read' as const, lines: ['a setting: none'] });

  it('shows its details, and leads back to the choice', async () => {
    const run = prompts({ answers: ['1', 'details', 'back', '2', 'yes'], functions: { runPanel: network } });
    expect(await run.exitCode).toBe(0);
    expect(run.calls).toEqual([
      'overview',
      'plan core',
      'discard',
      'plan local-embeddings',
      'execute',
      'check 0 true',
    ]);
    expect(run.printed.filter((text) => text === '  a setting: none\n')).toHaveLength(1);
  });

  it('leads back to nothing where there was no choice', async () => {
    const run = prompts({ answers: ['back', 'yes'], options: { initialFeature: 'core' } });
    expect(await run.exitCode).toBe(0);
    expect(run.text()).toContain('"back" is not one of the answers.\n');
    expect(run.text()).toContain('Install this? Type yes, no or details, then Enter: ');
    expect(run.calls).toEqual(['overview', 'plan core', 'execute', 'check 0 true']);
  });

  it('prints no page that is none', async () => {
    const run = prompts({
      answers: ['1', 'details', 'no'],
      functions: { runPanel: async () => ({ type: 'host-unknown' }) },
    });
    expect(await run.exitCode).toBe(0);
    expect(run.text()).not.toContain('setting');
    expect(run.calls).toEqual(['overview', 'plan core', 'discard']);
  });
});

describe('after a failure', () => {
  const USE = remedies.USE_SYSTEM_PYTHON;
  const failing = (times: number, report = { ...REPORT, remedies: [USE], nextSteps: [remedyText(USE)] }) => {
    const steps: (string | null)[] = [];
    const functions: Partial<WizardFunctions> = {
      execute: async (_plan, setup) => {
        if (times-- <= 0) return DEMO_RESULT;
        setup.onEvent?.({
          at: new Date(START_MS).toISOString(),
          type: 'step',
          step: 'fetch',
          status: 'started',
        } as SetupEvent);
        throw new Error('broken');
      },
      reportFailure: async (_error, _setup, step) => {
        steps.push(step);
        return report;
      },
    };
    return { functions, steps };
  };

  it('another try asks for the plan again, with what was chosen', async () => {
    const { functions } = failing(1);
    const run = prompts({ answers: ['2', 'yes', '2', 'yes'], functions });
    expect(await run.exitCode).toBe(0);
    expect(run.calls).toEqual([
      ...['overview', 'plan local-embeddings', 'overview', 'plan local-embeddings', 'check 0 true'],
    ]);
    expect(run.setups.at(-1)).not.toHaveProperty('python');
  });

  it('a remedy is part of the next attempt, and of the one after it', async () => {
    const { functions, steps } = failing(2);
    const run = prompts({ answers: ['1', 'yes', '1', 'yes', '2', 'yes'], functions });
    expect(await run.exitCode).toBe(0);
    expect(run.setups.map(({ python }) => python ?? null)).toEqual([
      null,
      null,
      'system',
      'system',
      'system',
      'system',
    ]);
    expect(steps).toEqual(['fetch', 'fetch']);
  });

  it('a plan that fails next time is not blamed on the step before', async () => {
    const { functions, steps } = failing(1);
    let count = 0;
    const plan: WizardFunctions['plan'] = async () => {
      if (++count > 1) throw new Error('no host');
      return { status: 'install', summary: DEMO_PLAN };
    };
    const run = prompts({ answers: ['1', 'yes', '1', '3'], functions: { ...functions, plan } });
    expect(await run.exitCode).toBe(1);
    expect(steps).toEqual(['fetch', null]);
  });

  it.each([
    ['it is quit', ['3']],
    ['the input ends', []],
  ])('%s: 1', async (_what, answers) => {
    const { functions } = failing(1);
    const run = prompts({ answers: ['1', 'yes', ...answers], functions });
    expect(await run.exitCode).toBe(1);
    expect(run.text()).not.toContain('Setup cancelled');
  });

  it('a stop from outside at the question: 130', async () => {
    const { functions } = failing(1);
    const report = { ...REPORT, remedies: [remedies.CHOOSE_CA_FILE], nextSteps: [] };
    const run = prompts({
      answers: ['1', 'yes', '1', '/ca'],
      functions: {
        ...functions,
        reportFailure: async () => report,
        runPanel: async () => {
          process.emit('SIGTERM');
          throw new CancelledError();
        },
      },
    });
    expect(await run.exitCode).toBe(130);
  });
});

it('says which checks did not pass, and how many were skipped', async () => {
  const checks = [
    PASS,
    { ...PASS, id: 'b', label: 'B', status: 'warn', detail: 'odd' },
    { ...PASS, id: 'c', label: 'C', status: 'skipped', detail: 'not installed' },
  ] as CheckResult[];
  const run = prompts({ answers: ['1', 'yes'], functions: { runChecks: async () => checks } });
  expect(await run.exitCode).toBe(0);
  expect(run.text()).toContain('1 of 3 checks passed, 1 skipped. To list them: ktx doctor\n');
  expect(run.text()).toMatch(/B.*odd/);
  expect(run.text()).not.toContain('not installed');
  const none = prompts({ answers: ['1', 'yes'], functions: { runChecks: async () => [] } });
  await none.exitCode;
  expect(none.text()).not.toContain('checks passed');
});

it('checks that cannot be run do not hide what was installed', async () => {
  const runChecks = () => Promise.reject(new Error('no doctor'));
  const run = prompts({ answers: ['1', 'yes', '2'], functions: { runChecks } });
  expect(await run.exitCode).toBe(1);
  expect(run.text()).toMatch(/ktx 0\.3\.0 is ready[\s\S]*numpy could not be fetched/);
});
