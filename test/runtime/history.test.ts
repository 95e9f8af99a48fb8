import { appendFile, mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { appendHistory, HISTORY_FILE, readHistory, waysBack } from '../../src/runtime/history.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';

const entry = (to: string, back: string | null = null) => ({
  action: 'install',
  reason: 'asked',
  to,
  replaced: back,
  back,
  features: ['core'],
  wheel: { version: '0.1.0', sha256: 'a'.repeat(64) },
  lock: null,
});
const names = async (dir: string) => (await readHistory(dir)).map(({ to }) => to);

it('says what became active, by whom and when, oldest first', async () => {
  const dir = await temporaryFolder();
  await appendHistory(dir, entry('aaaaaaaa'));
  await appendHistory(dir, entry('bbbbbbbb', 'aaaaaaaa'));
  const [first, second] = await readHistory(dir);
  expect(first).toMatchObject({ to: 'aaaaaaaa', by: { user: userInfo().username, pid: process.pid } });
  expect(second).toMatchObject({ to: 'bbbbbbbb', back: 'aaaaaaaa', at: expect.stringMatching(/Z$/) });
});

it('a torn line does not affect the others', async () => {
  const dir = await temporaryFolder();
  await appendHistory(dir, entry('aaaaaaaa'));
  await appendFile(join(dir, HISTORY_FILE), '{"schemaVersion":1,"at":"20');
  await appendHistory(dir, entry('bbbbbbbb'));
  expect(await names(dir)).toEqual(['aaaaaaaa', 'bbbbbbbb']);
});

it('what a newer ktx wrote is kept, and read as far as it is understood', async () => {
  const dir = await temporaryFolder();
  await appendHistory(dir, entry('aaaaaaaa'));
  const path = join(dir, HISTORY_FILE);
  const newer = {
    ...JSON.parse(await readFile(path, 'utf8')),
    schemaVersion: 9,
    action: 'moved',
    to: 'bbbbbbbb',
    more: 1,
  };
  const other = '{"schemaVersion":10,"everything":"else"}';
  await appendFile(path, `${JSON.stringify(newer)}\n${other}\n`);
  await appendHistory(dir, entry('cccccccc'));
  expect(await names(dir)).toEqual(['aaaaaaaa', 'bbbbbbbb', 'cccccccc']);
  expect(await readFile(path, 'utf8')).toContain(other);
});

it('does not grow without bound', async () => {
  const dir = await temporaryFolder();
  await appendHistory(dir, entry('aaaaaaaa'));
  const path = join(dir, HISTORY_FILE);
  await writeFile(path, (await readFile(path, 'utf8')).repeat(400));
  await appendHistory(dir, entry('bbbbbbbb'));
  const left = await names(dir);
  expect([left.length, left.at(-1)]).toEqual([201, 'bbbbbbbb']);
});

it('is never written through a link, and a folder in its place is an error that names it', async () => {
  const dir = await temporaryFolder();
  const elsewhere = join(await temporaryFolder(), 'mine');
  await writeFile(elsewhere, 'mine');
  await symlink(elsewhere, join(dir, HISTORY_FILE));
  await appendHistory(dir, entry('aaaaaaaa'));
  expect(await readFile(elsewhere, 'utf8')).toBe('mine');
  expect(await names(dir)).toEqual(['aaaaaaaa']);
  await rm(join(dir, HISTORY_FILE));
  await mkdir(join(dir, HISTORY_FILE));
  expect(await readHistory(dir)).toEqual([]);
  await expect(appendHistory(dir, entry('aaaaaaaa'))).rejects.toThrow(HISTORY_FILE);
});

it('knows no way back from an unknown environment', async () => {
  const dir = await temporaryFolder();
  await appendHistory(dir, entry('bbbbbbbb', 'aaaaaaaa'));
  const history = await readHistory(dir);
  expect(waysBack(history, 'cccccccc')).toEqual([]);
  expect(waysBack(history, null)).toEqual(['bbbbbbbb', 'aaaaaaaa']);
});
