import { describe, expect, it } from 'vitest';
import { daemonEnvironment, sanitizeChildProxyEnv } from '../../src/daemon/environment.ts';

describe('sanitizeChildProxyEnv', () => {
  it.each([
    ['both absent', {}, {}],
    ['upper only', { NO_PROXY: 'a, b' }, { NO_PROXY: 'a,b', no_proxy: 'a,b' }],
    ['lower only', { no_proxy: 'a,,b,' }, { NO_PROXY: 'a,b', no_proxy: 'a,b' }],
    ['upper goes first', { no_proxy: 'b,c', NO_PROXY: 'a,b' }, { NO_PROXY: 'a,b,c', no_proxy: 'a,b,c' }],
    ['defined and empty', { NO_PROXY: '' }, { NO_PROXY: '', no_proxy: '' }],
    [
      'IPv6 networks go, other addresses stay',
      { NO_PROXY: 'fe80::/10,10.0.0.0/8,::1,host:80,fd00::/8' },
      { NO_PROXY: '10.0.0.0/8,::1,host:80', no_proxy: '10.0.0.0/8,::1,host:80' },
    ],
  ])('6. %s', (_name, given, wanted) => {
    const env = Object.freeze({ ...given, HTTP_PROXY: 'http://proxy.example:3128' });
    const result = sanitizeChildProxyEnv(env);
    expect(result).toEqual({ ...wanted, HTTP_PROXY: 'http://proxy.example:3128' });
    expect(result).not.toBe(env);
  });
});

describe('daemonEnvironment', () => {
  const options = {
    cliVersion: '0.3.0',
    secret: 's',
    isStrict: false,
    features: ['core' as const],
    runtimeRoot: '/r',
  };

  it('passes what is harmless, proxies included, and drops what leads Python elsewhere', () => {
    const base = {
      PATH: '/bin',
      HTTPS_PROXY: 'http://proxy.example:3128',
      PYTHONPATH: '/x',
      PYTHONSTARTUP: '/x',
      VIRTUAL_ENV: '/x',
      VIRTUAL_ENV_PROMPT: 'x',
      CONDA_PREFIX: '/x',
      __PYVENV_LAUNCHER__: '/x',
      UV_INDEX_URL: 'https://me:secret@index.example',
      RUST_LOG: 'trace',
      JPY_SESSION_NAME: 'x',
      KTX_PROCESS_MARK: 'x',
      KTX_DAEMON_VERSION: 'other',
    };
    expect(daemonEnvironment(base, options)).toEqual({
      PATH: '/bin',
      HTTPS_PROXY: 'http://proxy.example:3128',
      KTX_DAEMON_VERSION: '0.3.0',
      KTX_DAEMON_SECRET: 's',
    });
  });

  it('names the folder of the pinned model when embeddings are installed', () => {
    const env = daemonEnvironment({}, { ...options, features: ['core', 'local-embeddings'] });
    expect(env['KTX_EMBEDDINGS_MODEL_DIR']).toBe(
      '/r/uv/models/all-MiniLM-L6-v2@1110a243fdf4706b3f48f1d95db1a4f5529b4d41',
    );
  });
});
