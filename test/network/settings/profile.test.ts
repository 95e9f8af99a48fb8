import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { GITHUB, MODEL_HUB, OFFICIAL_MIRROR } from '../../../src/network/address/official-hosts.ts';
import { PUBLIC_INDEX_URL } from '../../../src/network/address/public-index.ts';
import { type NetworkProfileOptions, readNetworkProfile } from '../../../src/network/settings/profile.ts';
import { patienceOf } from '../../../src/network/transport/http-client.ts';
import { makeAuthority } from '../../fixtures/network.ts';

let home: string;
/** Keeps the files of the machine that runs the tests out. */
const CLEAN = { PIP_CONFIG_FILE: '/dev/null' };

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'ktx-profile-'));
});
afterEach(() => rm(home, { recursive: true, force: true }));

const read = (env: NodeJS.ProcessEnv, more: Partial<NetworkProfileOptions> = {}) =>
  readNetworkProfile({ env: { ...CLEAN, ...env }, homeDir: home, ...more });

const readWithPipConfig = async (text: string, env: NodeJS.ProcessEnv = {}) => {
  await writeFile(join(home, 'pip.conf'), text);
  return read({ PIP_CONFIG_FILE: join(home, 'pip.conf'), XDG_CONFIG_DIRS: join(home, 'none'), ...env });
};

describe('indexes', () => {
  it.each<[string, NodeJS.ProcessEnv, string | undefined, [string, string][]]>([
    ['default', {}, undefined, [[PUBLIC_INDEX_URL, 'default']]],
    [
      'flag before all',
      { UV_DEFAULT_INDEX: 'https://u.example/s' },
      'https://f.example/s',
      [['https://f.example/s', '--index-url']],
    ],
    [
      'uv before pip',
      { UV_DEFAULT_INDEX: 'https://u.example/s', PIP_INDEX_URL: 'https://p.example/s' },
      undefined,
      [['https://u.example/s', 'UV_DEFAULT_INDEX']],
    ],
    [
      'older name of uv',
      { UV_INDEX_URL: 'https://u.example/s' },
      undefined,
      [['https://u.example/s', 'UV_INDEX_URL']],
    ],
    ['pip', { PIP_INDEX_URL: 'https://p.example/s' }, undefined, [['https://p.example/s', 'PIP_INDEX_URL']]],
    ['a path', { PIP_INDEX_URL: '/srv/simple' }, undefined, [['file:///srv/simple', 'PIP_INDEX_URL']]],
    [
      'extras add, repeats go',
      {
        UV_INDEX: 'corp=https://u.example/s',
        PIP_EXTRA_INDEX_URL: 'https://a.example/s https://u.example/s/',
      },
      'https://f.example/s',
      [
        ['https://f.example/s', '--index-url'],
        ['https://u.example/s', 'UV_INDEX'],
        ['https://a.example/s', 'PIP_EXTRA_INDEX_URL'],
      ],
    ],
    ['no-index', { PIP_NO_INDEX: '1', PIP_EXTRA_INDEX_URL: 'https://a.example/s' }, undefined, []],
    [
      'an empty variable is none',
      { PIP_INDEX_URL: '', UV_DEFAULT_INDEX: ' ' },
      undefined,
      [[PUBLIC_INDEX_URL, 'default']],
    ],
  ])('%s', async (_, env, indexUrl, expected) => {
    const profile = await read(env, indexUrl ? { indexUrl } : {});
    expect(profile.indexes.map((index) => [index.url, index.origin])).toEqual(expected);
  });

  it('reads the pip configuration, its lists over several lines, and names the file', async () => {
    const profile = await readWithPipConfig(
      '[global]\nindex-url = https://g.example/s\nfind-links =\n  /srv/wheels\n  https://l.example/\n' +
        '[install]\nindex-url = https://i.example/s\nextra-index-url =\n  https://a.example/s\n  https://b.example/s\n',
    );
    expect(profile.indexes.map((index) => index.url)).toEqual([
      'https://i.example/s',
      'https://a.example/s',
      'https://b.example/s',
    ]);
    expect(profile.indexes[0]?.origin).toContain(join(home, 'pip.conf'));
    expect(profile.findLinks.map((links) => links.url)).toEqual(['file:///srv/wheels', 'https://l.example/']);
  });

  it('lets a variable replace the list of the file, as pip does', async () => {
    const profile = await readWithPipConfig('[global]\nextra-index-url = https://a.example/s', {
      PIP_EXTRA_INDEX_URL: 'https://b.example/s',
    });
    expect(profile.indexes.map((index) => index.url)).toEqual([PUBLIC_INDEX_URL, 'https://b.example/s']);
  });

  it('finds the file of the user', async () => {
    await mkdir(join(home, '.config', 'pip'), { recursive: true });
    await writeFile(join(home, '.config', 'pip', 'pip.conf'), '[global]\nno-index = true\n');
    const profile = await readNetworkProfile({ env: {}, homeDir: home });
    expect(profile.isIndexDisabled).toBe(true);
    expect(profile.indexes).toEqual([]);
  });

  it.each(['ftp://a.example/', 'https://', 'https://a b/'])(
    'refuses %s, naming the setting',
    async (indexUrl) => {
      await expect(read({}, { indexUrl })).rejects.toMatchObject({
        name: 'KtxExpectedError',
        failureClass: 'network',
        message: expect.stringContaining('--index-url'),
      });
    },
  );
});

