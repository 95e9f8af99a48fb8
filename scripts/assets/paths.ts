import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../../', import.meta.url));
export const ASSET_DIR = join(ROOT, 'assets/python');
export const WHEEL_PROJECT = join(ASSET_DIR, 'wheel');
export const DIGEST_MODULE = join(ROOT, 'src/shipped/asset-digest.ts');
/** Ignored by git; can be deleted at the cost of time only. */
export const SCRATCH_DIR = join(ROOT, '.tmp/assets');
