import { FACT_CASES } from './fact-cases.ts';
import { INTERPRETER_CASES } from './interpreter-cases.ts';
import type { MachineCase } from './lab.ts';
import { PROCESS_CASES } from './process-cases.ts';
import { SETTING_CASES } from './setting-cases.ts';

/** Every machine of the matrix. */
export const CASES: readonly MachineCase[] = [
  ...PROCESS_CASES,
  ...FACT_CASES,
  ...INTERPRETER_CASES,
  ...SETTING_CASES,
];