describe('what holds when nothing is set', () => {
  it('official builds from the mirror and GitHub, models from the hub, the public index, no proxy', async () => {
    const profile = await read({});
    expect(profile).toMatchObject({
      officialMirror: `${OFFICIAL_MIRROR}/`,
      githubReleases: `${GITHUB}/`,
      modelHub: { url: `${MODEL_HUB}/`, origin: 'default' },
      indexes: [{ url: PUBLIC_INDEX_URL, origin: 'default' }],
      proxies: { forHttp: null, forHttps: null, noProxy: '' },
      retries: 3,
      connectTimeoutMs: null,
      idleTimeoutMs: null,
      clientCertificate: null,
    });
  });

  it.each<[NodeJS.ProcessEnv, string | null]>([
    [{ UV_ASTRAL_MIRROR_URL: 'https://m.example' }, null],
    [{ UV_INSTALLER_GITHUB_BASE_URL: 'https://g.example/' }, 'https://g.example/'],
    [
      { UV_ASTRAL_MIRROR_URL: 'https://m.example', UV_INSTALLER_GITHUB_BASE_URL: 'https://g.example/' },
      'https://g.example/',
    ],
  ])('GitHub with %j', async (env, github) => {
    expect((await read(env)).githubReleases).toBe(github);
  });

  it('waits as long as pip for a connection, and as uv for bytes', async () => {
    expect(patienceOf(await read({}))).toEqual({ connectTimeoutMs: 15_000, idleTimeoutMs: 30_000 });
  });

  it.each<[NodeJS.ProcessEnv, number, number]>([
    [{ UV_HTTP_TIMEOUT: '60' }, 60_000, 60_000],
    [{ UV_HTTP_TIMEOUT: '60', UV_HTTP_CONNECT_TIMEOUT: '3' }, 3000, 60_000],
    [{ UV_REQUEST_TIMEOUT: '50', PIP_TIMEOUT: '7' }, 50_000, 50_000],
    [{ HTTP_TIMEOUT: '40' }, 40_000, 40_000],
    [{ PIP_TIMEOUT: '2.5' }, 2500, 2500],
    [{ PIP_DEFAULT_TIMEOUT: '100' }, 100_000, 100_000],
    [{ UV_HTTP_TIMEOUT: '0' }, 15_000, 30_000],
  ])('waits as %j says', async (env, connectTimeoutMs, idleTimeoutMs) => {
    expect(patienceOf(await read(env))).toEqual({ connectTimeoutMs, idleTimeoutMs });
  });

  it('waits as pip.conf says', async () => {
    const profile = await readWithPipConfig('[global]\ntimeout = 90\nretries = 7\n');
    expect([patienceOf(profile).idleTimeoutMs, profile.retries]).toEqual([90_000, 7]);
    expect(profile.describe()).toContainEqual(expect.objectContaining({ name: 'timeout', value: '90 s' }));
  });
});

