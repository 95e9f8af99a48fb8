import { chmod, mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { describeFailure } from '../../../src/failure/failure.ts';
import { checkedSetting } from '../../../src/network/settings/checked-setting.ts';
import { type NetworkProfileOptions, readNetworkProfile } from '../../../src/network/settings/profile.ts';
import type { StoredSettingName } from '../../../src/network/settings/setting-list.ts';
import {
  forgetStoredSettings,
  readStoredSettings,
  type StoredSettings,
  storeSetting,
} from '../../../src/network/settings/stored-settings.ts';
import { NewerFormatError } from '../../../src/support/errors.ts';
import { makeAuthority } from '../../fixtures/network.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';

let home: string;
beforeEach(async () => {
  home = await temporaryFolder();
});

/** Files below the home, by path; nothing of the machine that runs the tests. */
async function profileWith(
  files: Record<string, string | Uint8Array>,
  env: NodeJS.ProcessEnv = {},
  more: Partial<NetworkProfileOptions> = {},
) {
  for (const [name, text] of Object.entries(files)) {
    await mkdir(join(home, name, '..'), { recursive: true });
    await writeFile(join(home, name), text);
  }
  const own = {
    XDG_CONFIG_DIRS: join(home, 'xdg'),
    npm_config_globalconfig: join(home, 'npmrc-global'),
    ...env,
  };
  return readNetworkProfile({ env: own, homeDir: home, ...more });
}
const stored = (settings: StoredSettings) => ({
  'network.json': JSON.stringify({ schemaVersion: 1, settings }),
});

describe('precedence', () => {
  const index = (name: string) => `https://${name}.example/simple`;
  const files = {
    ...stored({ index: index('stored') }),
    '.config/uv/uv.toml': `index-url = "${index('uv')}"`,
    '.config/pip/pip.conf': `[global]\nindex-url = ${index('pip')}`,
  };
  const without = (...names: string[]) =>
    Object.fromEntries(Object.entries(files).filter(([name]) => !names.includes(name)));
  it.each<[string, Record<string, string>, NodeJS.ProcessEnv, string | undefined]>([
    ['flag', files, { PIP_INDEX_URL: index('env') }, index('flag')],
    ['stored', files, { PIP_INDEX_URL: index('env') }, undefined],
    ['env', without('network.json'), { PIP_INDEX_URL: index('env') }, undefined],
    ['uv', without('network.json'), {}, undefined],
    ['pip', without('network.json', '.config/uv/uv.toml'), {}, undefined],
  ])('%s wins over all below it', async (expected, given, env, indexUrl) => {
    const profile = await profileWith(given, env, {
      storedPath: join(home, 'network.json'),
      ...(indexUrl ? { indexUrl } : {}),
    });
    expect(profile.indexes.map(({ url }) => url)).toEqual([index(expected)]);
  });

  it('proxies: stored, environment, uv, pip, npm', async () => {
    const proxy = (name: string) => `http://${name}.example:3128/`;
    const layers: [string, Record<string, string>, NodeJS.ProcessEnv][] = [
      ['npm', { '.npmrc': `proxy = ${proxy('npm')}` }, {}],
      ['pip', { '.config/pip/pip.conf': `[global]\nproxy = ${proxy('pip')}` }, {}],
      ['uv', { '.config/uv/uv.toml': `https-proxy = "${proxy('uv')}"` }, {}],
      ['env', {}, { https_proxy: proxy('env') }],
      ['stored', stored({ proxy: proxy('stored') }), {}],
    ];
    const env: NodeJS.ProcessEnv = {};
    for (const [name, given, variables] of layers) {
      Object.assign(env, variables);
      const profile = await profileWith(given, env, { storedPath: join(home, 'network.json') });
      expect(profile.proxies.forHttps?.url).toBe(proxy(name));
      expect(profile.describe().find((line) => line.name === 'proxy for https')?.value).toBe(proxy(name));
    }
  });

  it('no-index of pip does not switch off an index that was set for ktx', async () => {
    const profile = await profileWith(
      stored({ index: index('stored') }),
      { PIP_NO_INDEX: '1' },
      {
        storedPath: join(home, 'network.json'),
      },
    );
    expect(profile.indexes.map(({ url }) => url)).toEqual([index('stored')]);
  });
});

describe('uv.toml', () => {
  it('gives indexes with their logins, find-links, mirror, proxies; relative paths are those of its folder', async () => {
    const profile = await profileWith(
      {
        '.config/uv/uv.toml': `
          find-links = ["./wheels", "https://l.example/"] # two
          python-install-mirror = 'https://py.example/builds'
          no-proxy = ["a.example", "10.0.0.0/8"]
          [[index]]
          name = "corp-main"
          url = "https://me:toml-secret@main.example/simple"
          default = true
          [[index]]
          name = "extra"
          url = "https://extra.example/simple"
          [[index]]
          url = "https://torch.example/simple"
          explicit = true
        `,
      },
      { UV_INDEX_EXTRA_USERNAME: 'u', UV_INDEX_EXTRA_PASSWORD: 'variable-secret' },
    );
    expect(profile.indexes.map(({ url }) => url)).toEqual([
      'https://extra.example/simple',
      'https://main.example/simple',
    ]);
    expect(profile.indexes[0]?.origin).toBe(`uv configuration (${join(home, '.config/uv/uv.toml')})`);
    expect(profile.findLinks.map(({ label }) => label)).toEqual([
      join(home, '.config/uv/wheels'),
      'l.example',
    ]);
    expect(profile.pythonInstallMirror?.url).toBe('https://py.example/builds');
    expect(profile.proxies.noProxy).toBe('a.example,10.0.0.0/8');
    expect(profile.credentials.map(({ password }) => password)).toEqual(['toml-secret', 'variable-secret']);
    expect(JSON.stringify(profile.describe())).not.toContain('secret');
  });

  it('the user before the system; [pip] inside; UV_CONFIG_FILE alone; UV_NO_CONFIG none', async () => {
    const files = {
      'xdg/uv/uv.toml': 'index-url = "https://system.example/s"\nfind-links = ["https://system.example/l"]',
      '.config/uv/uv.toml': '[pip]\nindex-url = "https://user.example/s"',
      'own.toml': 'index-url = "https://own.example/s"',
    };
    const both = await profileWith(files);
    expect([both.indexes[0]?.label, both.findLinks[0]?.label]).toEqual(['user.example', 'system.example']);
    const own = await profileWith({}, { UV_CONFIG_FILE: join(home, 'own.toml') });
    expect([own.indexes[0]?.label, own.findLinks]).toEqual(['own.example', []]);
    const none = await profileWith({}, { UV_NO_CONFIG: '1' });
    expect(none.indexes[0]?.origin).toBe('default');
  });

  it('a broken or missing one is said and left out', async () => {
    const broken = await profileWith({ '.config/uv/uv.toml': 'index-url = "https://a.example' });
    expect(broken.warnings.join()).toMatch(/uv\.toml is left out: line 1/);
    expect(broken.indexes[0]?.origin).toBe('default');
    const gone = await profileWith({}, { UV_CONFIG_FILE: join(home, 'gone.toml') });
    expect(gone.warnings.join()).toContain('gone.toml is left out');
  });
});

describe('npm', () => {
  it('gives proxies, exceptions and authorities, from variables, the user and the machine', async () => {
    const profile = await profileWith(
      {
        '.npmrc':
          // biome-ignore lint/suspicious/noTemplateCurlyInString: npm's own way to name a variable.
          'https-proxy = "http://${PROXY_HOST}:8080"\nnoproxy=a.example\n//r.example/:_authToken=npm-secret\nstrict-ssl=false',
        'npmrc-global': 'proxy=http://global.example:1\nnoproxy=b.example\ncafile=/nowhere/ca.pem',
      },
      { PROXY_HOST: 'npm-proxy.example' },
    );
    expect(profile.proxies.forHttps?.url).toBe('http://npm-proxy.example:8080/');
    expect(profile.proxies.forHttp?.url).toBe('http://global.example:1/');
    expect(profile.proxies.noProxy).toBe('a.example');
    expect(profile.warnings.join()).toMatch(/npmrc-global\) names \/nowhere\/ca\.pem, which cannot be read/);
    expect(profile.warnings.join()).toContain('strict-ssl=false is set');
    const byVariable = await profileWith({}, { NPM_CONFIG_HTTPS_PROXY: 'http://v.example:2' });
    expect(byVariable.proxies.forHttps).toMatchObject({
      url: 'http://v.example:2/',
      origin: 'NPM_CONFIG_HTTPS_PROXY',
    });
    const switchedOff = await profileWith({ '.npmrc': 'proxy = null\nhttps-proxy=false' });
    expect([switchedOff.proxies.forHttps, switchedOff.proxies.forHttp]).toEqual([null, null]);
  });
});

