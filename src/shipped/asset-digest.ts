// Written by `npm run assets:build`: do not edit.

/** sha256 of `assets/python/manifest.json`; the manifest carries the digests of wheel, lock and requirements. */
export const BUNDLED_MANIFEST_SHA256 = 'c39c34ee265a03f19e5f493a6b8e7de82122bb621af5a9b599a68b26fdf3ad3e';

/** What the METADATA of that wheel says: who has its digest right need not unpack it. */
export const BUNDLED_REQUIRES_PYTHON = { specifier: '>=3.11', minimumVersion: '3.11' };