describe('secrets', () => {
  it('takes logins out of every address and shows none', async () => {
    await writeFile(join(home, '.netrc'), 'machine n.example login n password netrc-secret');
    const profile = await read({
      PIP_INDEX_URL: 'https://me:index-secret@a.example/s',
      PIP_FIND_LINKS: 'https://me:links-secret@b.example/',
      UV_PYTHON_INSTALL_MIRROR: 'https://me:mirror-secret@c.example/',
      HTTPS_PROXY: 'http://me:proxy-secret@proxy.example:3128',
      UV_INDEX: 'my-corp=https://d.example/s',
      UV_INDEX_MY_CORP_USERNAME: 'u',
      UV_INDEX_MY_CORP_PASSWORD: 'variable-secret',
    });
    const { credentials, netrc, proxies, ...shown } = profile;
    expect(credentials.map((each) => [each.urlOrigin, each.password])).toEqual([
      ['https://a.example', 'index-secret'],
      ['https://d.example', 'variable-secret'],
      ['https://b.example', 'links-secret'],
      ['https://c.example', 'mirror-secret'],
    ]);
    expect(netrc).toEqual([{ machine: 'n.example', username: 'n', password: 'netrc-secret' }]);
    expect(proxies.forHttps?.url).toBe('http://proxy.example:3128/');
    expect(JSON.stringify([shown, profile.describe()])).not.toContain('secret');
  });

  it('does not repeat a bad address that may hold one', async () => {
    const error = await read({}, { indexUrl: 'https://me:top-secret@' }).catch((each: unknown) => each);
    const { message, evidence, nextSteps, cause } = error as Error & {
      evidence: string[];
      nextSteps: string[];
    };
    expect(JSON.stringify([message, evidence, nextSteps, String(cause)])).not.toContain('top-secret');
  });

  it('reads the file that NETRC names, and says when it cannot', async () => {
    await writeFile(join(home, 'other'), 'default login a password b');
    expect((await read({ NETRC: join(home, 'other') })).netrc).toHaveLength(1);
    expect((await read({ NETRC: join(home, 'gone') })).warnings.join()).toContain('NETRC');
  });
});

