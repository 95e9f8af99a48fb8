import * as z from 'zod/mini';
import { RUNTIME_FEATURES } from './features.ts';

/** For programs that embed the library. Its order is the canonical one. */
export const runtimeFeatureSchema = z.enum(RUNTIME_FEATURES);
