import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { readProjectConfig } from '../../src/runtime/project-config.ts';
import { resolveProjectRuntimeRequirements } from '../../src/runtime/requirements.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';

async function project(yaml: string): Promise<string> {
  const folder = await temporaryFolder();
  await writeFile(join(folder, 'ktx.yaml'), yaml);
  return folder;
}

it('no ktx.yaml is no project', async () => {
  expect(await readProjectConfig(await temporaryFolder())).toBeNull();
});

it('reads what decides whether Python is needed, and leaves the rest to others', async () => {
  const folder = await project(`
connections:
  orders_dbt:
    driver: Looker
    host: db.example
  empty:
ingest:
  embeddings:
    backend: sentence-transformers
`);
  const config = (await readProjectConfig(folder))!;
  expect(resolveProjectRuntimeRequirements(config, { env: {} })).toMatchObject({
    features: ['core', 'local-embeddings'],
    requirements: [{ detail: 'orders_dbt uses Looker identifier parsing.' }, { reason: 'local-embeddings' }],
  });
});

it('an empty file needs nothing', async () => {
  const config = (await readProjectConfig(await project('')))!;
  expect(resolveProjectRuntimeRequirements(config, { env: {} }).features).toEqual([]);
});

it.each([
  ['is not YAML', 'a: [', /ktx\.yaml cannot be read: /],
  ['has another shape', 'connections: 3', /ktx\.yaml cannot be read: connections: /],
])('a file that %s is named', async (_name, yaml, message) => {
  await expect(readProjectConfig(await project(yaml))).rejects.toThrow(message);
});

it('a file that is none, or has no end, is not read', async () => {
  const folder = await temporaryFolder();
  await symlink('/dev/zero', join(folder, 'ktx.yaml'));
  await expect(readProjectConfig(folder)).rejects.toThrow(/ktx\.yaml cannot be read: it is no file/);
  const other = await temporaryFolder();
  await mkdir(join(other, 'ktx.yaml'));
  await expect(readProjectConfig(other)).rejects.toThrow(/ktx\.yaml cannot be read: it is no file/);
});
