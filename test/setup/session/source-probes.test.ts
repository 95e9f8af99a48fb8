import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { setupNetwork } from '../../../src/setup/session/setup-network.ts';
import type { Artefact } from '../../../src/shipped/lock.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';

const wheel: Artefact = {
  file: 'a-1.whl',
  kind: 'wheel',
  sha256: 'a'.repeat(64),
  sizeBytes: 1,
  unpackedBytes: null,
};

/** An index that keeps who asks waiting. */
async function silentIndex(timeoutSeconds: string) {
  const asked = Promise.withResolvers<void>();
  const waiting: ServerResponse[] = [];
  const network = await indexed(timeoutSeconds, (_, response) => {
    waiting.push(response);
    asked.resolve();
  });
  return { network, asked: asked.promise, waiting };
}

async function indexed(timeoutSeconds: string, listener: RequestListener) {
  const server: Server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const root = await temporaryFolder();
  const network = setupNetwork({
    env: {
      XDG_CONFIG_DIRS: root,
      PIP_CONFIG_FILE: '/dev/null',
      PIP_INDEX_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}/simple`,
      UV_HTTP_TIMEOUT: timeoutSeconds,
    },
    homeDir: root,
    runtimeRoot: root,
    lock: null,
  });
  onTestFinished(async () => {
    await network.close();
    server.closeAllConnections();
    server.close();
  });
  return network;
}

it('an index that is silent for long is not asked again: somebody waits for the plan', async () => {
  const { network, waiting } = await silentIndex('3');
  const probe = await network.probe(wheel, undefined);
  expect(probe.place).toBeNull();
  expect(waiting).toHaveLength(1);
});

it('nobody who gives up waits for it', async () => {
  const { network, asked } = await silentIndex('600');
  const stop = new AbortController();
  const probe = network.probe(wheel, stop.signal);
  probe.catch(() => {});
  await asked;
  stop.abort();
  await expect(probe).rejects.toThrow('cancelled');
});

it('a source that has not answered after a moment is slow, and is used when it answers at last', async () => {
  const { network, waiting } = await silentIndex('600');
  const probe = await network.probe(wheel, undefined);
  expect(probe).toMatchObject({ place: null, hosts: [], failures: [] });
  expect(probe.slow).toHaveLength(1);
  expect(probe.obstacles.join()).toMatch(/is slow: no answer yet, still asking/);
  const settled = probe.settled();
  // Its page, and then the file itself.
  const link = `<a href="/${wheel.file}#sha256=${wheel.sha256}">${wheel.file}</a>`;
  waiting[0]!.writeHead(200, { 'content-type': 'text/html' }).end(link);
  await expect.poll(() => waiting.length, { timeout: 15_000 }).toBe(2);
  waiting[1]!.writeHead(200, { 'content-length': '1' }).end();
  expect(await settled).toMatchObject({ place: probe.slow[0], slow: [], obstacles: [] });
});

it('a file that its host refuses for a moment is asked for again, as a fetch would', async () => {
  const link = `<a href="/${wheel.file}#sha256=${wheel.sha256}">${wheel.file}</a>`;
  const answers: number[] = [];
  const network = await indexed('600', ({ method, url }, response) => {
    if (url !== `/${wheel.file}`) {
      response.writeHead(200, { 'content-type': 'text/html' }).end(link);
      return;
    }
    const status = method === 'HEAD' ? 503 : [429, 503][answers.length];
    if (method === 'GET') answers.push(status ?? 206);
    response.writeHead(status ?? 206, { 'retry-after': '0' }).end('x');
  });
  const probe = await (await network.probe(wheel, undefined)).settled();
  expect(probe).toMatchObject({ failures: [], obstacles: [] });
  expect(probe.place).not.toBeNull();
  expect(answers).toEqual([429, 503, 206]);
});
