// The wizard on scripted effects: what a library would do, told by `DEMO_SCENARIO`, stopped at named gates until the
// test opens them (a line on the socket `DEMO_SOCKET`). Bundled and run on a pseudo-terminal by the tests.
import { spawn } from 'node:child_process';
import { connect } from 'node:net';
import {
  type CheckResult,
  type Emit,
  eventEmitter,
  type PlanSummary,
  type SetupResult,
} from '../../src/core/events.ts';
import type { CheckInfo } from '../../src/doctor/checks/check.ts';
import type { DoctorResult } from '../../src/doctor/events.ts';
import { runWizard } from '../../src/present/ink/run-wizard.tsx';
import { runPrompts } from '../../src/present/prompts.ts';
import type { FirstScreen } from '../../src/present/terminal/first-screen.ts';
import { CancelledError, SetupError } from '../../src/support/errors.ts';
import {
  CHECK_CLOCK,
  CHOOSE_CA_FILE,
  otherRemedy,
  PROXY_LOGIN,
  USE_INDEX,
} from '../../src/support/remedies.ts';
import type { Remedy } from '../../src/support/remedy.ts';
import type { SetupOverview, WizardFunctions } from '../../src/wizard/functions.ts';
import {
  BROKEN_CHECKS,
  DEMO_CHECKS,
  DEMO_FILES,
  DEMO_OVERVIEW,
  DEMO_PLAN,
  DEMO_READY_OVERVIEW,
  DEMO_REPAIR,
  DEMO_RESULT,
  DEMO_UNDO,
} from './demo-data.ts';
import { demoPanel } from './demo-panels.ts';

const scenario = process.env['DEMO_SCENARIO'] ?? 'install';
const opened = new Set<string>();
const waiting = new Map<string, () => void>();

if (process.env['DEMO_SOCKET']) {
  const socket = connect(process.env['DEMO_SOCKET']);
  socket.unref();
  socket.setEncoding('utf8');
  socket.on('data', (chunk: string) => {
    for (const name of chunk.split('\n').filter(Boolean)) {
      opened.add(name);
      waiting.get(name)?.();
    }
  });
}

/** Waits until the test opens it; without a test, a moment. */
function gate(name: string, signal: AbortSignal | undefined): Promise<void> {
  if (opened.has(name)) return Promise.resolve();
  return new Promise((resolve, reject) => {
    // Holds the process: a socket that is unref'd would let it end.
    const timer = process.env['DEMO_SOCKET'] ? setInterval(() => {}, 60_000) : setTimeout(() => go(), 700);
    const go = () => {
      clearTimeout(timer);
      resolve();
    };
    waiting.set(name, go);
    const stop = () => {
      clearTimeout(timer);
      reject(new CancelledError());
    };
    if (signal?.aborted) stop();
    signal?.addEventListener('abort', stop, { once: true });
  });
}

let attempts = 0;
const storedSettings: string[] = [];
let undoTarget = DEMO_UNDO;
let isRepaired = false;

