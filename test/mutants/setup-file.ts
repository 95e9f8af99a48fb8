import { writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { expect } from 'vitest';

/** Says which test file this worker runs, for the mutants that it and its children reach. */
const { KTX_MUTANTS } = process.env;
const { testPath } = expect.getState();
if (KTX_MUTANTS !== undefined && testPath !== undefined)
  writeFileSync(join(KTX_MUTANTS, 'workers', String(process.pid)), relative(process.cwd(), testPath));
