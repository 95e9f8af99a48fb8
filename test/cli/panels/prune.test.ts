import { mkdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { previewAction, runAction } from '../../../src/cli/panels/actions.ts';
import { writeRuntime } from '../../fixtures/asset.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';

const setup = (runtimeRoot: string) => ({ cliVersion: '0.3.0', features: ['core' as const], runtimeRoot });

async function rootWithOldUv(...versions: string[]): Promise<{ root: string; oldUv: string }> {
  const root = await temporaryFolder();
  for (const version of versions) await writeRuntime(root, version);
  const oldUv = join(root, 'uv', '0.1.0', 'uv');
  await mkdir(join(oldUv, '..'), { recursive: true });
  await writeFile(oldUv, 'x');
  return { root, oldUv };
}

it.each([[['0.2.0', '0.3.0']], [['0.3.0']]])(
  'whatever is removed with %j was shown before, and is named afterwards',
  async (versions) => {
    const { root, oldUv } = await rootWithOldUv(...versions);
    const place = { projectDir: root, cwd: root };
    const preview = await previewAction('prune', setup(root));
    expect(preview.lines.join('\n')).toContain(oldUv);
    expect(preview.question).toContain('what is no longer needed');
    const outcome = await runAction('prune', setup(root), place);
    expect(outcome.lines.join('\n')).toContain(oldUv);
    await expect(stat(oldUv)).rejects.toThrow('ENOENT');
  },
);

it('nothing to remove asks nothing', async () => {
  const root = await temporaryFolder();
  await writeRuntime(root, '0.3.0');
  const preview = await previewAction('prune', setup(root));
  expect(preview).toEqual({ lines: ['There is no older version to remove.'], question: null });
});