const functions: WizardFunctions = {
  async readOverview({ signal }): Promise<SetupOverview> {
    if (scenario === 'slow-overview') await gate('overview', signal);
    if (scenario === 'warning') process.emitWarning('a warning of Node itself');
    if (scenario === 'broken') {
      const detail = 'The runtime does not start';
      return { ...DEMO_OVERVIEW, status: { kind: 'broken', detail, features: ['core'] } };
    }
    if (scenario === 'ready' || scenario === 'ready-after-all') return DEMO_READY_OVERVIEW;
    if (scenario === 'no-embeddings') {
      const offers = DEMO_OVERVIEW.offers.map((offer) =>
        offer.feature === 'core'
          ? offer
          : { ...offer, unavailableReason: 'onnxruntime has no build for musl' },
      );
      return { ...DEMO_OVERVIEW, offers };
    }
    return DEMO_OVERVIEW;
  },
  async plan({ signal, onEvent, features, indexUrl }) {
    const emit = eventEmitter(onEvent);
    const asked = [...storedSettings, ...(indexUrl ? [`index ${indexUrl}`] : [])];
    for (const text of asked)
      emit({ type: 'note', step: 'plan', level: 'info', text: `asking with ${text}` });
    emit({ type: 'note', step: 'plan', level: 'info', text: 'asking releases.acme.internal …' });
    emit({ type: 'note', step: 'plan', level: 'info', text: 'asking pypi.acme.internal …' });
    await gate('plan', signal);
    if (scenario === 'plan-failure') throw tlsFailure();
    const summary: PlanSummary = features.includes('local-embeddings')
      ? DEMO_PLAN
      : { ...DEMO_PLAN, rows: DEMO_PLAN.rows.filter((row) => row.id !== 'model') };
    return { status: 'install', summary };
  },
  async execute(_plan, { signal, onEvent }): Promise<SetupResult> {
    attempts++;
    const emit = eventEmitter(onEvent);
    if (scenario === 'child') await childThatRuns(emit, signal);
    if (scenario === 'flood') await flood(emit, signal);
    await install(emit, signal);
    return DEMO_RESULT;
  },
  async discard() {},
  async reportFailure(error, _options, step) {
    if (!(error instanceof SetupError)) throw error;
    const { message: title, failureClass, evidence, nextSteps, remedies } = error;
    const untouched = 'Nothing was changed: ktx 0.2.0 (core) still works.';
    const logPath = step === 'plan' ? null : DEMO_RESULT.logPath;
    return { step, title, failureClass, evidence, nextSteps, remedies, untouched, logPath };
  },
  async runChecks({ signal }, { onEvent }): Promise<CheckResult[]> {
    const isBroken = (scenario === 'failing-check' || scenario === 'broken') && !isRepaired;
    const checks = [...(isBroken ? BROKEN_CHECKS : DEMO_CHECKS)] as DoctorResult[];
    const listed = checks.map(({ id, group, label }) => ({ id, group, label }) as CheckInfo);
    onEvent({ type: 'checks', checks: listed });
    for (const check of checks.slice(0, 4)) onEvent({ type: 'check', check });
    for (const { id } of checks.slice(4)) onEvent({ type: 'check-started', id });
    onEvent({ type: 'check-waiting', id: 'daemon', text: 'starting a daemon' });
    await gate('check', signal);
    return checks;
  },
  planRepair: async () => DEMO_REPAIR,
  async repair({ signal, onEvent: _ }, { onEvent }) {
    const plan = DEMO_REPAIR;
    onEvent({ type: 'repair-plan', plan });
    onEvent({ type: 'repair-started', id: 'rebuild-environment' });
    const emit = eventEmitter((event) =>
      onEvent({ type: 'repair-progress', id: 'rebuild-environment', event }),
    );
    emit({ type: 'step', step: 'packages', status: 'started' });
    emit({ type: 'lines', step: 'packages', stream: 'ktx', lines: ['$ uv pip install --offline'] });
    try {
      await gate('repair', signal);
    } catch (error) {
      onEvent({ type: 'repair-failed', id: 'rebuild-environment', detail: 'stopped', isRestored: true });
      throw error;
    }
    onEvent({ type: 'repair-finished', id: 'rebuild-environment', durationMs: 800 });
    isRepaired = true;
    return { repairs: ['rebuild-environment' as const], after: DEMO_CHECKS };
  },
  async undoRepair() {
    isRepaired = false;
    return { repairs: ['rebuild-environment'] };
  },
  async runPanel(effect, context) {
    if (effect.type !== 'mend' || effect.task.kind !== 'store-setting')
      return demoPanel(effect, context, gate);
    const { name, value } = effect.task;
    if (value.includes('wrong'))
      throw new SetupError(`${name} cannot be ${value}`, { failureClass: 'conflict' });
    storedSettings.push(`${name}=${value}`);
    return { type: 'mended', notice: `${name} is stored` };
  },
  readUndoTarget: async () => (scenario === 'update' ? undoTarget : null),
  async undo() {
    const { direction, from, to } = undoTarget;
    const done = undoTarget;
    undoTarget = { direction: direction === 'back' ? 'forward' : 'back', from: to, to: from! };
    return done;
  },
};

