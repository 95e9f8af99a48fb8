import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { beforeAll, describe, expect, test } from 'vitest';
import { checkedSetting } from '../../../src/network/settings/checked-setting.ts';
import { STORED_SETTINGS, type StoredSettingName } from '../../../src/network/settings/setting-list.ts';
import type { SetupError } from '../../../src/support/errors.ts';
import { temporaryFolderForFile } from '../../fixtures/temporary-folder.ts';

let cwd: string;
beforeAll(async () => {
  cwd = await temporaryFolderForFile();
  await mkdir(join(cwd, 'wheels'));
  await writeFile(join(cwd, 'empty.pem'), 'no certificate');
});

const NAMES = Object.keys(STORED_SETTINGS) as StoredSettingName[];
const ofKind = (...kinds: string[]) => NAMES.filter((name) => kinds.includes(STORED_SETTINGS[name].kind));
const refused = (name: StoredSettingName, value: string) =>
  checkedSetting(name, value, cwd).then(
    (stored) => {
      throw new Error(`stored ${stored}`);
    },
    (error: SetupError) => error,
  );

describe('what is stored', () => {
  test.each(ofKind('address', 'addresses'))('%s: a whole address, or a folder', async (name) => {
    expect(await checkedSetting(name, ' https://a.example/simple ', cwd)).toBe('https://a.example/simple');
    expect(await checkedSetting(name, 'wheels', cwd)).toBe(pathToFileURL(join(cwd, 'wheels')).href);
  });

  test.each(ofKind('addresses'))('%s: several', async (name) => {
    expect(await checkedSetting(name, 'https://a.example/1   https://b.example/2', cwd)).toBe(
      'https://a.example/1 https://b.example/2',
    );
  });

  test.each([
    ['proxy.example:3128', 'http://proxy.example:3128'],
    ['https://proxy.example:3128', 'https://proxy.example:3128'],
  ])('the proxy %s', async (given, stored) => {
    expect((await checkedSetting('proxy', given, cwd)).replace(/\/$/, '')).toBe(stored);
  });

  test.each([
    '*',
    '.example.com',
    '*.example.com,10.0.0.0/8',
    'a.example:8080 b',
    '[::1]:80',
    'fd00::/8',
    ',a.example,,b.example',
    'host.example.',
    '10.0.0.1:80',
  ])('the hosts %s', async (value) => {
    expect(await checkedSetting('no-proxy', value, cwd)).toBe(value);
  });
});

describe('what is refused', () => {
  const PLACEHOLDERS = {
    address: 'address',
    addresses: 'address …',
    proxy: 'host:port',
    hosts: 'host,host',
    certificates: 'PEM file',
  };
  test.each(NAMES)('%s: nothing, with the command to give something', async (name) => {
    const error = await refused(name, '  ');
    expect(error.message).toBe(`${name} was not stored: it is empty.`);
    expect(error).toMatchObject({ failureClass: 'conflict', evidence: [] });
    expect(error.remedies).toMatchObject([
      {
        label: `Give it a ${PLACEHOLDERS[STORED_SETTINGS[name].kind]}`,
        argv: ['ktx', 'admin', 'network', 'set', name, '<value>'],
        placeholders: [{ token: '<value>' }],
      },
    ]);
  });

  test.each<[StoredSettingName, string, string]>([
    ['no-proxy', 'a b/c', 'it is not a list of hosts, such as .example.com,10.0.0.0/8'],
    ['no-proxy', 'https://a.example', 'it is not a list of hosts, such as .example.com,10.0.0.0/8'],
    ['no-proxy', 'a..b', 'it is not a list of hosts, such as .example.com,10.0.0.0/8'],
    ['no-proxy', 'x*.example', 'it is not a list of hosts, such as .example.com,10.0.0.0/8'],
    ['no-proxy', 'a:123456', 'it is not a list of hosts, such as .example.com,10.0.0.0/8'],
    ['index', 'ftp://a.example', 'ftp: is not supported: it must start with https:// or http://'],
    ['proxy', 'socks5://a.example:1', 'socks5: is not supported'],
    ['index', './none', 'nothing is at CWD/none'],
    ['index', 'CWD/none', 'nothing is at CWD/none'],
    [
      'index',
      'a.example/simple',
      'nothing is at CWD/a.example/simple; the address of a host starts with https://',
    ],
    ['ca-file', 'none.pem', 'CWD/none.pem cannot be read (ENOENT)'],
    ['ca-file', 'empty.pem', 'there is no certificate in CWD/empty.pem'],
    ['ca-file', 'https://a.example/ca.pem', 'it is not a path'],
  ])('%s %s', async (name, value, problem) => {
    const error = await refused(name, value.replace('CWD', cwd));
    expect(error.message).toBe(`${name} was not stored: ${problem.replace('CWD', cwd)}.`);
  });
});

describe('a secret is not stored, and not repeated', () => {
  const VARIABLES = {
    index: 'PIP_INDEX_URL',
    'extra-index': 'PIP_EXTRA_INDEX_URL',
    'find-links': 'PIP_FIND_LINKS',
    proxy: 'HTTPS_PROXY',
    'python-mirror': 'UV_PYTHON_INSTALL_MIRROR',
    'official-mirror': 'UV_ASTRAL_MIRROR_URL',
    'model-hub': 'HF_ENDPOINT',
  };
  test.each(Object.entries(VARIABLES) as [StoredSettingName, string][])(
    '%s: a login',
    async (name, variable) => {
      const { kind } = STORED_SETTINGS[name];
      const isProxy = kind === 'proxy';
      for (const value of [
        'https://me:s3cr3tword@a.example/x',
        'me:s3cr3tword@a.example',
        's3cr3tword@a.example',
      ]) {
        const error = await refused(name, value);
        expect(error.message).toBe(`${name} was not stored: there is a login or a token in it.`);
        expect(JSON.stringify([error.message, error.evidence, error.remedies])).not.toContain('s3cr3tword');
        expect(error.evidence).toEqual(['ktx stores no secrets']);
        const whole = isProxy ? 'http://<user>:<password>@<proxy>' : 'https://<user>:<password>@<host>/…';
        expect(error.remedies.map(({ label }) => label)).toEqual([
          'Store it without the secret',
          ...(isProxy
            ? []
            : ['Put the login into ~/.netrc: machine <host> login <user> password <password>']),
          `Or give all of it by variable, at each run: ${variable}=${whole}`,
        ]);
        expect(error.remedies[0]!.argv).toEqual([
          'ktx',
          'admin',
          'network',
          'set',
          name,
          isProxy ? '<host:port>' : `<${kind === 'addresses' ? 'address …' : 'address'}>`,
        ]);
      }
    },
  );

  test.each(['?page=x', '?sv=1', '#x'])('a query or fragment: %s', async (end) => {
    const error = await refused('index', `https://a.example/simple${end}`);
    expect(error.evidence).toEqual(['what follows ? or # may be a token', 'ktx stores no secrets']);
  });

  test('a login among hosts has no variable of its own', async () => {
    const error = await refused('no-proxy', 'me:s3cr3tword@a.example');
    expect(error.remedies.map(({ label }) => label)).toEqual(['Store it without the secret']);
  });
});
