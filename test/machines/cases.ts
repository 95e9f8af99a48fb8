import { DISCOVERY_CASES } from './discovery-cases.ts';
import { DISTURBED_CASES } from './disturbed-cases.ts';
import { FACT_CASES } from './fact-cases.ts';
import { HOME_CASES } from './home-cases.ts';
import { INTERPRETER_CASES } from './interpreter-cases.ts';
import type { MachineCase } from './lab.ts';
import { LIMIT_CASES } from './limit-cases.ts';
import { PROCESS_CASES } from './process-cases.ts';
import { SETTING_CASES } from './setting-cases.ts';
import { SHARED_CASES } from './shared-cases.ts';
import { TERMINAL_CASES } from './terminal-cases.ts';
import { TIME_CASES } from './time-cases.ts';

/** Everything that the matrix plants. */
export const CASES: readonly MachineCase[] = [
  ...PROCESS_CASES,
  ...SETTING_CASES,
  ...INTERPRETER_CASES,
  ...DISCOVERY_CASES,
  ...DISTURBED_CASES,
  ...TIME_CASES,
  ...LIMIT_CASES,
  ...FACT_CASES,
  ...HOME_CASES,
  ...TERMINAL_CASES,
  ...SHARED_CASES,
];
