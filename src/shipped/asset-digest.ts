// Written by `npm run assets:build`: do not edit.

/** sha256 of `assets/python/manifest.json`; the manifest carries the digests of wheel, lock and requirements. */
export const BUNDLED_MANIFEST_SHA256 = '02743921c87d1f82ae0ea5a386491db31ce8d9af013c3e93188d92d26c625f59';

/** What the METADATA of that wheel says: who has its digest right need not unpack it. */
export const BUNDLED_REQUIRES_PYTHON = { specifier: '>=3.11', minimumVersion: '3.11' };

/** The minors of CPython 3 that the lock has targets for, oldest first. */
export const LOCKED_MINORS = [11, 12, 13, 14, 15];
