import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';

/** What is read on Windows alone: everything but the name of the system is real. */
const own = Object.getOwnPropertyDescriptor(process, 'platform')!;
let home: string;
beforeEach(async () => {
  home = await temporaryFolder();
  Object.defineProperty(process, 'platform', { ...own, value: 'win32' });
  vi.resetModules();
});
afterEach(() => void Object.defineProperty(process, 'platform', own));

async function settings(env: NodeJS.ProcessEnv) {
  const { readSettings } = await import('../../../src/network/settings/settings.ts');
  return readSettings({ env, homeDir: home });
}

async function place(name: string, text: string): Promise<void> {
  await mkdir(dirname(join(home, name)), { recursive: true });
  await writeFile(join(home, name), text);
}

it('folders of authorities are separated by semicolons', async () => {
  const { all } = await settings({ SSL_CERT_DIR: 'C:\\one;D:\\two' });
  expect(all('ca').map(({ value }) => value)).toEqual(['C:\\one', 'D:\\two']);
});

it('the npmrc of the machine lies below APPDATA', async () => {
  await place('AppData/npm/etc/npmrc', 'https-proxy=http://proxy.example:3128\n');
  const { first } = await settings({ APPDATA: join(home, 'AppData') });
  expect(first('https-proxy')?.value).toBe('http://proxy.example:3128');
});

it('a login may stand in _netrc; one in .netrc comes before it', async () => {
  const login = (name: string) => `machine index.example login ${name} password sesame\n`;
  const { readNetworkProfile } = await import('../../../src/network/settings/profile.ts');
  const logins = async () =>
    (await readNetworkProfile({ env: {}, homeDir: home })).netrc.map(({ username }) => username);
  expect(await logins()).toEqual([]);
  await place('_netrc', login('under'));
  expect(await logins()).toEqual(['under']);
  await place('.netrc', login('dot'));
  expect(await logins()).toEqual(['dot']);
});
