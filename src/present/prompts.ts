import type { CheckResult, SetupEvent, SetupResult } from '../core/events.ts';
import { said, t } from '../language/translate.ts';
import { CancelledError } from '../support/errors.ts';
import { homeFolder } from '../support/home/home-folder.ts';
import { programName } from '../support/program-name.ts';
import { withStopSignals } from '../support/stop-signals.ts';
import { formatBytes } from '../support/text/format.ts';
import { availableOffers } from '../wizard/choices.ts';
import type { InstallOutcome, PlanOutcome, SetupOverview } from '../wizard/functions.ts';
import { changedOptions, mergedChanges, type SetupChanges } from '../wizard/panels/changes.ts';
import { hasUnicode, toAscii } from './ascii.ts';
import { checkLines, createLinePresenter, doneLines, failureLines, planLines } from './lines.ts';
import { personText } from './person-text.ts';
import { askForChoice, askForConsent, type QuestionStreams } from './questions.ts';
import { askForRemedy } from './remedy-question.ts';
import type { RunWizardOptions } from './wizard-options.ts';

const HEARTBEAT_MS = 30_000;

/**
 * The wizard without a full screen: numbered questions, and lines that are never redrawn. For `--plain`,
 * `TERM=dumb` and screen readers. Resolves with the exit code, like `runWizard`.
 */
export function runPrompts<Plan extends PlanOutcome>(options: RunWizardOptions<Plan>): Promise<number> {
  return withStopSignals((signal) => converse(options, signal));
}

async function converse<Plan extends PlanOutcome>(
  options: RunWizardOptions<Plan>,
  signal: AbortSignal,
): Promise<number> {
  const { stdin, stdout } = options.io ?? process;
  const { functions } = options;
  const env = options.setup.env ?? process.env;
  const lineOptions = { homeDir: options.setup.homeDir ?? homeFolder() };
  const isUnicode = hasUnicode(env);
  const print = (lines: readonly string[]) => {
    for (const line of lines) stdout.write(`${personText(isUnicode ? line : toAscii(line))}\n`);
  };
  const questions: QuestionStreams = {
    stdin,
    print,
    prompt: (text) => stdout.write(personText(isUnicode ? text : toAscii(text))),
    signal,
  };
  const lines = createLinePresenter(lineOptions);
  let isBusy = false;
  let wasInterrupted = false;
  const onInterrupt = (): void => {
    wasInterrupted = true;
  };
  process.on('SIGINT', onInterrupt);
  let step: Extract<SetupEvent, { type: 'step' }>['step'] | null = null;
  const onEvent = (event: SetupEvent) => {
    if (event.type === 'step' && event.status === 'started') step = event.step;
    heartbeat.refresh();
    print(lines.lines(event));
  };
  const heartbeat = setInterval(() => isBusy && print(lines.heartbeat()), HEARTBEAT_MS);
  let unused: InstallOutcome<Plan> | null = null;
  let changes: SetupChanges = {};
  const setupNow = () => ({
    ...options.setup,
    ...changedOptions(changes, options.setup),
    signal,
    onEvent,
    features: [changes.feature ?? options.initialFeature ?? ('core' as const)],
  });
  /** While it waits for an answer, Ctrl+C is an answer and nothing is running. */
  const answered = async <T>(
    question: Promise<T>,
    isNo: (answer: T) => boolean = () => false,
  ): Promise<T> => {
    isBusy = false;
    const answer = await question;
    if (isNo(answer)) throw new CancelledError();
    isBusy = true;
    return answer;
  };
  const discardPlan = async (): Promise<void> => {
    const plan = unused;
    unused = null;
    if (plan !== null) await functions.discard(plan);
  };

  async function attempt(): Promise<number> {
    isBusy = true;
    const overview = await functions.readOverview(setupNow());
    for (;;) {
      const hasChoice = isOpen(overview, options, changes);
      if (hasChoice) changes = { ...changes, feature: await answered(chooseFeature(overview, questions)) };
      else changes = { ...changes, feature: onlyFeature(overview, options, changes) };
      const setup = setupNow();
      const plan = await functions.plan(setup);
      if (plan.status !== 'install') return finish(plan.result, false);
      unused = plan as InstallOutcome<Plan>;
      print(planLines(plan.summary, lineOptions));
      const consent = await answered(askForPlan(hasChoice), (answer) => answer === 'no');
      if (consent === 'back') {
        await discardPlan();
        const { feature: _, ...others } = changes;
        changes = others;
        continue;
      }
      const toExecute = unused;
      unused = null;
      return finish(await functions.execute(toExecute, setup), true);
    }
  }

  async function askForPlan(canGoBack: boolean): Promise<'yes' | 'no' | 'back'> {
    for (;;) {
      const consent = await askForConsent(t`Install this?`, { canGoBack }, questions);
      if (consent !== 'details') return consent;
      await printNetwork();
    }
  }

  async function printNetwork(): Promise<void> {
    const answer = await functions.runPanel(
      { type: 'read-page', page: 'network' },
      { setup: setupNow(), tell: () => {}, lendTerminal: (work) => work() },
    );
    if (answer.type === 'page-read') print(answer.lines.map((line) => `  ${said(line)}`));
  }

  /** What was installed comes last: it is what a person hears when the program has ended. */
  async function finish(result: SetupResult, isProven: boolean): Promise<number> {
    let checks: readonly CheckResult[] = [];
    try {
      checks = await functions.runChecks(
        { ...setupNow(), onEvent: () => {} },
        { costs: [], isProven, onEvent: () => {} },
      );
    } finally {
      print([...summaryOf(checks), ...doneLines(result, lineOptions)]);
    }
    return checks.some((check) => check.status === 'fail') ? 1 : 0;
  }

  try {
    for (;;) {
      try {
        return await attempt();
      } catch (error) {
        await discardPlan();
        if (error instanceof CancelledError || signal.aborted) {
          print([t`Setup cancelled. Nothing was changed.`]);
          // Ctrl+C at a question is an answer; a signal from outside is not.
          return isBusy || (signal.aborted && !wasInterrupted) ? 130 : 0;
        }
        const report = await functions.reportFailure(error, setupNow(), step);
        print(failureLines(report, lineOptions));
        const later = await answered(
          askForRemedy(report, { setup: setupNow, functions, questions, printNetwork }),
        );
        if (later === null) return 1;
        changes = mergedChanges(changes, later);
        step = null;
      }
    }
  } finally {
    clearInterval(heartbeat);
    process.off('SIGINT', onInterrupt);
    await discardPlan();
  }
}