it('a login is one with one slash before it, too', async () => {
  const profile = await profileWith({}, { HTTPS_PROXY: 'http:/me:pass-word@proxy.example:1' });
  expect(profile.proxies.forHttps).toMatchObject({ url: 'http://proxy.example:1/' });
  expect(profile.proxies.forHttps?.authorization).toMatch(/^Basic /);
  expect(JSON.stringify(profile.describe())).not.toContain('pass-word');
});

it('takes the mirrors and limits of uv and the hub of models', async () => {
  const profile = await profileWith(
    {},
    {
      HF_ENDPOINT: 'https://hub.acme.internal',
      UV_INSTALLER_GITHUB_BASE_URL: 'https://ghe.acme.internal',
      UV_HTTP_TIMEOUT: '90',
      UV_HTTP_CONNECT_TIMEOUT: '7',
      UV_HTTP_RETRIES: '0',
    },
  );
  expect(profile.modelHub).toMatchObject({ label: 'hub.acme.internal', origin: 'HF_ENDPOINT' });
  expect(profile.githubReleases).toBe('https://ghe.acme.internal/');
  expect([profile.idleTimeoutMs, profile.connectTimeoutMs, profile.retries]).toEqual([90_000, 7000, 0]);
  expect(
    profile
      .describe()
      .filter(({ origin }) => origin === 'default')
      .map(({ name }) => name),
  ).toEqual(['package index', 'official builds']);
});

