// Written by `npm run assets:build`: do not edit.

/** sha256 of `assets/python/manifest.json`; the manifest carries the digests of wheel, lock and requirements. */
export const BUNDLED_MANIFEST_SHA256 = '6f8d2f09699ff3794e37ca888e0f4ebfb40b5b8064e5a9cdf73f20bacc9c6b2d';

/** What the METADATA of that wheel says: who has its digest right need not unpack it. */
export const BUNDLED_REQUIRES_PYTHON = { specifier: '>=3.11', minimumVersion: '3.11' };
