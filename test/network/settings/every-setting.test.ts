import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { readSettings, type SettingName } from '../../../src/network/settings/settings.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';

let home: string;
beforeEach(async () => {
  home = await temporaryFolder();
});

/** What is set by these files and variables, and by nothing of the machine that runs the tests. */
async function settingsOf(files: Record<string, string>, env: NodeJS.ProcessEnv = {}) {
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(home, name)), { recursive: true });
    await writeFile(join(home, name), text);
  }
  const own = { XDG_CONFIG_DIRS: join(home, 'none'), npm_config_globalconfig: join(home, 'none'), ...env };
  const settings = await readSettings({ env: own, homeDir: home });
  // What the machine sets for all its users is read in any case.
  const all = (name: SettingName) => settings.all(name).filter(({ origin }) => !origin.includes('(/etc/'));
  return { all, first: (name: SettingName) => all(name)[0] ?? null };
}

/** Each setting with the variables that set it, the strongest first. */
const VARIABLES: Partial<Record<SettingName, string[]>> = {
  index: ['UV_DEFAULT_INDEX', 'UV_INDEX_URL', 'PIP_INDEX_URL'],
  'named-index': ['UV_INDEX', 'UV_EXTRA_INDEX_URL'],
  'extra-index': ['PIP_EXTRA_INDEX_URL'],
  'find-links': ['UV_FIND_LINKS', 'PIP_FIND_LINKS'],
  'no-index': ['PIP_NO_INDEX', 'UV_NO_INDEX'],
  'https-proxy': ['https_proxy', 'HTTPS_PROXY', 'all_proxy', 'ALL_PROXY', 'PIP_PROXY'],
  'http-proxy': ['http_proxy', 'HTTP_PROXY', 'all_proxy', 'ALL_PROXY', 'PIP_PROXY'],
  'no-proxy': ['no_proxy', 'NO_PROXY'],
  ca: [
    'SSL_CERT_FILE',
    'SSL_CERT_DIR',
    'REQUESTS_CA_BUNDLE',
    'CURL_CA_BUNDLE',
    'PIP_CERT',
    'NODE_EXTRA_CA_CERTS',
  ],
  'client-cert': ['SSL_CLIENT_CERT', 'PIP_CLIENT_CERT'],
  timeout: ['UV_HTTP_TIMEOUT', 'UV_REQUEST_TIMEOUT', 'HTTP_TIMEOUT', 'PIP_TIMEOUT', 'PIP_DEFAULT_TIMEOUT'],
  retries: ['UV_HTTP_RETRIES', 'PIP_RETRIES'],
  'python-mirror': ['UV_PYTHON_INSTALL_MIRROR'],
  'official-mirror': ['UV_ASTRAL_MIRROR_URL'],
  github: ['UV_INSTALLER_GITHUB_BASE_URL'],
  'model-hub': ['HF_ENDPOINT'],
};
const ROWS = Object.entries(VARIABLES) as [SettingName, string[]][];

