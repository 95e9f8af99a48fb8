import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { createPackageIndex, ListedDigestError } from '../../../src/network/index/package-index.ts';
import type { NetworkProfile } from '../../../src/network/settings/profile.ts';
import { createHttpClient } from '../../../src/network/transport/http-client.ts';
import { SetupError } from '../../../src/support/errors.ts';
import { location, redactor, startServer, type TestServer, testProfile } from '../../fixtures/network.ts';

const cleanUps: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

const FILE = 'my_pkg-1.0-py3-none-any.whl';
const DIGEST = createHash('sha256').update('wheel').digest('hex');
const OTHER = 'b'.repeat(64);
const link = (digest: string, href = `/files/${FILE}`) => `<a href="${href}#sha256=${digest}">${FILE}</a>`;

type Pages = Record<string, string | { status?: number; type?: string; body: string; headers?: object }>;

async function serveIndex(pages: Pages): Promise<TestServer> {
  const server = await startServer((request, response) => {
    const page = pages[request.url!];
    if (page === undefined) {
      response.writeHead(404).end();
      return;
    }
    const {
      status = 200,
      type = 'text/html',
      body,
      headers = {},
    } = typeof page === 'string' ? { body: page } : page;
    response.writeHead(status, { 'content-type': type, ...headers }).end(body);
  });
  cleanUps.push(server.close);
  return server;
}

function indexFor(profile: Partial<NetworkProfile>) {
  const full = testProfile(profile);
  const client = createHttpClient(full, { redactor });
  cleanUps.push(client.close);
  return createPackageIndex(client, full);
}

const find = (index: ReturnType<typeof indexFor>) =>
  index.findFile({ project: 'My.Pkg', file: FILE, sha256: DIGEST });
const failure = async (promise: Promise<unknown>): Promise<SetupError> => {
  const error = await promise.catch((each: unknown) => each);
  if (!(error instanceof SetupError)) throw error;
  return error;
};

describe('finding a file', () => {
  it.each([
    ['a link', link(DIGEST, `file:///srv/${FILE}`)],
    ['the base of the links', `<base href="file:///srv/">${link(DIGEST, FILE)}`],
  ])('%s of a host does not lead to the files of this machine', async (_, body) => {
    const server = await serveIndex({ '/simple/my-pkg/': body });
    const error = await failure(find(indexFor({ indexes: [location(`${server.url}/simple`)] })));
    expect(error.evidence.join()).toContain(`its link to ${FILE} leads to file:`);
  });

  it('asks for JSON and HTML under the normalised name, and takes HTML with a relative link', async () => {
    const server = await serveIndex({ '/simple/my-pkg/': link(DIGEST, `../../f/${FILE}`) });
    const found = await find(indexFor({ indexes: [location(`${server.url}/simple`)] }));
    expect(found.url).toBe(`${server.url}/f/${FILE}`);
    expect(found.location.label).toBe(server.host);
    const accept = server.requests[0]!.headers.accept!;
    expect(accept).toMatch(/json/);
    expect(accept).toMatch(/text\/html;q=0\.\d/);
  });

  it('reads the whole page when its name stands there in another way', async () => {
    const escaped = FILE.replace('-', '%2D');
    const body = `<a href="${escaped}">${FILE}</a><a href="${escaped}#sha256=${DIGEST}">x</a>`;
    const server = await serveIndex({ '/simple/my-pkg/': body });
    const found = await find(indexFor({ indexes: [location(`${server.url}/simple`)] }));
    expect(found.url).toBe(`${server.url}/simple/my-pkg/${escaped}`);
  });

  it('takes JSON', async () => {
    const body = JSON.stringify({
      files: [{ filename: FILE, url: `../../f/${FILE}`, hashes: { sha256: DIGEST }, size: 5 }],
    });
    const server = await serveIndex({
      '/simple/my-pkg/': { type: 'application/vnd.pypi.simple.v1+json', body },
    });
    expect(await find(indexFor({ indexes: [location(`${server.url}/simple/`)] }))).toMatchObject({
      url: `${server.url}/f/${FILE}`,
      sizeBytes: 5,
    });
  });

  it('resolves links against where a redirect led', async () => {
    const target = await serveIndex({ '/deep/my-pkg/': link(DIGEST, FILE) });
    const server = await serveIndex({
      '/simple/my-pkg/': { status: 301, body: '', headers: { location: `${target.url}/deep/my-pkg/` } },
    });
    const found = await find(indexFor({ indexes: [location(`${server.url}/simple`)] }));
    expect(found.url).toBe(`${target.url}/deep/my-pkg/${FILE}`);
  });

  it('asks each page once, however many files are looked for', async () => {
    const server = await serveIndex({ '/simple/my-pkg/': link(DIGEST) });
    const index = indexFor({ indexes: [location(`${server.url}/simple`)] });
    await Promise.all([
      find(index),
      find(index),
      index.findFile({ project: 'my_pkg', file: FILE, sha256: DIGEST }),
    ]);
    await find(index);
    expect(server.requests).toHaveLength(1);
  });

  it('asks again after a failure that may pass, not after one that will not', async () => {
    const pages: Pages = { '/simple/my-pkg/': { status: 503, body: '' } };
    const server = await serveIndex(pages);
    const index = indexFor({ indexes: [location(`${server.url}/simple`)] });
    await failure(find(index));
    pages['/simple/my-pkg/'] = link(DIGEST);
    expect((await find(index)).url).toContain(FILE);
    const closed = indexFor({ indexes: [location(`${server.url}/other`)] });
    await failure(find(closed));
    await failure(find(closed));
    expect(server.requests.filter((request) => request.url === '/other/my-pkg/')).toHaveLength(1);
  });

  it('prefers the entry with the digest to one without, and takes one without', async () => {
    const bare = `<a href="/bare/${FILE}">x</a>`;
    const server = await serveIndex({
      '/a/my-pkg/': bare + link(OTHER, `/bad/${FILE}`) + link(DIGEST, `/good/${FILE}`),
      '/b/my-pkg/': link(OTHER, `/bad/${FILE}`) + bare,
    });
    expect((await find(indexFor({ indexes: [location(`${server.url}/a`)] }))).url).toContain('/good/');
    expect((await find(indexFor({ indexes: [location(`${server.url}/b`)] }))).url).toContain('/bare/');
  });

  it('goes on to the next index when one has other bytes or none', async () => {
    const server = await serveIndex({
      '/a/my-pkg/': link(OTHER),
      '/c/my-pkg/': link(DIGEST, `/c.whl/${FILE}`),
    });
    const indexes = ['a', 'b', 'c'].map((name) => location(`${server.url}/${name}`));
    expect((await find(indexFor({ indexes }))).location.url).toBe(`${server.url}/c`);
  });

  it('reads folders of wheels, pages of links, and indexes that are folders', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'ktx-index-'));
    cleanUps.push(() => rm(dir, { recursive: true }));
    await mkdir(join(dir, 'simple', 'my-pkg'), { recursive: true });
    await mkdir(join(dir, 'listed', 'my-pkg'), { recursive: true });
    await mkdir(join(dir, 'wheels'));
    await writeFile(join(dir, 'wheels', FILE), 'wheel');
    await writeFile(join(dir, 'listed', 'my-pkg', FILE), 'wheel');
    await writeFile(join(dir, 'simple', 'my-pkg', 'index.html'), link(DIGEST, `../../wheels/${FILE}`));
    const at = (name: string) => [location(pathToFileURL(join(dir, name)).href)];
    const wheel = pathToFileURL(join(dir, 'wheels', FILE)).href;
    expect((await find(indexFor({ findLinks: at('wheels') }))).url).toBe(wheel);
    expect((await find(indexFor({ indexes: at('simple') }))).url).toBe(wheel);
    expect((await find(indexFor({ indexes: at('listed') }))).url).toContain('/listed/my-pkg/');
    const server = await serveIndex({ '/links.html': link(DIGEST, `files/${FILE}`) });
    const found = await find(indexFor({ findLinks: [location(`${server.url}/links.html`)] }));
    expect(found.url).toBe(`${server.url}/files/${FILE}`);
  });
});

