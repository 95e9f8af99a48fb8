import { expect, it } from 'vitest';
import { uvEnvironment } from '../../src/uv/environment.ts';

const hostile = {
  PATH: '/bin',
  HOME: '/home/you',
  PYTHONPATH: '/x',
  VIRTUAL_ENV: '/v',
  CONDA_PREFIX: '/c',
  RUST_LOG: 'trace',
  JPY_SESSION_NAME: 'notebook',
  UV_CONFIG_FILE: '/etc/uv.toml',
  UV_INDEX_URL: 'https://pypi.example/simple',
  UV_PYTHON: '3.9',
  UV_NO_CONFIG: '0',
  UV_LINK_MODE: 'copy',
  HTTPS_PROXY: 'http://proxy.example:3128',
  no_proxy: '*',
  PIP_INDEX_URL: 'https://pypi.example/simple',
};

it('offline: every variable that could change what is installed is gone', () => {
  const env = uvEnvironment(hostile, {
    isOffline: true,
    cacheDir: '/r/cache',
    pythonDir: '/r/python',
    pythonDownloadsList: 'file:///r/list.json',
    pythonPreference: 'only-managed',
  });
  expect(env).toEqual({
    PATH: '/bin',
    HOME: '/home/you',
    UV_LINK_MODE: 'copy',
    UV_NO_CONFIG: '1',
    UV_NO_WRAP: '1',
    UV_NO_PROGRESS: '1',
    NO_COLOR: '1',
    UV_PYTHON_INSTALL_BIN: '0',
    UV_PYTHON_INSTALL_REGISTRY: '0',
    UV_OFFLINE: '1',
    UV_NO_ENV_FILE: '1',
    UV_PYTHON_DOWNLOADS: 'manual',
    UV_CACHE_DIR: '/r/cache',
    UV_PYTHON_INSTALL_DIR: '/r/python',
    UV_PYTHON_DOWNLOADS_JSON_URL: 'file:///r/list.json',
    UV_PYTHON_PREFERENCE: 'only-managed',
  });
});

it('online, for a foreign wheel: the settings of the user pass, its configuration files do not', () => {
  const env = uvEnvironment(hostile, { isOffline: false });
  expect(env).toMatchObject({
    UV_INDEX_URL: 'https://pypi.example/simple',
    HTTPS_PROXY: 'http://proxy.example:3128',
    UV_NO_CONFIG: '1',
    UV_TORCH_BACKEND: 'cpu',
  });
  expect(env['UV_CONFIG_FILE']).toBeUndefined();
  expect(env['PYTHONPATH']).toBeUndefined();
  expect(env['UV_OFFLINE']).toBeUndefined();
});

it('the torch backend of the user is kept', () => {
  expect(uvEnvironment({ UV_TORCH_BACKEND: '' }, { isOffline: false })['UV_TORCH_BACKEND']).toBe('cpu');
  expect(uvEnvironment({ UV_TORCH_BACKEND: 'cu130' }, { isOffline: false })['UV_TORCH_BACKEND']).toBe(
    'cu130',
  );
});

it('the given environment is not changed', () => {
  const before = { ...hostile };
  uvEnvironment(hostile, { isOffline: true });
  expect(hostile).toEqual(before);
});

it('behind the guard: every proxy variable names it, and no exception is left', () => {
  const guardProxyUrl = 'http://127.0.0.1:1';
  const env = uvEnvironment(
    { NO_PROXY: '*', no_proxy: '*', npm_config_proxy: 'http://p.example', https_proxy: 'http://p.example' },
    { isOffline: true, guardProxyUrl },
  );
  const proxies = Object.entries(env).filter(([name]) => /proxy/i.test(name));
  expect(Object.fromEntries(proxies)).toEqual({
    HTTP_PROXY: guardProxyUrl,
    HTTPS_PROXY: guardProxyUrl,
    ALL_PROXY: guardProxyUrl,
    http_proxy: guardProxyUrl,
    https_proxy: guardProxyUrl,
    all_proxy: guardProxyUrl,
    NODE_USE_ENV_PROXY: '1',
  });
});

it('a link mode that would lead into the throw-away cache is not passed on', () => {
  const linkMode = (mode: string) =>
    uvEnvironment({ UV_LINK_MODE: mode }, { isOffline: true })['UV_LINK_MODE'];
  expect(linkMode('symlink')).toBeUndefined();
  expect(linkMode('hardlink')).toBe('hardlink');
});
