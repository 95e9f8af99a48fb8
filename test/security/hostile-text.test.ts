import { Console } from 'node:console';
import { EventEmitter } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { main } from '../../src/cli/main.ts';
import {
  eventEmitter,
  type FailureReport,
  type SetupEvent,
  type SetupEventBody,
} from '../../src/core/events.ts';
import { createCommandSpinner } from '../../src/embed/command-spinner.ts';
import { harmlessIo } from '../../src/embed/harmless-io.ts';
import { describeFailure } from '../../src/failure/failure.ts';
import { openInstallLog } from '../../src/log/install-log.ts';
import { setupEventSchema } from '../../src/present/event-schema.ts';
import { mountApp } from '../../src/present/ink/mount.tsx';
import { runWizard } from '../../src/present/ink/run-wizard.tsx';
import { eventJson } from '../../src/present/json.ts';
import { createLinePresenter } from '../../src/present/lines.ts';
import { createLogStore } from '../../src/present/log-store.ts';
import { runPrompts } from '../../src/present/prompts.ts';
import { SetupError } from '../../src/support/errors.ts';
import { harmlessText } from '../../src/support/harmless.ts';
import { otherRemedy } from '../../src/support/remedies.ts';
import type { WizardFunctions } from '../../src/wizard/functions.ts';
import type { WizardState } from '../../src/wizard/state.ts';
import { capturedIo } from '../fixtures/captured-io.ts';
import {
  expectHarmless,
  expectHarmlessValue,
  HOSTILE,
  HOSTILE_PIECES,
  poisoned,
} from '../fixtures/hostile-text.ts';
import { valuesOf } from '../fixtures/schema-values.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';
import * as states from '../fixtures/wizard-states.ts';
import { DEMO_OVERVIEW, DEMO_PLAN } from '../pty/demo-data.ts';

// vitest puts a console of its own in place, without the constructor that Ink asks for.
console.Console ??= Console;

const hostileText = fc
  .array(fc.oneof(fc.constantFrom(...HOSTILE_PIECES), fc.string({ unit: 'binary' }), fc.constant('ok')), {
    minLength: 1,
    maxLength: 6,
  })
  .map((pieces) => pieces.join(''));
const hostileEvent = valuesOf(setupEventSchema, hostileText) as fc.Arbitrary<SetupEvent>;
const RUNS = { numRuns: 400 };

describe('every string of every event, whatever it holds, is shown and not obeyed', () => {
  it('as the library sends it', () => {
    fc.assert(
      fc.property(hostileEvent, ({ at: _, ...body }) => {
        eventEmitter(expectHarmlessValue)(body as SetupEventBody);
      }),
      RUNS,
    );
  });

  it('as a line of JSON, which still says the same', () => {
    fc.assert(
      fc.property(hostileEvent, (event) => {
        const { io, printed } = capturedIo();
        harmlessIo(io).stdout.write(eventJson(event));
        expectHarmless(printed.stdout);
        expect(printed.stdout.split('\n')).toHaveLength(2);
        expect(JSON.parse(printed.stdout)).toEqual(JSON.parse(JSON.stringify(event)));
      }),
      RUNS,
    );
  });

  it('as lines of a log', () => {
    fc.assert(
      fc.property(hostileEvent, (event) => {
        const { io, printed } = capturedIo();
        const output = harmlessIo(io).stdout;
        const presenter = createLinePresenter({ homeDir: '/home/ada' });
        for (const line of [...presenter.lines(event), ...presenter.heartbeat()]) output.write(`${line}\n`);
        expectHarmless(printed.stdout);
      }),
      RUNS,
    );
  });

  it('in install.log', async () => {
    const path = join(await temporaryFolder(), 'install.log');
    const log = await openInstallLog(path);
    await log.command(HOSTILE, [HOSTILE]);
    await log.lines([HOSTILE]);
    await log.maskedLines([HOSTILE]);
    await log.text(HOSTILE);
    await log.close();
    const text = readFileSync(path, 'utf8');
    expectHarmless(text);
    expect(text.split('\\u001b]52;c;')).toHaveLength(6);
  });

  it('in the log view, which may drop the colours of a child', () => {
    const store = createLogStore();
    store.append([HOSTILE]);
    store.flush();
    expectHarmlessValue(store.getSnapshot().lines);
  });
});