describe('proxies and certificates', () => {
  it.each<[NodeJS.ProcessEnv, string | null, string | null]>([
    [{ HTTPS_PROXY: 'http://s:1', HTTP_PROXY: 'http://p:1' }, 'http://s:1/', 'http://p:1/'],
    [{ https_proxy: 'http://low:1', HTTPS_PROXY: 'http://up:1' }, 'http://low:1/', null],
    [{ ALL_PROXY: 'proxy.corp:3128' }, 'http://proxy.corp:3128/', 'http://proxy.corp:3128/'],
    [{ HTTP_PROXY: 'http://p:1' }, null, 'http://p:1/'],
    [{ http_proxy: 'http://low:1', HTTP_PROXY: 'http://up:1' }, null, 'http://low:1/'],
    [{ all_proxy: 'http://all:1', HTTPS_PROXY: 'http://s:1' }, 'http://s:1/', 'http://all:1/'],
    [{ PIP_PROXY: 'http://pip:1' }, 'http://pip:1/', 'http://pip:1/'],
    [{ PIP_PROXY: 'http://pip:1', ALL_PROXY: 'http://all:1' }, 'http://all:1/', 'http://all:1/'],
    [{}, null, null],
  ])('%j', async (env, https, http) => {
    const { proxies } = await read(env);
    expect([proxies.forHttps?.url ?? null, proxies.forHttp?.url ?? null]).toEqual([https, http]);
  });

  it('takes the files of authorities that are there, and names those that are not', async () => {
    const { caPath, caPem } = await makeAuthority(home);
    const empty = join(home, 'empty.pem');
    await writeFile(empty, 'no certificate');
    const profile = await read({
      SSL_CERT_FILE: caPath,
      REQUESTS_CA_BUNDLE: caPath,
      CURL_CA_BUNDLE: empty,
      PIP_CERT: join(home, 'gone.pem'),
    });
    expect(profile.certificateFiles).toEqual([{ path: caPath, pem: caPem.trim(), origin: 'SSL_CERT_FILE' }]);
    expect(profile.warnings.join()).toMatch(/PIP_CERT names .*gone\.pem.*cannot be read/);
    expect(profile.warnings.join()).toMatch(/CURL_CA_BUNDLE names .*empty\.pem, which holds no certificate/);
  });

  it('leaves a damaged certificate out, and says so', async () => {
    const { caPem } = await makeAuthority(home);
    const path = join(home, 'both.pem');
    const damaged = caPem.replace(/\n.{20}/, '\nAAAAAAAAAAAAAAAAAAAA');
    await writeFile(path, `${damaged}\n${caPem}`);
    const profile = await read({ NODE_EXTRA_CA_CERTS: path });
    expect(profile.certificateFiles).toMatchObject([{ path, pem: caPem.trim() }]);
    expect(profile.warnings.join()).toContain('holds 1 damaged certificate.');
  });

  it("takes OpenSSL's trusted form, which has more after the certificate", async () => {
    const { caPem } = await makeAuthority(home);
    const path = join(home, 'trusted.pem');
    const der = Buffer.from(caPem.replace(/-----[^-]+-----/g, ''), 'base64');
    const blockOf = (bytes: Buffer) => {
      const lines = bytes.toString('base64').match(/.{1,64}/g)!;
      return ['-----BEGIN TRUSTED CERTIFICATE-----', ...lines, '-----END TRUSTED CERTIFICATE-----'].join(
        '\n',
      );
    };
    const trusted = blockOf(Buffer.concat([der, Buffer.from('300a', 'hex')]));
    await writeFile(path, `${trusted}\n${blockOf(Buffer.from('not a certificate'))}`);
    const profile = await read({ NODE_EXTRA_CA_CERTS: path });
    expect(profile.certificateFiles).toMatchObject([{ path, pem: trusted }]);
    expect(profile.warnings.join()).toContain('holds 1 damaged certificate.');
  });

  it('reads a folder of authorities by the names that OpenSSL looks up, else by their endings', async () => {
    const { caPem } = await makeAuthority(home);
    const dir = join(home, 'certs');
    await mkdir(dir);
    await writeFile(join(dir, 'corp.crt'), caPem);
    await writeFile(join(dir, 'README'), 'x');
    expect((await read({ SSL_CERT_DIR: `${dir}:${home}/none` })).certificateFiles).toEqual([
      { path: dir, pem: caPem.trim(), origin: 'SSL_CERT_DIR' },
    ]);
    await writeFile(join(dir, '0a1b2c3d.0'), caPem);
    await writeFile(join(dir, 'corp.crt'), 'the same again, under the name that people know');
    const profile = await read({ SSL_CERT_DIR: dir });
    expect(profile.certificateFiles[0]?.pem).toBe(caPem.trim());
    expect(profile.warnings).toEqual([]);
  });

  it('reports what weakens TLS', async () => {
    const profile = await read({ PIP_TRUSTED_HOST: 'a.example', NODE_TLS_REJECT_UNAUTHORIZED: '0' });
    expect(profile.warnings.join()).toMatch(/trusted-host.*NODE_TLS_REJECT_UNAUTHORIZED/s);
  });
});

it('takes the mirrors of uv', async () => {
  const profile = await read({
    UV_ASTRAL_MIRROR_URL: 'https://astral.acme.internal',
    UV_PYTHON_INSTALL_MIRROR: pathToFileURL(home).href,
    UV_FIND_LINKS: '/srv/a,/srv/b c',
  });
  expect(profile.officialMirror).toBe('https://astral.acme.internal/');
  expect(profile.githubReleases).toBeNull();
  expect(profile.pythonInstallMirror).toMatchObject({ label: home, origin: 'UV_PYTHON_INSTALL_MIRROR' });
  expect(profile.findLinks.map((links) => links.label)).toEqual(['/srv/a', '/srv/b c']);
  const shown = profile.describe();
  expect(shown.filter(({ name }) => name === 'find-links').map(({ origin }) => origin)).toEqual([
    'UV_FIND_LINKS',
    'UV_FIND_LINKS',
  ]);
  expect(shown.find(({ name }) => name === 'Python mirror')?.origin).toBe('UV_PYTHON_INSTALL_MIRROR');
  expect(shown.find(({ name }) => name === 'official builds')?.origin).toBe('UV_ASTRAL_MIRROR_URL');
});
