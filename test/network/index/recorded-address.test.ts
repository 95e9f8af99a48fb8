import { createHash } from 'node:crypto';
import { rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { keyOfPage, readKeptPages, writeKeptPages } from '../../../src/network/index/kept-pages.ts';
import { createPackageIndex } from '../../../src/network/index/package-index.ts';
import { createHttpClient } from '../../../src/network/transport/http-client.ts';
import { location, redactor, startServer, type TestServer, testProfile } from '../../fixtures/network.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';

const FILE = 'my_pkg-1.0-py3-none-any.whl';
const DIGEST = createHash('sha256').update('wheel').digest('hex');
const OTHER = 'b'.repeat(64);
const wanted = { project: 'my-pkg', file: FILE, sha256: DIGEST };
const link = (digest: string, name = FILE) => `<a href="/files/${name}#sha256=${digest}">${name}</a>\n`;

async function serve(page: () => string, etag: string | null = null): Promise<TestServer> {
  const server = await startServer((request, response) => {
    const headers = { 'content-type': 'text/html', ...(etag === null ? {} : { etag }) };
    if (etag !== null && request.headers['if-none-match'] === etag) response.writeHead(304, headers).end();
    else response.writeHead(200, headers).end(page());
  });
  onTestFinished(server.close);
  return server;
}

function openIndex(server: TestServer, more: { filesUrl?: string; keptPath?: string } = {}) {
  const profile = testProfile({
    indexes: [{ ...location(`${server.url}/simple`), ...(more.filesUrl ? { filesUrl: more.filesUrl } : {}) }],
  });
  const client = createHttpClient(profile, { redactor });
  onTestFinished(client.close);
  const { keptPath } = more;
  const index = createPackageIndex(
    client,
    profile,
    undefined,
    keptPath === undefined ? undefined : () => readKeptPages(keptPath),
  );
  return { index, client };
}

describe('a recorded address', () => {
  const publicPath = `packages/ab/cd/${FILE}`;

  it('stands in for the page of an index that keeps files there, until somebody found something else', async () => {
    const server = await serve(() => link(DIGEST));
    const { index } = openIndex(server, { filesUrl: 'https://files.example/' });
    const found = await index.findFile({ ...wanted, publicPath });
    expect(found).toMatchObject({ url: `https://files.example/${publicPath}`, isRecorded: true });
    expect(found.pageHosts).toEqual([server.host]);
    expect(server.requests).toEqual([]);
    index.forgetRecorded(DIGEST);
    const listed = await index.findFile({ ...wanted, publicPath });
    expect(listed).toMatchObject({ url: `${server.url}/files/${FILE}`, isRecorded: false });
  });

  it('counts for nothing at any other index', async () => {
    const server = await serve(() => link(DIGEST));
    const found = await openIndex(server).index.findFile({ ...wanted, publicPath });
    expect(found.url).toBe(`${server.url}/files/${FILE}`);
  });
});

describe('a page', () => {
  const filler = Array.from({ length: 40_000 }, (_, at) =>
    link(OTHER, `my_pkg-0.${at}-py3-none-any.whl`),
  ).join('');

  it('is left where what was wanted has been found, and read as a whole for another file', async () => {
    const server = await serve(() => `${link(DIGEST)}${filler}${link(OTHER, 'my_pkg-9-py3-none-any.whl')}`);
    const { index, client } = openIndex(server);
    expect((await index.findFile(wanted)).url).toContain(FILE);
    expect(client.egress()[0]!.bytes).toBeLessThan(filler.length / 2);
    const last = { project: 'my-pkg', file: 'my_pkg-9-py3-none-any.whl', sha256: OTHER };
    expect((await index.findFile(last)).url).toContain('my_pkg-9');
    expect(server.requests).toHaveLength(2);
  });

  it('that says nothing of the file, or something else, is read to its end', async () => {
    const server = await serve(() => `${link(OTHER)}${filler}${link(DIGEST)}`);
    expect((await openIndex(server).index.findFile(wanted)).url).toContain(FILE);
    const lying = await serve(() => `${link(OTHER)}${filler}`);
    await expect(openIndex(lying).index.findFile(wanted)).rejects.toMatchObject({
      failureClass: 'verification',
    });
  });

  it('that is the same as in the last run is not sent again', async () => {
    const keptPath = join(await temporaryFolder(), 'index-pages.json');
    let page = link(DIGEST);
    const server = await serve(() => page, '"one"');
    const first = openIndex(server, { keptPath });
    const found = await first.index.findFile(wanted);
    await writeKeptPages(keptPath, (await first.index.pagesToKeep())!);
    expect((await stat(keptPath)).mode & 0o777).toBe(0o600);

    page = 'not sent';
    const second = openIndex(server, { keptPath });
    expect((await second.index.findFile(wanted)).url).toBe(found.url);
    expect(second.client.egress()).toEqual([]);
    expect((await second.index.pagesToKeep())?.size).toBe(1);

    page = link(OTHER, 'my_pkg-2-py3-none-any.whl');
    const other = { project: 'my-pkg', file: 'my_pkg-2-py3-none-any.whl', sha256: OTHER };
    expect((await openIndex(server, { keptPath }).index.findFile(other)).url).toContain('my_pkg-2');

    await rm(keptPath);
    expect((await readKeptPages(keptPath)).size).toBe(0);
  });

  it.each([
    ['an address with a query', `<a href="/files/${FILE}?token=x#sha256=${DIGEST}">${FILE}</a>`],
    ['an address with a login', `<a href="http://u:p@files.example/${FILE}#sha256=${DIGEST}">${FILE}</a>`],
  ])('with %s is not kept', async (_, page) => {
    const server = await serve(() => page, '"one"');
    const { index } = openIndex(server);
    await index.findFile(wanted);
    expect(await index.pagesToKeep()).toBeNull();
  });

  it('whose kept form somebody damaged is read again', async () => {
    const keptPath = join(await temporaryFolder(), 'index-pages.json');
    const server = await serve(() => link(DIGEST), '"one"');
    const entries = [{ file: FILE, href: '/x', sha256: 'no digest', sizeBytes: null }];
    await writeKeptPages(
      keptPath,
      new Map([[keyOfPage(`${server.url}/simple/my-pkg/`), { etag: '"one"', baseUrl: server.url, entries }]]),
    );
    expect((await openIndex(server, { keptPath }).index.findFile(wanted)).url).toContain(`/files/${FILE}`);
  });
});