describe('when it is not there', () => {
  it('an entry with another digest only: verification, with host, file and both digests', async () => {
    const server = await serveIndex({ '/simple/my-pkg/': link(OTHER) });
    const error = await failure(find(indexFor({ indexes: [location(`${server.url}/simple`)] })));
    expect(error.failureClass).toBe('verification');
    expect(error.evidence).toEqual(
      expect.arrayContaining([
        `host: ${server.host}`,
        `file: ${FILE}`,
        `expected sha256 ${DIGEST}`,
        `listed sha256 ${OTHER}`,
      ]),
    );
    const index = indexFor({ indexes: [location(`${server.url}/simple`)] });
    await expect(
      index.findIn(
        { ...location(`${server.url}/simple`), kind: 'index' },
        { project: 'my-pkg', file: FILE, sha256: DIGEST },
      ),
    ).rejects.toBeInstanceOf(ListedDigestError);
  });

  it.each<[string, Pages, RegExp]>([
    ['401', { '/simple/my-pkg/': { status: 401, body: 'who?' } }, /requires a login \(401\)/],
    ['403', { '/simple/my-pkg/': { status: 403, body: 'no' } }, /refuses access \(403\)/],
    ['404', {}, /does not have it \(404\)/],
    ['500', { '/simple/my-pkg/': { status: 500, body: '' } }, /answered 500/],
    ['an empty answer', { '/simple/my-pkg/': ' \n' }, /answered with nothing/],
    [
      'a sign-in page',
      { '/simple/my-pkg/': '<html><title>Guest Wi-Fi</title><a href="/login">go</a></html>' },
      /not a package index; it may be a sign-in page/,
    ],
    ['text', { '/simple/my-pkg/': { type: 'text/plain', body: 'hello' } }, /not a package index/],
    [
      'JSON that is none',
      { '/simple/my-pkg/': { type: 'application/json', body: '{"error":"x"}' } },
      /not a package index/,
    ],
    ['an empty project', { '/simple/my-pkg/': '<title>Links for my-pkg</title>' }, /does not have it/],
    [
      'another file',
      { '/simple/my-pkg/': '<a href="my_pkg-2.0-py3-none-any.whl">x</a>' },
      /does not have it/,
    ],
  ])('%s', async (_, pages, message) => {
    const server = await serveIndex(pages);
    const error = await failure(find(indexFor({ indexes: [location(`${server.url}/simple`)] })));
    expect(error.failureClass).toBe('network');
    expect(error.message).toMatch(message);
    expect(error.message).toContain(server.host);
    expect(error.nextSteps.length).toBeGreaterThan(0);
  });

  it('names every place and why it lost', async () => {
    const server = await serveIndex({ '/a/my-pkg/': { status: 403, body: '' }, '/b/my-pkg/': ' ' });
    const dir = join(tmpdir(), 'ktx-no-such-folder');
    const error = await failure(
      find(
        indexFor({
          findLinks: [location(pathToFileURL(dir).href)],
          indexes: [location(`${server.url}/a`), location(`${server.url}/b`)],
        }),
      ),
    );
    expect(error.nextSteps[0]).toContain('your login, may read there');
    expect(error.evidence.join('\n')).toMatch(/no-such-folder does not have it[\s\S]*403[\s\S]*nothing/);
  });
});
