import { translatable } from '../language/translate.ts';
import type { SetupStep } from './events.ts';

/** What a step does, while it runs. */
export const STEP_TITLES: Record<SetupStep, string> = {
  plan: translatable('checking what is needed'),
  fetch: translatable('fetching'),
  python: translatable('preparing Python'),
  packages: translatable('installing packages'),
  prove: translatable('proving that it works'),
  switch: translatable('switching over'),
};