describe('variables', () => {
  it.each(ROWS.flatMap(([setting, names]) => names.map((name) => [name, setting] as const)))(
    '%s sets %s',
    async (name, setting) => {
      const settings = await settingsOf({}, { [name]: 'value' });
      expect(settings.all(setting)).toEqual([{ value: 'value', origin: name }]);
      // What it does not set, it leaves alone.
      const others = ROWS.filter(([, names]) => !names.includes(name));
      for (const [other] of others) expect([other, settings.all(other)]).toEqual([other, []]);
    },
  );

  it.each(ROWS)('%s is taken from the strongest of them', async (setting, names) => {
    const env = Object.fromEntries(names.map((name) => [name, `of-${name}`]));
    const settings = await settingsOf({}, env);
    expect(settings.all(setting).map(({ origin }) => origin)).toEqual(names);
    expect(settings.first(setting)).toEqual({ value: `of-${names[0]}`, origin: names[0] });
  });

  it.each([
    ['UV_INDEX', 'named-index', 'a b\nc', ['a', 'b', 'c']],
    ['PIP_EXTRA_INDEX_URL', 'extra-index', 'a b\nc', ['a', 'b', 'c']],
    ['UV_FIND_LINKS', 'find-links', 'a b,c\nd', ['a b', 'c', 'd']],
    ['PIP_FIND_LINKS', 'find-links', 'a b', ['a', 'b']],
    ['SSL_CERT_DIR', 'ca', process.platform === 'win32' ? 'a;b' : 'a:b', ['a', 'b']],
    ['SSL_CERT_FILE', 'ca', 'a b', ['a b']],
    ['NO_PROXY', 'no-proxy', 'a, b', ['a, b']],
  ] as const)('%s is split as its tool splits it', async (name, setting, value, parts) => {
    const found = (await settingsOf({}, { [name]: ` ${value} ` })).all(setting);
    expect(found.map((each) => each.value)).toEqual(parts);
  });

  it.each([
    ['UV_INDEX', 'named-index', 'ours=https://a.example/simple', 'ours'],
    ['UV_DEFAULT_INDEX', 'index', 'ours=https://a.example/simple', 'ours'],
    ['PIP_INDEX_URL', 'index', 'ours=https://a.example/simple', undefined],
  ] as const)(
    '%s may name an index where it is a variable of uv',
    async (name, setting, value, indexName) => {
      const expected = indexName === undefined ? { value } : { value: 'https://a.example/simple', indexName };
      expect((await settingsOf({}, { [name]: value })).all(setting)).toEqual([{ origin: name, ...expected }]);
    },
  );

  it.each([
    [{ PIP_TRUSTED_HOST: 'a.example' }, 'trusted-host'],
    [{ UV_INSECURE_HOST: 'a.example' }, 'UV_INSECURE_HOST'],
    [{ NODE_TLS_REJECT_UNAUTHORIZED: '0' }, 'NODE_TLS_REJECT_UNAUTHORIZED=0'],
    [{ NODE_TLS_REJECT_UNAUTHORIZED: '1' }, undefined],
    [{ PIP_TRUSTED_HOST: ' ', UV_INSECURE_HOST: '' }, undefined],
  ])('%o weakens TLS', async (env, value) => {
    const found = (await settingsOf({}, env)).all('weak-tls');
    expect(found).toEqual(value === undefined ? [] : [{ value, origin: Object.keys(env)[0] }]);
  });

  it.each([
    [{ UV_KEYRING_PROVIDER: 'subprocess' }, /keyring/],
    [{ PIP_KEYRING_PROVIDER: 'IMPORT' }, /keyring/],
    [{ UV_KEYRING_PROVIDER: 'native' }, /keyring/],
    [{ UV_OFFLINE: 'true' }, /--offline/],
    [{ UV_KEYRING_PROVIDER: 'disabled', PIP_KEYRING_PROVIDER: 'auto', UV_OFFLINE: '0' }, null],
  ])('%o is not obeyed, and said', async (env, words) => {
    const found = (await settingsOf({}, env)).all('not-obeyed');
    expect(found).toEqual(
      words === null ? [] : [{ value: expect.stringMatching(words), origin: Object.keys(env)[0] }],
    );
  });
});

const PIP = '.config/pip/pip.conf';
const UV = '.config/uv/uv.toml';

