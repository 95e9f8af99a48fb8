import { enum as enumOf } from 'zod';
import { RUNTIME_FEATURES } from './features.ts';

/**
 * For programs that embed the library and extend this schema, so it uses full zod. Our own modules use
 * zod/mini, which loads faster. The order is the canonical one.
 */
export const runtimeFeatureSchema = enumOf(RUNTIME_FEATURES);
