import { ANSWER_CASES } from './answer-cases.ts';
import { FILE_CASES } from './file-cases.ts';
import { INDEX_CASES } from './index-cases.ts';
import type { MatrixCase } from './lab.ts';
import { PROXY_CASES } from './proxy-cases.ts';
import { SETTING_CASES } from './setting-cases.ts';
import { SIBLING_CASES } from './sibling-cases.ts';
import { TOOL_CASES } from './tool-cases.ts';
import { TRUST_CASES } from './trust-cases.ts';
import { WAY_CASES } from './way-cases.ts';
import { WRITTEN_CASES } from './written-cases.ts';

/** Everything that the matrix plants. */
export const CASES: readonly MatrixCase[] = [
  ...INDEX_CASES,
  ...WAY_CASES,
  ...FILE_CASES,
  ...TOOL_CASES,
  ...SETTING_CASES,
  ...TRUST_CASES,
  ...ANSWER_CASES,
  ...PROXY_CASES,
  ...SIBLING_CASES,
  ...WRITTEN_CASES,
];