async function install(emit: Emit, signal: AbortSignal | undefined): Promise<void> {
  emit({ type: 'step', step: 'fetch', status: 'started' });
  const half = Math.floor(DEMO_FILES.length / 2);
  for (const [index, file] of DEMO_FILES.entries()) {
    if (index === half) {
      bytes(emit, file, 0.4);
      await gate('half', signal);
      if (['failure', 'mendable', 'login'].includes(scenario) && attempts === 1) {
        emit({
          type: 'step',
          step: 'fetch',
          status: 'failed',
          detail: 'numpy could not be fetched',
          durationMs: 12_000,
        });
        throw tlsFailure();
      }
    }
    bytes(emit, file, 1);
    emit({ type: 'artefact', step: 'fetch', ...file, isCached: false });
    if (!process.env['DEMO_SOCKET']) await gate(`file ${index}`, signal);
  }
  emit({ type: 'step', step: 'fetch', status: 'finished', durationMs: 9_100 });
  emit({ type: 'step', step: 'python', status: 'started' });
  emit({ type: 'lines', step: 'python', stream: 'ktx', lines: ['$ uv python install 3.13.14'] });
  emit({
    type: 'lines',
    step: 'python',
    stream: 'stderr',
    lines: ['Installed Python 3.13.14 in 1.40s', ' + cpython-3.13.14-linux-x86_64-gnu (python3.13)'],
  });
  emit({ type: 'step', step: 'python', status: 'finished', detail: '3.13.14', durationMs: 1_900 });
  emit({ type: 'step', step: 'packages', status: 'started' });
  emit({
    type: 'lines',
    step: 'packages',
    stream: 'ktx',
    lines: ['$ uv pip install --offline --no-index --require-hashes -r requirements.txt'],
  });
  emit({ type: 'uv', step: 'packages', phase: 'resolved', count: 29, name: null, durationMs: 12 });
  await gate('packages', signal);
  emit({
    type: 'lines',
    step: 'packages',
    stream: 'stderr',
    lines: [
      'Resolved 29 packages in 12ms',
      'Installed 29 packages in 410ms',
      ' + numpy==2.5.5',
      ' + onnxruntime==1.31.1',
    ],
  });
  emit({ type: 'step', step: 'packages', status: 'finished', detail: '29 packages', durationMs: 800 });
  for (const step of ['prove', 'switch'] as const) {
    emit({ type: 'step', step, status: 'started' });
    emit({ type: 'step', step, status: 'finished', durationMs: 300 });
  }
}

function bytes(emit: Emit, file: (typeof DEMO_FILES)[number], share: number): void {
  emit({
    type: 'bytes',
    step: 'fetch',
    file: file.file,
    artefactKind: file.artefactKind,
    doneBytes: Math.round(file.sizeBytes * share),
    totalBytes: file.sizeBytes,
  });
}

function tlsFailure(): SetupError {
  return new SetupError('numpy could not be fetched', {
    failureClass: 'network',
    evidence: [
      'pypi.acme.internal answered with a certificate this machine does not trust (issuer: "Acme TLS Inspection CA"). A proxy is reading TLS traffic.',
      'numpy-2.5.5 from pypi.acme.internal: self-signed certificate in chain',
      'everything from releases.acme.internal arrived, so the network itself works',
    ],
    remedies: remediesOf(scenario),
  });
}

function remediesOf(name: string): Remedy[] {
  if (name === 'mendable') return [CHOOSE_CA_FILE, USE_INDEX, CHECK_CLOCK];
  if (name === 'login') return [PROXY_LOGIN];
  return [otherRemedy('Put the certificate of the proxy into SSL_CERT_FILE and try again')];
}

/** A real child, to see that none is left behind. Its pid goes to the log, where the test reads it. */
async function childThatRuns(emit: Emit, signal: AbortSignal | undefined): Promise<void> {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
  emit({ type: 'step', step: 'fetch', status: 'started' });
  emit({ type: 'lines', step: 'fetch', stream: 'ktx', lines: [`child ${child.pid} runs`] });
  await new Promise<void>((_resolve, reject) => {
    signal?.addEventListener('abort', () => child.kill('SIGKILL'), { once: true });
    child.on('close', () => reject(new CancelledError()));
  });
}

async function flood(emit: Emit, signal: AbortSignal | undefined): Promise<void> {
  emit({ type: 'step', step: 'fetch', status: 'started' });
  for (let batch = 0; batch < 200; batch++) {
    const lines = Array.from({ length: 100 }, (_, index) => `line ${batch * 100 + index}`);
    emit({ type: 'lines', step: 'fetch', stream: 'stdout', lines });
  }
  await gate('flooded', signal);
}

const { ktxFirstScreen } = globalThis as { ktxFirstScreen?: FirstScreen };
const run = process.env['DEMO_PLAIN'] ? runPrompts : runWizard;
process.exitCode = await run({
  setup: { cliVersion: '0.3.0', homeDir: '/home/ada' },
  functions,
  ...(ktxFirstScreen === undefined ? {} : { firstScreen: ktxFirstScreen }),
  hasProject: true,
  ...(process.env['DEMO_FEATURE'] === 'local-embeddings'
    ? { initialFeature: 'local-embeddings' as const }
    : {}),
});
