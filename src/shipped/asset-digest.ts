// Written by `npm run assets:build`: do not edit.

/** sha256 of `assets/python/manifest.json`; the manifest carries the digests of wheel, lock and requirements. */
export const BUNDLED_MANIFEST_SHA256 = '405168930da42e05ff511434bd13c4b6af4658ec29ac532e9cbb89a15fb39869';

/** What the METADATA of that wheel says: who has its digest right need not unpack it. */
export const BUNDLED_REQUIRES_PYTHON = { specifier: '>=3.11', minimumVersion: '3.11' };
