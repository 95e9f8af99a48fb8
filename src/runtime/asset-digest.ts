// Written by `npm run assets:build`: do not edit.

/** sha256 of `assets/python/manifest.json`; the manifest carries the digests of wheel, lock and requirements. */
export const BUNDLED_MANIFEST_SHA256 = '10165d1baa1f3b281e955f3d6f311430f3437d6325eb0c1498ce488509522aac';
