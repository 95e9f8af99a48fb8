import { expect, it } from 'vitest';
import { environmentSecrets } from '../../../src/support/text/environment-secrets.ts';

it.each<[string, NodeJS.ProcessEnv, string[]]>([
  ['a password of a proxy', { HTTPS_PROXY: 'http://me:hush-hush@proxy.internal:3128' }, ['hush-hush']],
  ['one that is encoded', { https_proxy: 'http://me:p%40ss@proxy.internal' }, ['p%40ss', 'p@ss']],
  ['one that is wrongly encoded', { https_proxy: 'http://me:100%@proxy.internal' }, ['100%']],
  ['one with an @ in it', { PIP_INDEX_URL: 'https://me:p@ss@index.internal/simple' }, ['p@ss']],
  [
    'one that ends the login too early',
    { HTTPS_PROXY: 'http://u:12/hush-hush@p.internal:1' },
    ['12/hush-hush'],
  ],
  ['one with a quote in it', { HTTPS_PROXY: `http://u:it's-hush@p.internal:1` }, ["it's-hush"]],
  ['nothing of a path with an @', { PIP_INDEX_URL: 'https://a.internal:8443/@scope/simple' }, []],
  ['a token in place of a name', { UV_DEFAULT_INDEX: 'https://tok-en@index.internal/' }, ['tok-en']],
  ['a token before a colon', { UV_DEFAULT_INDEX: 'https://tok-en:@index.internal/' }, ['tok-en']],
  [
    'each of several',
    { UV_INDEX: 'a=https://x:one1@a.internal b=https://y:two2@b.internal' },
    ['one1', 'two2'],
  ],
  ['of one of uv’s indexes', { UV_INDEX_CORP_PASSWORD: 'open-sesame' }, ['open-sesame']],
  [
    'of a name that says so',
    {
      MY_API_KEY: 'abcdef',
      PGPASSWORD: 'mnopqr',
      DB_PASS: 'stuvwx',
      HF_TOKEN: 'ghijkl',
      npm_config__auth: 'bWU6eA==',
    },
    ['abcdef', 'mnopqr', 'stuvwx', 'ghijkl', 'bWU6eA=='],
  ],
  [
    'nothing of names that do not, or of words',
    {
      HOME: '/home/me',
      SSH_AUTH_SOCK: '/run/x',
      WITH_TOKEN: 'true',
      PROXY_BYPASS: 'localhost',
      SSH_ASKPASS: '/usr/bin/x',
    },
    [],
  ],
  ['nothing of an address without a login', { HTTP_PROXY: 'http://proxy.internal:3128', EMPTY: '' }, []],
])('%s', (_, env, secrets) => {
  expect([...new Set(environmentSecrets(env))]).toEqual(secrets);
});
