// Written by `npm run assets:build`: do not edit.

/** sha256 of `assets/python/manifest.json`; the manifest carries the digests of wheel, lock and requirements. */
export const BUNDLED_MANIFEST_SHA256 = 'ad24843ad670b2cc2cb85b5a37ee44cade21e0e7e321b804f3d29621d21aaad9';