describe('errors', () => {
  const hostileError = () =>
    new SetupError(`cannot read ${HOSTILE}`, {
      failureClass: 'network',
      evidence: [HOSTILE, 'a fact\n  next     rm -rf ~'],
      remedies: [otherRemedy(HOSTILE, { argv: ['ktx', HOSTILE] })],
      cause: new Error(HOSTILE),
    });

  it('say nothing that a terminal obeys, and a fact begins no line of its own', () => {
    const { message, evidence, nextSteps, remedies } = hostileError();
    expectHarmlessValue([message, evidence, nextSteps, remedies]);
    expect(evidence[1]).not.toContain('\n');
  });

  it.each<[string, () => unknown]>([
    ['of ours', hostileError],
    ['of nobody', () => new Error(HOSTILE, { cause: new Error(HOSTILE) })],
    ['of the system', () => Object.assign(new Error(HOSTILE), { code: 'ENOSPC', path: HOSTILE })],
  ])('%s become a harmless report', (_, make) => {
    expectHarmlessValue(describeFailure(make(), { step: 'fetch', untouched: HOSTILE, logPath: HOSTILE }));
  });
});

/** What is left of a screen without what paints and places: Ink's own sequences, none of which the hostile text holds. */
function withoutInk(output: string): string {
  return output.replace(/\u001b\[(?:[0-9;]*[ABCDEFGHJKm]|\?(?:25|1049|2004|2026)[hl])|\r(?=\n)/g, '');
}

function fakeTerminal() {
  const stdin = Object.assign(new PassThrough(), {
    isTTY: true,
    isRaw: false,
    setRawMode(isRaw: boolean) {
      stdin.isRaw = isRaw;
      return stdin;
    },
    ref: () => stdin,
    unref: () => stdin,
  });
  const terminal = { written: '' };
  const changes = new EventEmitter();
  const stdout = Object.assign(new EventEmitter(), {
    columns: 120,
    rows: 60,
    isTTY: true,
    writable: true,
    write(data: string, whenDone?: () => void) {
      terminal.written += data;
      changes.emit('written');
      if (whenDone) queueMicrotask(whenDone);
      return true;
    },
  });
  const until = (text: string) =>
    new Promise<void>((resolve) => {
      const look = () => {
        if (terminal.written.includes(text)) resolve();
        else changes.once('written', look);
      };
      look();
    });
  const io = {
    stdin: stdin as unknown as NodeJS.ReadStream,
    stdout: stdout as unknown as NodeJS.WriteStream,
  };
  return { io, terminal, until };
}

describe('the screens', () => {
  // What each of them shows of the text at once; those that wait for something show none yet.
  it.each([
    ['features', states.features, '\\u001b'],
    ['ready', states.ready, '\\u001b'],
    ['plan', states.plan, '\\u001b'],
    ['installing', states.installing, '\u001b['],
    ['failure', states.failure, '\\u001b'],
    ['checking', states.checking, '\u001b['],
  ])('%s: no text of a state is obeyed', async (_, make, shown) => {
    const state = poisoned(make()) as WizardState;
    const { io, terminal, until } = fakeTerminal();
    const instance = mountApp(
      {
        wizard: { getSnapshot: () => state, subscribe: () => () => {}, dispatch: () => {} },
        logStore: createLogStore(),
        theme: { hasColour: true, homeDir: '/home/ada' },
        now: Date.now,
      },
      io,
    );
    await until(shown);
    instance.unmount();
    await instance.waitUntilExit();
    expectHarmless(withoutInk(terminal.written));
  });
});

const REPORT: FailureReport = {
  step: 'plan',
  failureClass: 'network',
  title: `T${HOSTILE}`,
  evidence: [HOSTILE],
  nextSteps: [HOSTILE],
  remedies: [otherRemedy(HOSTILE, { argv: ['ktx', HOSTILE] })],
  cause: HOSTILE,
  host: HOSTILE,
  untouched: HOSTILE,
  logPath: `/tmp/${HOSTILE}`,
};
const never = () => Promise.reject(new Error('not asked for in this test'));
const functions: WizardFunctions = {
  readOverview: async () => poisoned(DEMO_OVERVIEW),
  plan: () => Promise.reject(new Error(HOSTILE)),
  execute: never,
  discard: async () => {},
  runChecks: never,
  readUndoTarget: async () => null,
  undo: never,
  planRepair: never,
  repair: never,
  undoRepair: never,
  runPanel: never,
  reportFailure: async () => REPORT,
};
const setup = { cliVersion: '0.3.0', homeDir: '/home/ada', env: { LANG: 'C.UTF-8' } };

describe('the last words', () => {
  it('of the wizard', async () => {
    const { io, terminal, until } = fakeTerminal();
    const exitCode = runWizard({
      setup,
      functions: { ...functions, readOverview: functions.plan as never },
      io,
    });
    await until('\\u001b');
    io.stdin.emit('data', 'q');
    io.stdin.push('q');
    expect(await exitCode).toBe(1);
    expect(terminal.written).toContain('\\u001b]52');
    expectHarmless(withoutInk(terminal.written));
  });

  it('of the prompts, and their plan', async () => {
    const { io, terminal, until } = fakeTerminal();
    const summary = poisoned(DEMO_PLAN);
    const exitCode = runPrompts({
      setup,
      io,
      initialFeature: 'core',
      functions: {
        ...functions,
        plan: async ({ onEvent }) => {
          onEvent?.({
            at: '2026-01-02T03:04:05.678Z',
            type: 'note',
            step: 'plan',
            level: 'info',
            text: HOSTILE,
          });
          throw Object.assign(new Error(HOSTILE), { summary });
        },
      },
    });
    // The end of the input is a no to the remedies.
    await until('What next?');
    io.stdin.push(null);
    expect(await exitCode).toBe(1);
    expect(terminal.written).toContain('\\u001b]52');
    expectHarmless(terminal.written);
  });
});

it('a spinner paints, and the text in it does not', () => {
  for (const isTTY of [true, false]) {
    const { io, printed } = capturedIo({ isTTY });
    const spinner = createCommandSpinner(harmlessIo(io), { LANG: 'C.UTF-8' });
    spinner.start(HOSTILE);
    spinner.message(HOSTILE);
    spinner.stop(HOSTILE);
    spinner.error(HOSTILE);
    expect(printed.stdout + printed.stderr).toContain('\u001b[32m');
    expectHarmless((printed.stdout + printed.stderr).replace(/\r?\u001b\[(?:\d*m|K)/g, ''));
  }
});

describe('commands that read what others wrote', () => {
  async function hostilePlace() {
    const home = await temporaryFolder();
    const project = join(home, 'project');
    const root = join(home, 'root');
    const write = (path: string, text: string) => {
      mkdirSync(join(path, '..'), { recursive: true });
      writeFileSync(path, text);
    };
    write(
      join(project, 'ktx.yaml'),
      `connections:\n  ${JSON.stringify(HOSTILE.toWellFormed())}: { type: ${JSON.stringify(HOSTILE.toWellFormed())} }\n`,
    );
    const daemon = {
      schemaVersion: 1,
      pid: 999_999_999,
      host: '127.0.0.1',
      port: 8765,
      version: HOSTILE,
      features: ['core'],
      startedAt: HOSTILE,
      stdoutLog: HOSTILE,
      stderrLog: HOSTILE,
    };
    write(join(project, '.ktx', 'runtime', 'daemon.json'), JSON.stringify(daemon));
    write(
      join(root, '0.1.0', 'manifest.json'),
      JSON.stringify({ schemaVersion: 1, cliVersion: HOSTILE, features: [HOSTILE] }),
    );
    write(join(root, '0.1.0', 'install.log'), HOSTILE);
    write(
      join(root, 'uv', 'network.json'),
      JSON.stringify({ schemaVersion: 1, settings: { 'index-url': HOSTILE } }),
    );
    write(join(root, 'uv', 'runs', '1', 'journal.jsonl'), `${JSON.stringify({ pid: 1, path: HOSTILE })}\n`);
    return { home, project, root };
  }

  it.each([
    'admin runtime status',
    'admin runtime status --json',
    'admin runtime doctor',
    'admin runtime doctor --json',
    'admin runtime stop',
    'admin runtime stop --json',
    'admin runtime prune --dry-run',
    'admin runtime prune --dry-run --json',
    'admin runtime undo --yes',
    'admin runtime uninstall --dry-run',
    'admin network show',
    'admin network show --json',
    `admin network set ${HOSTILE} x`,
    `setup --yes --feature ${HOSTILE}`,
    `setup --yes --python ./${HOSTILE}`,
    `${HOSTILE} --json`,
    `--project-dir ./${HOSTILE} admin runtime status`,
  ])('ktx %j', async (line) => {
    const { home, project, root } = await hostilePlace();
    const kept = { ...process.env };
    Object.assign(process.env, { HOME: home, KTX_RUNTIME_ROOT: root });
    try {
      for (const isDebug of [false, true]) {
        const { io, printed } = capturedIo();
        const flags = line.includes('--project-dir') ? [] : ['--project-dir', project];
        await main([...flags, ...(isDebug ? ['--debug'] : []), ...line.split(' ')], io);
        expectHarmless(printed.stdout);
        expectHarmless(printed.stderr);
        expect(printed.stdout + printed.stderr).not.toBe('');
      }
    } finally {
      process.env = kept;
    }
  });
});

it('harmless text stays as it is, and nothing is escaped twice', () => {
  fc.assert(
    fc.property(hostileText, (text) => {
      const once = harmlessText(text);
      expectHarmless(once);
      expect(harmlessText(once)).toBe(once);
    }),
  );
  for (const text of ['', 'ктх', '漢字 👩‍💻 é', 'a\n\tb', 'العربية']) expect(harmlessText(text)).toBe(text);
});
