import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { managedPythonRuntimeLayout } from '../../src/core/layout.ts';
import { appendHistory } from '../../src/runtime/history.ts';
import type { PrepareOptions } from '../../src/setup/request/install-types.ts';
import { writeRuntime } from '../fixtures/asset.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';

const planInstall = vi.hoisted(() => vi.fn());
vi.mock('../../src/setup/plan/plan.ts', () => ({ planInstall }));
const { prepareInstall } = await import('../../src/setup/prepare.ts');

it.each([
  ['a byte order mark and more', (text: string) => `\ufeff${text}\0`],
  ['half of it', (text: string) => text.slice(0, text.length / 2)],
  ['nothing', () => ''],
])('keeps the features of a runtime whose manifest has %s', async (_, damage) => {
  const runtimeRoot = await temporaryFolder();
  const options = { cliVersion: '0.3.0', runtimeRoot, env: {}, homeDir: runtimeRoot, features: ['core'] };
  const layout = managedPythonRuntimeLayout(options);
  const manifest = await writeRuntime(runtimeRoot, '0.3.0');
  const entry = { action: 'install', reason: 'first', to: 'a', replaced: null, back: null, lock: null };
  await appendHistory(layout.versionDir, {
    ...entry,
    features: ['core', 'local-embeddings', 'of a newer ktx'],
    wheel: { version: '0.3.0', sha256: 'a'.repeat(64) },
  } as never);
  await writeFile(join(layout.versionDir, 'manifest.json'), damage(JSON.stringify(manifest)));
  await prepareInstall(options as unknown as PrepareOptions);
  expect(planInstall.mock.lastCall![1].features).toEqual(['core', 'local-embeddings']);
});
