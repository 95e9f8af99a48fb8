import { mergeConfig } from 'vitest/config';
import base from '../../vitest.config.ts';

/** The tests as they are, and each worker says which file it runs. */
export default mergeConfig(base, { test: { setupFiles: ['test/mutants/setup-file.ts'] } });