describe('files', () => {
  it.each([
    ['index-url', ['index'], ['value']],
    ['extra-index-url', ['extra-index'], ['a', 'b']],
    ['find-links', ['find-links'], ['a', 'b']],
    ['no-index', ['no-index'], ['true']],
    ['proxy', ['https-proxy', 'http-proxy'], ['value']],
    ['cert', ['ca'], ['value']],
    ['client-cert', ['client-cert'], ['value']],
    ['timeout', ['timeout'], ['7']],
    ['default-timeout', ['timeout'], ['7']],
    ['retries', ['retries'], ['7']],
  ] as const)('%s of pip.conf', async (key, names, values) => {
    const settings = await settingsOf({ [PIP]: `[global]\n${key} = ${values.join(' ')}\n` });
    const origin = `pip configuration (${join(home, PIP)})`;
    for (const name of names) expect(settings.all(name)).toEqual(values.map((value) => ({ value, origin })));
    // pip lets its variable replace the file's.
    const variable = `PIP_${key.toUpperCase().replaceAll('-', '_')}`;
    const replaced = await settingsOf({}, { [variable]: 'other' });
    for (const name of names) expect(replaced.all(name).map((each) => each.origin)).not.toContain(origin);
  });

  it('a timeout of pip.conf is the first of two names', async () => {
    const settings = await settingsOf({ [PIP]: '[global]\ndefault-timeout = 8\ntimeout = 7\n' });
    expect(settings.all('timeout').map(({ value }) => value)).toEqual(['7', '8']);
  });

  it('what pip.conf would weaken, and its keyring, are said', async () => {
    const settings = await settingsOf({
      [PIP]: '[global]\ntrusted-host = a.example\nkeyring-provider = import\n',
    });
    expect(settings.first('weak-tls')?.value).toBe('trusted-host');
    expect(settings.first('not-obeyed')?.value).toContain('keyring');
    expect(
      (await settingsOf({ [PIP]: '[global]\nkeyring-provider = disabled\n' })).all('not-obeyed'),
    ).toEqual([]);
  });

  it.each([
    ['index-url = "value"', 'index', ['value']],
    ['extra-index-url = ["a", "b"]', 'named-index', ['a', 'b']],
    ['find-links = ["a", "b"]', 'find-links', ['a', 'b']],
    ['no-index = true', 'no-index', ['true']],
    ['no-index = false', 'no-index', []],
    ['https-proxy = "value"', 'https-proxy', ['value']],
    ['http-proxy = "value"', 'http-proxy', ['value']],
    ['no-proxy = ["a", "b"]', 'no-proxy', ['a,b']],
    ['python-install-mirror = "value"', 'python-mirror', ['value']],
    ['allow-insecure-host = ["a"]', 'weak-tls', ['allow-insecure-host']],
    ['keyring-provider = "subprocess"', 'not-obeyed', [expect.stringContaining('keyring')]],
    ['keyring-provider = "disabled"', 'not-obeyed', []],
    ['offline = true', 'not-obeyed', [expect.stringContaining('--offline')]],
    ['offline = false', 'not-obeyed', []],
    ['[[index]]\nurl = "a"\ndefault = true', 'index', ['a']],
    ['[[index]]\nurl = "a"', 'named-index', ['a']],
    ['[[index]]\nurl = "a"\nformat = "flat"', 'find-links', ['a']],
  ] as const)('%s of uv.toml', async (text, name, values) => {
    const settings = await settingsOf({ [UV]: `${text}\n` });
    expect(settings.all(name).map(({ value }) => value)).toEqual(values);
    for (const { origin } of settings.all(name)) expect(origin).toBe(`uv configuration (${join(home, UV)})`);
  });

  it.each([
    ['https-proxy=a', 'https-proxy', ['a']],
    ['proxy=a', 'https-proxy', ['a']],
    ['proxy=a', 'http-proxy', ['a']],
    ['http-proxy=a', 'http-proxy', ['a']],
    ['https-proxy=a\nproxy=b', 'https-proxy', ['a']],
    ['proxy=false', 'https-proxy', []],
    ['noproxy=a', 'no-proxy', ['a']],
    ['cafile=a\nca=b', 'ca', ['a', 'b']],
    ['strict-ssl=false', 'weak-tls', ['strict-ssl=false']],
    ['strict-ssl=true', 'weak-tls', []],
  ] as const)('%j of npmrc', async (text, name, values) => {
    const settings = await settingsOf({ '.npmrc': `${text}\n` });
    expect(settings.all(name).map(({ value }) => value)).toEqual(values);
  });
});
