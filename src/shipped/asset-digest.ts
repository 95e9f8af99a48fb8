// Written by `npm run assets:build`: do not edit.

/** sha256 of `assets/python/manifest.json`; the manifest carries the digests of wheel, lock and requirements. */
export const BUNDLED_MANIFEST_SHA256 = '3e4ffb7007266c5ace3bc0ca2ddd9de2ed12b2a59afb102d7fbcd165cb61f11e';

/** What the METADATA of that wheel says: who has its digest right need not unpack it. */
export const BUNDLED_REQUIRES_PYTHON = { specifier: '>=3.11', minimumVersion: '3.11' };
