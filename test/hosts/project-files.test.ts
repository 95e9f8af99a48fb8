import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { reviewedFile, saveModelHostSettings, unfinishedChange } from '../../src/hosts/project-files.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';

const place = { host: 'gpu.internal', configPath: '/etc/llama-swap/config.yaml' };
const connection = {
  ...place,
  user: 'ktx',
  keyPath: '~/.ssh/id_ed25519',
  mode: 'wrapper' as const,
  baseUrl: 'http://gpu.internal:8080',
};

it.each<[string, (projectDir: string) => Promise<unknown>]>([
  ['the saved connection', (projectDir) => saveModelHostSettings(projectDir, connection)],
  ['what a diff showed', (projectDir) => reviewedFile.write(projectDir, { ...place, sha256: 'a' })],
  [
    'a change under way',
    (projectDir) =>
      unfinishedChange.write(projectDir, { ...place, backupPath: '/b', startedAt: '2026-01-01T00:00:00Z' }),
  ],
])('%s stays out of git', async (_, write) => {
  const projectDir = await temporaryFolder();
  await write(projectDir);
  expect(await readFile(join(projectDir, '.ktx', '.gitignore'), 'utf8')).toContain('*');
});
