import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { beforeAll, expect, it } from 'vitest';
import { openLocalAddress } from '../../../src/network/transport/local-address.ts';
import { temporaryFolderForFile } from '../../fixtures/temporary-folder.ts';

let folder: string;
beforeAll(async () => {
  folder = await temporaryFolderForFile();
});

const addressOf = (...names: string[]) => pathToFileURL(join(folder, ...names)).href;

it.each([
  ['page.html', 'text/html'],
  ['page.HTM', 'text/html'],
  ['page.html.whl', 'application/octet-stream'],
  ['pages.json', 'application/vnd.pypi.simple.v1+json'],
  ['pages.JSON', 'application/vnd.pypi.simple.v1+json'],
  ['pages.json.gz', 'application/octet-stream'],
  ['a-1.0-py3-none-any.whl', 'application/octet-stream'],
])('the file %s is %s, with its size', async (name, type) => {
  await writeFile(join(folder, name), 'bytes');
  const response = await openLocalAddress(addressOf(name));
  expect(response).toMatchObject({ status: 200, reasonPhrase: '', hasLogin: false, url: addressOf(name) });
  expect(response.hops).toEqual([join(folder, name)]);
  expect(Object.fromEntries(response.headers)).toEqual({ 'content-type': type, 'content-length': '5' });
  expect(response.redact('as it is')).toBe('as it is');
  expect(await response.text(5)).toBe('bytes');
});

it('a file is refused above the limit, by its path', async () => {
  await writeFile(join(folder, 'long.txt'), 'bytes');
  const response = await openLocalAddress(addressOf('long.txt'));
  await expect(response.text(4)).rejects.toMatchObject({ host: join(folder, 'long.txt') });
});

it('a file that nobody reads is closed', async () => {
  await writeFile(join(folder, 'closed.txt'), 'bytes');
  const response = await openLocalAddress(addressOf('closed.txt'));
  await response.discard();
  const read: string[] = [];
  await (async () => {
    for await (const chunk of response.body) read.push(String(chunk));
  })().catch(() => {});
  expect(read).toEqual([]);
});

it('a link is followed', async () => {
  await writeFile(join(folder, 'target.txt'), 'bytes');
  await symlink(join(folder, 'target.txt'), join(folder, 'link.txt'));
  expect(await (await openLocalAddress(addressOf('link.txt'))).text(9)).toBe('bytes');
});

it('a folder is a page that links its files, and its folders with a slash', async () => {
  const place = join(folder, 'wheels');
  await mkdir(join(place, 'more & <b>'), { recursive: true });
  await writeFile(join(place, 'a+b #1.whl'), '');
  for (const address of [addressOf('wheels'), `${addressOf('wheels')}/`]) {
    const response = await openLocalAddress(address);
    expect(response).toMatchObject({ status: 200, url: `${addressOf('wheels')}/` });
    expect(response.hops.map((hop) => hop.replace(/\/$/, ''))).toEqual([place]);
    expect(Object.fromEntries(response.headers)).toEqual({ 'content-type': 'text/html' });
    const page = await response.text(10_000);
    expect(page).toContain('<meta name="pypi:repository-version" content="1.0">');
    expect(page.match(/<a .*?<\/a>/g)!.sort()).toEqual([
      '<a href="./a%2Bb%20%231.whl">a+b #1.whl</a>',
      '<a href="./more%20%26%20%3Cb%3E/">more &#38; &#60;b&#62;/</a>',
    ]);
    await response.discard();
  }
});

it('a folder with an index.html is that page, and one in which that is a folder is listed', async () => {
  await mkdir(join(folder, 'site'));
  await writeFile(join(folder, 'site', 'index.html'), '<p>own');
  const site = await openLocalAddress(addressOf('site'));
  expect(site).toMatchObject({ url: `${addressOf('site')}/`, hops: [join(folder, 'site')] });
  expect(await site.text(100)).toBe('<p>own');
  await mkdir(join(folder, 'odd', 'index.html'), { recursive: true });
  expect(await (await openLocalAddress(addressOf('odd'))).text(1000)).toContain('./index.html/');
});

it('what does not exist is not found, also below a file', async () => {
  await writeFile(join(folder, 'plain'), '');
  for (const names of [['gone'], ['plain', 'below']]) {
    const response = await openLocalAddress(addressOf(...names));
    expect(response).toMatchObject({ status: 404, url: addressOf(...names), hops: [join(folder, ...names)] });
    expect([response.headers.size, await response.text(0)]).toEqual([0, '']);
  }
});

it('what cannot be read is a failure with its path and the reason', async () => {
  await symlink('loop', join(folder, 'loop'));
  await expect(openLocalAddress(addressOf('loop'))).rejects.toMatchObject({
    reason: 'file',
    host: join(folder, 'loop'),
    evidence: [expect.any(String), expect.stringContaining('ELOOP')],
  });
  await expect(openLocalAddress('file://server.example/share')).rejects.toMatchObject({ reason: 'file' });
});
