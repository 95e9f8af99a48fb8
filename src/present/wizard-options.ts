import type { KtxRuntimeFeature } from '../core/features.ts';
import type { SetupOptions } from '../setup/request/setup-options.ts';
import type { PlanOutcome, WizardFunctions } from '../wizard/functions.ts';
import type { FirstScreen } from './terminal/first-screen.ts';

/** Options of the wizard, for the full screen and for plain prompts. */
export interface RunWizardOptions<Plan extends PlanOutcome = PlanOutcome> {
  /** Passed to every library function. */
  setup: Omit<SetupOptions, 'features' | 'signal' | 'onEvent'>;
  functions: WizardFunctions<Plan>;
  /** Preselected on the first screen, by a flag or by the project. */
  initialFeature?: KtxRuntimeFeature;
  /** Why it is preselected: `orders_dbt uses Looker identifier parsing`. */
  featureReason?: string;
  /** A terminal that already shows the first screen. */
  firstScreen?: FirstScreen;
  /** There is a `ktx.yaml`: project tasks are offered too. */
  hasProject?: boolean;
  /** The terminal; both streams must belong to it. */
  io?: { stdin: NodeJS.ReadStream; stdout: NodeJS.WriteStream };
}
