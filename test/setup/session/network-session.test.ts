import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { openNetworkSession } from '../../../src/setup/session/network-session.ts';
import { closedAddress } from '../../fixtures/network.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';

/** What becomes of a request to `127.0.0.1:<port>`, where nobody listens. */
async function reasonFor(planned: (host: string) => string[], allowedHosts: string[] = []) {
  const homeDir = await temporaryFolder();
  const env = { XDG_CONFIG_DIRS: join(homeDir, 'none') };
  const session = await openNetworkSession({ env, homeDir, runtimeRoot: homeDir, allowedHosts, lock: null });
  onTestFinished(() => session.close());
  const address = await closedAddress();
  session.holdToHosts(planned(new URL(address).host));
  const failure = await session.client.get(address).catch((error: unknown) => error);
  return (failure as { reason?: string }).reason;
}

it.each<[string, string[], string]>([
  ['a host of the plan', ['planned'], 'refused'],
  ['another port of a host of the plan', ['127.0.0.1', '127.0.0.1:1'], 'host-not-allowed'],
  ['a host that no plan names', [], 'host-not-allowed'],
])('%s', async (_name, hosts, reason) => {
  expect(await reasonFor((host) => hosts.map((each) => (each === 'planned' ? host : each)))).toBe(reason);
});

it('--allow-host names a host with all of its ports', async () => {
  expect(await reasonFor(() => [], ['127.0.0.1'])).toBe('refused');
});

it('what it shows without a redactor of somebody else hides the secrets of the environment', async () => {
  const homeDir = await temporaryFolder();
  const env = { XDG_CONFIG_DIRS: homeDir, MY_TOKEN: 'open-sesame' };
  const session = await openNetworkSession({ env, homeDir, runtimeRoot: homeDir, lock: null });
  onTestFinished(() => session.close());
  expect(session.redactor.redact('said open-sesame')).toBe('said ****');
});
