// Written by `npm run assets:build`: do not edit.

/** sha256 of `assets/python/manifest.json`; the manifest contains the digests of wheel, lock and requirements. */
export const BUNDLED_MANIFEST_SHA256 = 'b805faa4c7b98f335d0b72ab6365884d4b81dcc5e85e027299313a17c2dccb33';

/** From the METADATA of that wheel, so that a wheel with the right digest need not be unpacked. */
export const BUNDLED_REQUIRES_PYTHON = { specifier: '>=3.11', minimumVersion: '3.11' };

/** Minor versions of CPython 3 that the lock has targets for, oldest first. */
export const LOCKED_MINORS = [11, 12, 13, 14, 15];
