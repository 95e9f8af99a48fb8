import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { embeddingsModelDir } from '../../core/model-folder-path.ts';
import { findAlteredFiles } from '../../runtime/known-files.ts';
import { lockArtefact } from '../../shipped/lock.ts';
import { hashFile } from '../../store/store.ts';
import { errorMessage } from '../../support/errors.ts';
import { formatCount } from '../../support/text/format.ts';
import { type Check, fail, type Outcome, pass, skip } from './check.ts';
import type { CheckContext } from './context.ts';

export const EMBEDDING_CHECKS: readonly Check[] = [
  {
    id: 'model',
    group: 'Embeddings',
    label: 'Model files',
    why: 'Without its model the daemon cannot compute a vector.',
    cost: 'offline',
    dependsOn: ['runtime', 'asset'],
    run: (context) => inspectModel(context, false),
  },
  {
    id: 'model-digests',
    group: 'Embeddings',
    label: 'Model files are the pinned ones',
    why: 'A changed model silently computes different vectors.',
    cost: 'deep',
    dependsOn: ['model'],
    timeoutMs: 300_000,
    run(context) {
      context.waitFor('hashing the model');
      return inspectModel(context, true);
    },
  },
];

async function inspectModel(
  { facts, layout, shared, signal }: CheckContext,
  shouldHash: boolean,
): Promise<Outcome> {
  const { manifest } = await facts.active();
  if (!manifest.features.includes('local-embeddings')) return skip('local embeddings are not installed');
  const locked = await facts.lockedAsset();
  const model = locked?.lock.models?.['local-embeddings'];
  if (!locked || !model || !manifest.locked) return skip('this wheel brings no model of its own');
  const folder = embeddingsModelDir(layout.runtimeRoot);
  for (const sha256 of model.files) {
    const { file, sizeBytes } = lockArtefact(locked.lock, sha256);
    const path = join(folder, file);
    const broken = (what: string) => fail(`${path} ${what}`, ['refetch-model']);
    const status = await stat(path).catch(() => null);
    if (status === null) return broken('is missing');
    if (!status.isFile()) return broken('is not a file');
    if (sizeBytes !== null && status.size !== sizeBytes)
      return broken(`has ${status.size} of ${sizeBytes} bytes`);
    try {
      const isAltered = shouldHash
        ? (await hashFile(path, signal)) !== sha256
        : (await findAlteredFiles(shared.root, [path])).length > 0;
      if (isAltered) return broken('was altered');
    } catch (error) {
      signal.throwIfAborted();
      return broken(`cannot be read: ${errorMessage(error)}`);
    }
  }
  return pass(`${formatCount(model.files.length, 'file')} in ${folder}`);
}
