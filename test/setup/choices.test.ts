import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { keepChosenPython, readChosenPython } from '../../src/setup/request/choices.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';

async function root(text?: string): Promise<string> {
  const runtimeRoot = await temporaryFolder();
  await mkdir(join(runtimeRoot, 'uv'));
  if (text !== undefined) await writeFile(join(runtimeRoot, 'uv', 'choices.json'), text);
  return runtimeRoot;
}

it.each([['system'], ['managed'], [{ path: '/usr/bin/python3.12' }], [{ version: '3.13' }]] as const)(
  '%j is kept until auto is asked for',
  async (python) => {
    const runtimeRoot = await root();
    await keepChosenPython(runtimeRoot, python);
    expect(await readChosenPython(runtimeRoot)).toEqual(python);
    await keepChosenPython(runtimeRoot, 'auto');
    expect(await readChosenPython(runtimeRoot)).toBeNull();
  },
);

it.each([
  '',
  '{',
  '{"schemaVersion":2,"python":"system"}',
  '{"schemaVersion":1,"python":{"version":"--help"}}',
])('a file that holds %j chooses nothing', async (text) => {
  expect(await readChosenPython(await root(text))).toBeNull();
});

it('what cannot be kept fails nothing', async () => {
  const runtimeRoot = await root();
  await mkdir(join(runtimeRoot, 'uv', 'choices.json', 'in the way'), { recursive: true });
  await keepChosenPython(runtimeRoot, 'system');
  expect(await readChosenPython(runtimeRoot)).toBeNull();
  await expect(readFile(join(runtimeRoot, 'uv', 'choices.json'))).rejects.toThrow();
});

it('what a newer ktx added stays, and so does a file that only it understands', async () => {
  const added = await root('{"schemaVersion":1,"python":"system","colour":"blue"}');
  await keepChosenPython(added, 'managed');
  expect(JSON.parse(await readFile(join(added, 'uv', 'choices.json'), 'utf8'))).toEqual({
    schemaVersion: 1,
    python: 'managed',
    colour: 'blue',
  });
  await keepChosenPython(added, 'auto');
  expect(await readFile(join(added, 'uv', 'choices.json'), 'utf8')).toContain('blue');

  const text = '{"schemaVersion":2,"python":{"free-threaded":true}}';
  const newer = await root(text);
  for (const python of ['system', 'auto'] as const) await keepChosenPython(newer, python);
  expect(await readFile(join(newer, 'uv', 'choices.json'), 'utf8')).toBe(text);
});
