// Written by `npm run assets:build`: do not edit.

/** sha256 of `assets/python/manifest.json`; the manifest carries the digests of wheel, lock and requirements. */
export const BUNDLED_MANIFEST_SHA256 = '2b65266db02e2679597a6768dfc5cd4e5af3c76eb5a3cdeb5cdd7fe909749d53';

/** What the METADATA of that wheel says: who has its digest right need not unpack it. */
export const BUNDLED_REQUIRES_PYTHON = { specifier: '>=3.11', minimumVersion: '3.11' };

/** The minors of CPython 3 that the lock has targets for, oldest first. */
export const LOCKED_MINORS = [11, 12, 13, 14, 15];
