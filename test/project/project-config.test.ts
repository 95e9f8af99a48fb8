import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { readProjectConfig } from '../../src/project/project-config.ts';
import { resolveProjectRuntimeRequirements } from '../../src/project/requirements.ts';
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

it.each([
  ['connections:\n  a: b: c\n', 'line 2, column 6 (Nested mappings are not allowed in compact mappings)'],
  ['a: 1\na: 2\n', 'line 2, column 1 (Map keys must be unique)'],
  ['a: 1\n---\nb: 1\n', 'line 2, column 1 (there is a second document)'],
])('%j: says in one line what is wrong, and where', async (yaml, place) => {
  const folder = await project(yaml);
  const path = join(folder, 'ktx.yaml');
  await expect(readProjectConfig(folder)).rejects.toMatchObject({
    message: `${path} cannot be read: no valid YAML at ${place}`,
    nextSteps: ['Correct the file, or run the command outside of the project.'],
  });
});

it('an error without a position is reported without one', async () => {
  const failing = readProjectConfig(await project('a: *x\n'));
  await expect(failing).rejects.toThrow(/cannot be read: Unresolved alias [^\n]*$/);
});

it('the parser prints nothing itself', async () => {
  const warnings: Error[] = [];
  const listen = (warning: Error) => warnings.push(warning);
  process.on('warning', listen);
  try {
    expect(await readProjectConfig(await project('other: !their-tag 1\n'))).toEqual({});
    // A warning is told with the next turn.
    await new Promise((resolve) => setImmediate(resolve));
    expect(warnings).toEqual([]);
  } finally {
    process.off('warning', listen);
  }
});

it('a path that is not a file, or has no end, is not read', async () => {
  const folder = await temporaryFolder();
  await symlink('/dev/zero', join(folder, 'ktx.yaml'));
  await expect(readProjectConfig(folder)).rejects.toThrow(/ktx\.yaml cannot be read: .* symbolic link/);
  const other = await temporaryFolder();
  await mkdir(join(other, 'ktx.yaml'));
  await expect(readProjectConfig(other)).rejects.toThrow(/ktx\.yaml cannot be read: .* is a folder/);
});
