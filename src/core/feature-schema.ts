import { enum as enumOf } from 'zod';
import { RUNTIME_FEATURES } from './features.ts';

/**
 * For programs that embed the library and build their own schemas on it, so it is zod's full form; our own modules use
 * the small one, which commands load faster. Its order is the canonical one.
 */
export const runtimeFeatureSchema = enumOf(RUNTIME_FEATURES);