/** Whether there is a feature to choose: not after a flag, nor where there is one only. */
function isOpen(
  overview: SetupOverview,
  { initialFeature }: Pick<RunWizardOptions, 'initialFeature'>,
  { feature }: SetupChanges,
): boolean {
  return (feature ?? initialFeature) === undefined && availableOffers({ overview }).length !== 1;
}

function onlyFeature(
  overview: SetupOverview,
  { initialFeature }: Pick<RunWizardOptions, 'initialFeature'>,
  { feature }: SetupChanges,
) {
  return feature ?? initialFeature ?? availableOffers({ overview })[0]?.feature ?? 'core';
}

/** @throws CancelledError when the user leaves the question. */
async function chooseFeature(overview: SetupOverview, questions: QuestionStreams) {
  const offers = availableOffers({ overview });
  const index = await askForChoice(
    t`What should ${programName()} be able to do on this machine?`,
    offers.map(({ title, description, downloadBytes }) =>
      [
        `${said(title)}: ${said(description)}`,
        downloadBytes === null ? '' : t`about ${formatBytes(downloadBytes)} to download`,
      ]
        .filter(Boolean)
        .join(', '),
    ),
    questions,
  );
  return offers[index]?.feature ?? 'core';
}

/** What did not pass, in full, and how many did. `ktx doctor` lists them all. */
function summaryOf(checks: readonly CheckResult[]): string[] {
  if (checks.length === 0) return [];
  const count = (status: CheckResult['status']) => checks.filter((check) => check.status === status).length;
  const passed = count('pass');
  const skipped = count('skipped');
  const told = checks.filter(({ status }) => status !== 'pass' && status !== 'skipped').flatMap(checkLines);
  const ours = programName();
  return [
    ...told,
    skipped === 0
      ? t`${passed} of ${checks.length} checks passed. To list them: ${ours} doctor`
      : t`${passed} of ${checks.length} checks passed, ${skipped} skipped. To list them: ${ours} doctor`,
  ];
}
