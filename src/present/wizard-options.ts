import type { KtxRuntimeFeature } from '../core/features.ts';
import type { SetupOptions } from '../setup/request/setup-options.ts';
import type { PlanOutcome, WizardFunctions } from '../wizard/functions.ts';
import type { FirstScreen } from './terminal/first-screen.ts';

/** What the wizard needs, on the full screen and in plain prompts alike. */
export interface RunWizardOptions<Plan extends PlanOutcome = PlanOutcome> {
  /** Passed on to every library function. */
  setup: Omit<SetupOptions, 'features' | 'signal' | 'onEvent'>;
  functions: WizardFunctions<Plan>;
  /** Preselected on the first screen, because a flag or a project asks for it. */
  initialFeature?: KtxRuntimeFeature;
  /** Why it is: `orders_dbt uses Looker identifier parsing`. */
  featureReason?: string;
  /** A terminal with the first screen on it already, to be taken over. */
  firstScreen?: FirstScreen;
  /** There is a `ktx.yaml`: what concerns a project is offered, too. */
  hasProject?: boolean;
  /** The terminal; both streams must be one. */
  io?: { stdin: NodeJS.ReadStream; stdout: NodeJS.WriteStream };
}
