import type { SetupEvent } from '../core/events.ts';
import { said, t } from '../language/translate.ts';
import { CancelledError } from '../support/errors.ts';
import { homeFolder } from '../support/home/home-folder.ts';
import { programName } from '../support/program-name.ts';
import { withStopSignals } from '../support/stop-signals.ts';
import { formatBytes } from '../support/text/format.ts';
import { availableOffers } from '../wizard/choices.ts';
import type { InstallOutcome, PlanOutcome, SetupOverview } from '../wizard/functions.ts';
import { hasUnicode, toAscii } from './ascii.ts';
import { checkLines, createLinePresenter, doneLines, failureLines, planLines } from './lines.ts';
import { personText } from './person-text.ts';
import { askForChoice, askForConsent, type QuestionStreams } from './questions.ts';
import type { RunWizardOptions } from './wizard-options.ts';

const HEARTBEAT_MS = 30_000;

/**
 * The wizard without a full screen: two questions, and lines that are never redrawn. For `--plain`,
 * `TERM=dumb` and screen readers. Resolves with the exit code, like `runWizard`.
 */
export function runPrompts<Plan extends PlanOutcome>(options: RunWizardOptions<Plan>): Promise<number> {
  return withStopSignals((signal) => ask(options, signal));
}

async function ask<Plan extends PlanOutcome>(
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
  const heartbeat = setInterval(() => print(lines.heartbeat()), HEARTBEAT_MS);
  const setup = {
    ...options.setup,
    signal,
    onEvent,
    features: [options.initialFeature ?? ('core' as const)],
  };
  let unused: InstallOutcome<Plan> | null = null;
  try {
    isBusy = true;
    const overview = await functions.readOverview(setup);
    isBusy = false;
    const feature = await chooseFeature(overview, options, questions);
    setup.features = [feature];
    isBusy = true;
    const plan = await functions.plan(setup);
    if (plan.status === 'install') {
      unused = plan as InstallOutcome<Plan>;
      print(planLines(plan.summary, lineOptions));
      isBusy = false;
      if (!(await askForConsent(t`Install this?`, questions))) throw new CancelledError();
      isBusy = true;
      const toExecute = unused;
      unused = null;
      print(doneLines(await functions.execute(toExecute, setup), lineOptions));
    } else {
      print(doneLines(plan.result, lineOptions));
    }
    const checks = await functions.runChecks(
      { ...setup, onEvent: () => {} },
      { costs: [], isProven: plan.status === 'install', onEvent: () => {} },
    );
    print(checks.flatMap(checkLines));
    return checks.some((check) => check.status === 'fail') ? 1 : 0;
  } catch (error) {
    if (error instanceof CancelledError || signal.aborted) {
      print([t`Setup cancelled. Nothing was changed.`]);
      // Ctrl+C at a question is an answer; a signal from outside is not.
      return isBusy || (signal.aborted && !wasInterrupted) ? 130 : 0;
    }
    print(failureLines(await functions.reportFailure(error, setup, step), lineOptions));
    return 1;
  } finally {
    clearInterval(heartbeat);
    process.off('SIGINT', onInterrupt);
    if (unused !== null) await functions.discard(unused);
  }
}

/** Asks only if there is a choice. @throws CancelledError when the user leaves the question. */
async function chooseFeature(
  overview: SetupOverview,
  options: Pick<RunWizardOptions, 'initialFeature'>,
  questions: QuestionStreams,
) {
  const offers = availableOffers({ overview });
  const only = options.initialFeature ?? (offers.length === 1 ? offers[0]?.feature : undefined);
  if (only !== undefined) return only;
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
