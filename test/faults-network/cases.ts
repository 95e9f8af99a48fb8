import { FILE_CASES } from './file-cases.ts';
import { INDEX_CASES } from './index-cases.ts';
import type { MatrixCase } from './lab.ts';
import { TOOL_CASES } from './tool-cases.ts';
import { WAY_CASES } from './way-cases.ts';

/** Everything that the matrix plants. */
export const CASES: readonly MatrixCase[] = [...INDEX_CASES, ...WAY_CASES, ...FILE_CASES, ...TOOL_CASES];
