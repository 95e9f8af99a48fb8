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
import {
  checkLines,
  createLinePresenter,
  doneLines,
  failureLines,
  type LineOptions,
  planLines,
} from './lines.ts';
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
  return withStopSignals((signal) => new Conversation(options, signal).run());
}

type Step = Extract<SetupEvent, { type: 'step' }>['step'];

/** One run: what the person has changed, the plan that is not used yet, and whether something is being done. */
class Conversation<Plan extends PlanOutcome> {
  #options: RunWizardOptions<Plan>;
  #signal: AbortSignal;
  #questions: QuestionStreams;
  #lineOptions: LineOptions;
  #presenter: ReturnType<typeof createLinePresenter>;
  #heartbeat: NodeJS.Timeout | null = null;
  #changes: SetupChanges = {};
  #unused: InstallOutcome<Plan> | null = null;
  #step: Step | null = null;
  #isBusy = false;

  constructor(options: RunWizardOptions<Plan>, signal: AbortSignal) {
    const { stdin, stdout } = options.io ?? process;
    const isUnicode = hasUnicode(options.setup.env ?? process.env);
    const shown = (text: string) => personText(isUnicode ? text : toAscii(text));
    this.#options = options;
    this.#signal = signal;
    this.#lineOptions = { homeDir: options.setup.homeDir ?? homeFolder() };
    this.#presenter = createLinePresenter(this.#lineOptions);
    this.#questions = {
      stdin,
      print: (lines) => {
        for (const line of lines) stdout.write(`${shown(line)}\n`);
      },
      prompt: (text) => stdout.write(shown(text)),
      signal,
    };
  }

  /** Tries until it is done, cancelled, or left after a failure. */
  async run(): Promise<number> {
    let wasInterrupted = false;
    const onInterrupt = (): void => {
      wasInterrupted = true;
    };
    process.on('SIGINT', onInterrupt);
    this.#heartbeat = setInterval(() => {
      if (this.#isBusy) this.#questions.print(this.#presenter.heartbeat());
    }, HEARTBEAT_MS);
    // Ctrl+C at a question is an answer; a signal from outside is not.
    const isStopped = () => this.#isBusy || (this.#signal.aborted && !wasInterrupted);
    try {
      for (;;) {
        const exitCode = await this.#attempt().catch((error: unknown) => this.#mend(error, isStopped));
        if (exitCode !== null) return exitCode;
      }
    } finally {
      clearInterval(this.#heartbeat);
      process.off('SIGINT', onInterrupt);
      await this.#discardPlan();
    }
  }

  async #attempt(): Promise<number> {
    const { functions } = this.#options;
    this.#isBusy = true;
    const overview = await functions.readOverview(this.#setup());
    const given = this.#changes.feature ?? this.#options.initialFeature;
    for (;;) {
      const hasChoice = given === undefined && availableOffers({ overview }).length !== 1;
      const feature = hasChoice
        ? await this.#answered(chooseFeature(overview, this.#questions))
        : (given ?? availableOffers({ overview })[0]?.feature ?? 'core');
      this.#changes = { ...this.#changes, feature };
      const plan = await functions.plan(this.#setup());
      if (plan.status !== 'install') return this.#finish(plan.result, false);
      this.#unused = plan as InstallOutcome<Plan>;
      this.#questions.print(planLines(plan.summary, this.#lineOptions));
      const consent = await this.#answered(this.#askForPlan(hasChoice));
      if (consent === 'back') {
        await this.#discardPlan();
        continue;
      }
      const toExecute = this.#unused;
      this.#unused = null;
      return this.#finish(await functions.execute(toExecute, this.#setup()), true);
    }
  }

  /** The exit code, or `null` for another attempt. */
  async #mend(error: unknown, isStopped: () => boolean): Promise<number | null> {
    await this.#discardPlan();
    if (error instanceof CancelledError || this.#signal.aborted) {
      this.#questions.print([t`Setup cancelled. Nothing was changed.`]);
      return isStopped() ? 130 : 0;
    }
    const { functions } = this.#options;
    const report = await functions.reportFailure(error, this.#setup(), this.#step);
    this.#questions.print(failureLines(report, this.#lineOptions));
    try {
      const changes = await this.#answered(
        askForRemedy(report, {
          setup: () => this.#setup(),
          functions,
          questions: this.#questions,
          printNetwork: () => this.#printNetwork(),
        }),
      );
      if (changes === null) return 1;
      this.#changes = mergedChanges(this.#changes, changes);
      this.#step = null;
      return null;
    } catch (second) {
      if (!(second instanceof CancelledError)) throw second;
      return isStopped() ? 130 : 1;
    }
  }

  #setup() {
    const { setup, initialFeature } = this.#options;
    return {
      ...setup,
      ...changedOptions(this.#changes, setup),
      signal: this.#signal,
      onEvent: (event: SetupEvent) => this.#tell(event),
      features: [this.#changes.feature ?? initialFeature ?? ('core' as const)],
    };
  }

  #tell(event: SetupEvent): void {
    if (event.type === 'step' && event.status === 'started') this.#step = event.step;
    this.#heartbeat?.refresh();
    this.#questions.print(this.#presenter.lines(event));
  }

  /** While it waits for an answer nothing is running. */
  async #answered<T>(question: Promise<T>): Promise<T> {
    this.#isBusy = false;
    const answer = await question;
    this.#isBusy = true;
    return answer;
  }

  /** @throws CancelledError for a no. */
  async #askForPlan(canGoBack: boolean): Promise<'yes' | 'back'> {
    for (;;) {
      const consent = await askForConsent(t`Install this?`, { canGoBack }, this.#questions);
      if (consent === 'no') throw new CancelledError();
      if (consent !== 'details') return consent;
      await this.#printNetwork();
    }
  }

  async #printNetwork(): Promise<void> {
    const answer = await this.#options.functions.runPanel(
      { type: 'read-page', page: 'network' },
      { setup: this.#setup(), tell: () => {}, lendTerminal: (work) => work() },
    );
    if (answer.type === 'page-read') this.#questions.print(answer.lines.map((line) => `  ${said(line)}`));
  }

  /** What was installed comes last: it is what a person hears when the program has ended. */
  async #finish(result: SetupResult, isProven: boolean): Promise<number> {
    let checks: readonly CheckResult[] = [];
    try {
      checks = await this.#options.functions.runChecks(
        { ...this.#setup(), onEvent: () => {} },
        { costs: [], isProven, onEvent: () => {} },
      );
    } finally {
      this.#questions.print([...summaryOf(checks), ...doneLines(result, this.#lineOptions)]);
    }
    return checks.some((check) => check.status === 'fail') ? 1 : 0;
  }

  async #discardPlan(): Promise<void> {
    const plan = this.#unused;
    this.#unused = null;
    if (plan !== null) await this.#options.functions.discard(plan);
  }
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
