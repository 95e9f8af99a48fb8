/**
 * Settings of `ktx admin network set`: a short description, and the kind of value that `checked-setting.ts`
 * validates.
 */
export const STORED_SETTINGS = {
  index: { about: 'package index, in place of the public one', kind: 'address' },
  'extra-index': { about: 'further package indexes, separated by spaces', kind: 'addresses' },
  'find-links': { about: 'folders or pages with packages, separated by spaces', kind: 'addresses' },
  proxy: { about: 'proxy for http and https', kind: 'proxy' },
  'no-proxy': { about: 'hosts that are reached without the proxy', kind: 'hosts' },
  'ca-file': { about: 'PEM file of further certificate authorities', kind: 'certificates' },
  'python-mirror': { about: 'mirror of python-build-standalone', kind: 'address' },
  'official-mirror': { about: 'mirror of the official builds of uv and Python', kind: 'address' },
  'model-hub': { about: 'hub that models come from', kind: 'address' },
} as const;
export type StoredSettingName = keyof typeof STORED_SETTINGS;
