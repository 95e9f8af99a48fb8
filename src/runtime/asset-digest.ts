// Written by `npm run assets:build`: do not edit.

/** sha256 of `assets/python/manifest.json`; the manifest carries the digests of wheel, lock and requirements. */
export const BUNDLED_MANIFEST_SHA256 = '68b0863d02a570dc1a9e75bc25851315667ca8ad0878e5b25dcafb27279394b5';
