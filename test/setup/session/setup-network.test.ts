import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, expect, it, onTestFinished } from 'vitest';
import { prepareInstall } from '../../../src/setup/prepare.ts';
import { setupNetwork } from '../../../src/setup/session/setup-network.ts';
import type { Artefact } from '../../../src/shipped/lock.ts';
import { type ArtefactStore, openStore } from '../../../src/store/store.ts';
import { writeForeignAsset } from '../../fixtures/foreign-asset.ts';
import { closedAddress } from '../../fixtures/network.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';

const SHA256_OF_A = 'ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb';
const wheel: Artefact = {
  file: 'a-1.whl',
  kind: 'wheel',
  sha256: SHA256_OF_A,
  sizeBytes: 1,
  unpackedBytes: null,
};

let root: string;
let store: ArtefactStore;
beforeEach(async () => {
  root = await temporaryFolder();
  store = openStore(join(root, 'store'));
});

function networkWith(env: NodeJS.ProcessEnv) {
  const network = setupNetwork({
    env: { XDG_CONFIG_DIRS: join(root, 'none'), PIP_CONFIG_FILE: '/dev/null', ...env },
    homeDir: root,
    runtimeRoot: root,
    lock: null,
  });
  onTestFinished(network.close);
  return network;
}
const fill = () =>
  store.put(
    wheel,
    (async function* () {
      yield Buffer.from('a');
    })(),
  );

const noAddress = { PIP_INDEX_URL: 'ftp://index.internal/simple' };

it('a setting that is wrong is in nobody’s way while all is in the store', async () => {
  await fill();
  const events: unknown[] = [];
  const { downloadedBytes } = await networkWith(noAddress).fetch(store, [wheel], (event) =>
    events.push(event),
  );
  expect(downloadedBytes).toBe(0);
  expect(events).toMatchObject([{ type: 'artefact', file: wheel.file, isCached: true, place: 'store' }]);
});

it('and is told when something is missing', async () => {
  const network = networkWith(noAddress);
  await expect(network.fetch(store, [wheel], () => {})).rejects.toThrow('PIP_INDEX_URL');
  await expect(network.probe(wheel, undefined)).rejects.toThrow('PIP_INDEX_URL');
});

it('what is opened late is held to the hosts that were planned before', async () => {
  const address = await closedAddress();
  const network = networkWith({ PIP_INDEX_URL: `${address}/simple`, UV_HTTP_RETRIES: '0' });
  network.holdToHosts([]);
  await expect(network.fetch(store, [wheel], () => {})).rejects.toMatchObject({
    cause: { reason: 'host-not-allowed' },
  });
});

it('what is open is held to them too', async () => {
  const address = await closedAddress();
  const network = networkWith({ PIP_INDEX_URL: `${address}/simple`, UV_HTTP_RETRIES: '0' });
  await network.open();
  network.holdToHosts([]);
  await expect(network.fetch(store, [wheel], () => {})).rejects.toMatchObject({
    cause: { reason: 'host-not-allowed' },
  });
});

it('its redactor knows the secrets of the environment at once, and those of the settings once they are read', async () => {
  const settings = join(root, 'pip.conf');
  await writeFile(settings, '[global]\nindex-url = https://me:open-sesame@index.internal/simple\n');
  const network = networkWith({ PIP_CONFIG_FILE: settings, HTTPS_PROXY: 'http://me:hush-hush@p.internal' });
  expect(network.redactor.redact('said open-sesame, hush-hush')).toBe('said open-sesame, ****');
  await network.open();
  expect(network.redactor.redact('said open-sesame, hush-hush')).toBe('said ****, ****');
});

it('nothing opens it again once it is closed', async () => {
  const network = networkWith({});
  await network.close();
  await expect(network.open()).rejects.toThrow('cancelled');
});

it('closing waits for what is being opened, which then nobody gets', async () => {
  const network = networkWith({});
  const opening = network.open();
  opening.catch(() => {});
  await network.close();
  await expect(opening).rejects.toThrow('cancelled');
});

it('closing ends what is open', async () => {
  const network = networkWith({});
  const session = await network.open();
  await network.close();
  session.tell('an answer that came too late');
  expect(network.verdicts()).toEqual([]);
});

it('a uv that resolves by itself may print every secret, so they are known before it runs', async () => {
  const assetDir = join(root, 'assets');
  await writeForeignAsset(assetDir);
  const settings = join(root, 'pip.conf');
  await writeFile(settings, '[global]\nindex-url = https://me:open-sesame@index.internal/simple\n');
  const prepared = await prepareInstall({
    cliVersion: '0.3.0',
    features: ['core'],
    assetDir,
    runtimeRoot: root,
    homeDir: root,
    env: { PIP_CONFIG_FILE: settings },
    fetchUvArtifact: async () => Buffer.alloc(0),
  });
  if (prepared.status !== 'install') throw new Error(prepared.status);
  onTestFinished(prepared.tools.network.close);
  expect(prepared.tools.network.redactor.redact('said open-sesame')).not.toContain('open-sesame');
});