it('an unreadable configuration is said', async () => {
  await mkdir(join(home, '.npmrc'));
  await mkdir(join(home, '.config/pip/pip.conf'), { recursive: true });
  await mkdir(join(home, '.config/uv/uv.toml'), { recursive: true });
  const { warnings } = await profileWith({});
  expect(warnings.join('\n')).toMatch(/uv\.toml[\s\S]*pip\.conf[\s\S]*\.npmrc/);
});

describe('network.json', () => {
  it('is for the user alone, holds what was set, and goes with the last setting', async () => {
    const path = join(home, 'uv', 'network.json');
    await storeSetting(path, 'index', 'https://a.example/s', '0.3.0');
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    await chmod(path, 0o644);
    await storeSetting(path, 'no-proxy', 'b.example', '0.3.0');
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await readStoredSettings(path)).toEqual({ index: 'https://a.example/s', 'no-proxy': 'b.example' });
    await storeSetting(path, 'index', null, '0.3.0');
    await storeSetting(path, 'no-proxy', null, '0.3.0');
    await expect(readFile(path)).rejects.toThrow(/ENOENT/);
    expect(await readStoredSettings(path)).toEqual({});
  });

  it('keeps what a newer ktx added, beside the settings and among them', async () => {
    const path = join(home, 'uv', 'network.json');
    const newer = {
      schemaVersion: 1,
      writtenBy: '9.1.0',
      settings: { index: 'https://a.example/s', dns: ['10.0.0.1'] },
      pools: { a: 1 },
    };
    await mkdir(join(path, '..'), { recursive: true });
    await writeFile(path, JSON.stringify(newer));
    expect(await readStoredSettings(path)).toEqual({ index: 'https://a.example/s' });
    await storeSetting(path, 'proxy', 'http://p.example:1', '0.3.0');
    await storeSetting(path, 'index', null, '0.3.0');
    expect(JSON.parse(await readFile(path, 'utf8'))).toEqual({
      ...newer,
      settings: { dns: ['10.0.0.1'], proxy: 'http://p.example:1' },
    });
    await storeSetting(path, 'proxy', null, '0.3.0');
    expect(JSON.parse(await readFile(path, 'utf8')).settings).toEqual({ dns: ['10.0.0.1'] });
    expect(await forgetStoredSettings(path)).toEqual(['dns']);
    await expect(readFile(path)).rejects.toThrow(/ENOENT/);
  });

  it('in a newer format it is neither read nor written over, and says which ktx wrote it', async () => {
    const path = join(home, 'uv', 'network.json');
    await mkdir(join(path, '..'), { recursive: true });
    const text = '{"schemaVersion":2,"writtenBy":"9.1.0","profiles":[]}';
    await writeFile(path, text);
    await expect(readStoredSettings(path)).rejects.toThrow(`${path} was written by a newer ktx, 9.1.0.`);
    await expect(storeSetting(path, 'proxy', 'http://p.example:1', '0.3.0')).rejects.toThrow(
      NewerFormatError,
    );
    expect(await readFile(path, 'utf8')).toBe(text);
    const failure = describeFailure(await readStoredSettings(path).catch((error: unknown) => error), {
      step: null,
      untouched: '',
      logPath: null,
    });
    expect(failure).toMatchObject({ cause: 'newer-ktx', failureClass: 'conflict' });
    expect(failure.evidence.join()).not.toContain('schemaVersion');
  });

  it.each(['{', '{"schemaVersion":1,"settings":{"proxy":7}}', '{"schemaVersion":1}', 'null', '7', '[]'])(
    '%s is refused by name',
    async (text) => {
      const path = join(home, 'network.json');
      await writeFile(path, text);
      await expect(readStoredSettings(path)).rejects.toMatchObject({
        failureClass: 'conflict',
        message: expect.stringContaining(path),
      });
    },
  );

  it.each<[StoredSettingName, string, string]>([
    ['index', 'https://a.example/s', 'https://a.example/s'],
    ['index', 'https://a.example/pypi-remote-production/npm_mirror/s', '$&'],
    ['index', 'wheels', 'file://HOME/wheels'],
    ['proxy', 'proxy.example:3128', 'http://proxy.example:3128/'],
    ['no-proxy', '.a.example, 10.0.0.0/8', '$&'],
    ['no-proxy', '*', '$&'],
    ['no-proxy', 'localhost,*.b_c.example:8080 ::1 [::1]:80 fd00::/8 127.0.0.1:9', '$&'],
    ['ca-file', './ca.pem', 'HOME/ca.pem'],
    ['find-links', 'HOME/wheels https://b.example/', 'file://HOME/wheels https://b.example/'],
  ])('%s %s', async (name, value, expected) => {
    await mkdir(join(home, 'wheels'));
    if (name === 'ca-file') await makeAuthority(home);
    const given = value.replaceAll('HOME', home);
    const kept = expected.replace('$&', given).replaceAll('HOME', home);
    expect(await checkedSetting(name, given, home)).toBe(kept);
  });

  it.each<[StoredSettingName, string]>([
    ['index', 'https://me:pass-word@a.example/s'],
    ['index', 'https://token-word@a.example/s'],
    ['index', 'https://a.example/s?token=token-word'],
    ['index', 'https://a.example/s?access=token-word'],
    ['index', 'https://a.example/s#token-word'],
    ['index', 'https://a.example/glpat-token-word0123456789/s'],
    ['index', 'ghp_tokenword0123456789abcdefghijklmnop'],
    ['extra-index', 'https://a.example/github_pat_tokenword0123456789/s'],
    ['python-mirror', 'https://a.example/npm_tokenword0123456789'],
    ['official-mirror', 'https://a.example/pypi-AgEIcHlwaS5token-word'],
    ['model-hub', 'https://a.example/hf_tokenword0123456789'],
    ['ca-file', 'hf_tokenword0123456789'],
    ['proxy', 'http://me:pass-word@proxy.example:1'],
    ['proxy', 'me:pass-word@proxy.example:1'],
    ['no-proxy', 'a.example,me:pass-word@b.example'],
    ['no-proxy', 'glpat-token-word0123456789'],
    ['extra-index', 'https://b.example/ https://me:pass-word@a.example/'],
    // The URL standard takes one slash, or three, for two.
    ['index', 'https:/me:pass-word@a.example/s'],
    ['index', 'https:///token-word@a.example/s'],
    ['index', 'https:/\t/me:pass-word@a.example/s'],
    ['find-links', 'https://b.example/ https:/me:pass-word@a.example/'],
    ['proxy', 'https:///me:pass-word@proxy.example:1'],
    ['proxy', 'https:/me:pass-word@proxy.example:1'],
    ['proxy', 'http://me:12/pass-word@proxy.example'],
    ['proxy', '/me:pass-word@proxy.example:1'],
  ])('never keeps a secret, nor repeats it: %s %s', async (name, value) => {
    const error = await checkedSetting(name, value, home).catch((thrown: unknown) => thrown);
    const { message, evidence, nextSteps } = error as {
      message: string;
      evidence: unknown;
      nextSteps: string[];
    };
    expect(message).toContain('there is a login or a token in it');
    expect(JSON.stringify([message, evidence, nextSteps])).not.toMatch(/pass-word|token-?word/);
  });

  it('says where a login belongs', async () => {
    const steps = async (name: StoredSettingName, value: string) => {
      const error = await checkedSetting(name, value, home).catch((thrown: unknown) => thrown);
      return (error as { nextSteps: string[] }).nextSteps.join('\n');
    };
    const index = await steps('index', 'https://me:pass-word@a.example/s');
    expect(index).toMatch(/~\/\.netrc: machine <host> login/);
    expect(index).toContain('PIP_INDEX_URL=https://<user>:<password>@<host>');
    expect(await steps('proxy', 'me:pass-word@a.example:1')).toContain('HTTPS_PROXY=http');
  });

  it.each<[StoredSettingName, string, RegExp]>([
    ['proxy', 'socks5://a.example:1', /socks5: is not supported/],
    ['index', 'ftp://a.example/', /ftp: is not supported/],
    ['index', 'a.example', /nothing is at .*a\.example; the address of a host starts with https:/],
    ['find-links', './gone', /nothing is at .*gone\.$/],
    ['ca-file', 'https://a.example/ca.pem', /not a path/],
    ['ca-file', 'gone.pem', /gone\.pem cannot be read \(ENOENT\)/],
    ['ca-file', 'notes.txt', /there is no certificate in .*notes\.txt/],
    ['no-proxy', 'http://a.example', /not a list of hosts/],
    ['no-proxy', 'a b c/d', /not a list of hosts/],
    ['index', ' ', /empty/],
    ['index', 'https://', /not an address/],
  ])('refuses %s %s', async (name, value, problem) => {
    await writeFile(join(home, 'notes.txt'), 'to do');
    const error = (await checkedSetting(name, value, home).catch((thrown: unknown) => thrown)) as Error;
    expect(error.message).toMatch(/was not stored/);
    expect(error.message).toMatch(problem);
  });
});

describe('what people write into settings', () => {
  const INDEX = 'https://corp.example/simple';
  const EXTRA = 'https://more.example/simple';
  const urls = (profile: { indexes: readonly { url: string }[] }) => profile.indexes.map(({ url }) => url);

  it.each<[string, Record<string, string>, NodeJS.ProcessEnv]>([
    ['# in pip.conf', { '.config/pip/pip.conf': `[global]\nindex-url = ${INDEX}  # ours\n` }, {}],
    ['; in pip.conf', { '.config/pip/pip.conf': `[global]\nindex-url = ${INDEX} ; ours\n` }, {}],
    ['# in an env file', {}, { PIP_INDEX_URL: `${INDEX} # ours` }],
    ['# in a list', {}, { UV_DEFAULT_INDEX: INDEX, PIP_EXTRA_INDEX_URL: `${EXTRA} # theirs\n` }],
  ])('leaves out a comment after an address: %s', async (_, files, env) => {
    const profile = await profileWith(files, env);
    expect(urls(profile)[0]).toBe(INDEX);
    expect(urls(profile).filter((url) => url !== INDEX && url !== EXTRA)).toEqual([]);
    expect(profile.warnings).toEqual([
      expect.stringMatching(/has a comment after its value, which other tools take for a part of it/),
    ]);
  });

  it('takes the comments out of each line of a list', async () => {
    const conf = `[global]\nindex-url = ${INDEX}\nextra-index-url =\n  ${EXTRA}  # theirs\n  https://third.example/simple ; why\n`;
    const profile = await profileWith({ '.config/pip/pip.conf': conf });
    expect(urls(profile)).toEqual([INDEX, EXTRA, 'https://third.example/simple']);
  });

  it('takes no part of a password for a comment', async () => {
    const asked = profileWith({}, { PIP_INDEX_URL: 'https://me:a #b@corp.example/simple' });
    await expect(asked).rejects.toThrow('PIP_INDEX_URL is not a usable address.');
  });

  it('reads uv.toml and netrc in UTF-16, and says so of what other tools refuse', async () => {
    const utf16 = (text: string) => Buffer.from(`\uFEFF${text}`, 'utf16le');
    const profile = await profileWith({
      '.config/uv/uv.toml': utf16(`index-url = "${INDEX}"\r\n`),
      '.netrc': utf16('machine corp.example login me password x\r\n'),
    });
    expect(urls(profile)).toEqual([INDEX]);
    expect(profile.netrc).toEqual([{ machine: 'corp.example', username: 'me', password: 'x' }]);
    expect(profile.warnings).toEqual([expect.stringMatching(/uv\.toml is in UTF-16/)]);
  });

  it('reads a uv.toml with a byte order mark', async () => {
    const profile = await profileWith({ '.config/uv/uv.toml': `\uFEFFindex-url = "${INDEX}"\n` });
    expect([urls(profile), profile.warnings]).toEqual([[INDEX], []]);
  });

  it.each([
    ['PIP_CONFIG_FILE', `[global]\nindex-url = ${INDEX}\n`],
    ['UV_CONFIG_FILE', `index-url = "${INDEX}"\n`],
  ])('expands ~ in %s', async (name, text) => {
    const profile = await profileWith({ 'my.conf': text }, { [name]: '~/my.conf' });
    expect([urls(profile), profile.warnings]).toEqual([[INDEX], []]);
  });

  it('expands ~ in the name of an npmrc', async () => {
    const env = { npm_config_userconfig: '~/my.npmrc' };
    const profile = await profileWith({ 'my.npmrc': 'https-proxy=http://proxy.example:8080\n' }, env);
    expect(profile.proxies.forHttps?.url).toBe('http://proxy.example:8080/');
  });

  it("leaves out the user's pip.conf where PIP_CONFIG_FILE names a file, as pip does", async () => {
    const files = {
      '.config/pip/pip.conf': `[global]\nextra-index-url = ${EXTRA}\n`,
      'my.conf': `[global]\nindex-url = ${INDEX}\n`,
    };
    const env = { PIP_CONFIG_FILE: join(home, 'my.conf') };
    expect(urls(await profileWith(files, env))).toEqual([INDEX]);
    expect(urls(await profileWith({}, { PIP_CONFIG_FILE: join(home, 'none') }))).toContain(EXTRA);
  });

  it.each([
    ['in UTF-16', (pem: string) => Buffer.from(`\uFEFF${pem}`, 'utf16le'), null],
    ['of the old kind', (pem: string) => pem.replaceAll(' CERTIFICATE', ' X509 CERTIFICATE'), null],
    [
      'in PKCS #7',
      () => '-----BEGIN PKCS7-----\nMIIB\n-----END PKCS7-----\n',
      /in the PKCS #7 format; it is left out. Convert it: openssl pkcs7 -print_certs -in /,
    ],
    [
      'in PKCS #12',
      () => Buffer.from('3082010a020103308201', 'hex'),
      /in the PKCS #12 format; it is left out. Convert it: openssl pkcs12 -cacerts -nokeys -in /,
    ],
  ])('takes or names authorities %s', async (_, write, warning) => {
    const { caPem } = await makeAuthority(await temporaryFolder());
    const env = { SSL_CERT_FILE: '~/corp.crt' };
    const { certificateFiles, warnings } = await profileWith({ 'corp.crt': write(caPem) }, env);
    const own = certificateFiles.filter(({ origin }) => origin === 'SSL_CERT_FILE');
    expect(own).toHaveLength(warning === null ? 1 : 0);
    expect(warnings).toEqual(warning === null ? [] : [expect.stringMatching(warning)]);
  });

  it('sends no fragment of an address', async () => {
    const profile = await profileWith({}, { PIP_INDEX_URL: `${INDEX}/#egg` });
    expect(urls(profile)).toEqual([`${INDEX}/`]);
  });
});
