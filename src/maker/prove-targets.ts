import { link } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { type Artefact, lockArtefact, lockedFeature, type RuntimeLock } from '../shipped/lock.ts';
import { inParallel } from '../support/async/in-parallel.ts';
import { makeFolder } from '../support/fs/atomic-file.ts';
import type { FeatureLock } from './lock-requirements.ts';
import type { Toolbox } from './toolbox.ts';

/** uv's name for the machine of a target. */
const UV_PLATFORMS: Record<string, string> = {
  'linux-x64-gnu': 'x86_64-manylinux_2_28',
  'linux-arm64-gnu': 'aarch64-manylinux_2_28',
  'linux-x64-musl': 'x86_64-unknown-linux-musl',
  'linux-arm64-musl': 'aarch64-unknown-linux-musl',
  'darwin-x64': 'x86_64-apple-darwin',
  'darwin-arm64': 'aarch64-apple-darwin',
  'win32-x64': 'x86_64-pc-windows-msvc',
  'win32-arm64': 'aarch64-pc-windows-msvc',
};

/** A check for uv: whether these files satisfy the requirements on that target. */
interface Question {
  key: string;
  files: readonly Artefact[];
  requirementsPath: string;
  folder: string;
}

/**
 * Has uv, which will install them, verify every list in the lock: the chosen files alone must satisfy the
 * requirements for that platform and Python.
 * @param options.wheelsDir the downloaded wheels, `<sha256>/<file>`.
 * @throws SetupError for the first target that uv rejects, with its message.
 */
export async function proveTargets(
  lock: RuntimeLock,
  locks: readonly FeatureLock[],
  options: { runDir: string; wheelsDir: string; tools: Toolbox; signal?: AbortSignal },
): Promise<void> {
  const questions = Object.keys(lock.targets).flatMap((key) =>
    locks.flatMap(({ feature, requirementsPath }): Question[] => {
      const entry = lockedFeature(lock, key, feature);
      if (!entry || !('artefacts' in entry)) return [];
      const files = entry.artefacts.map((digest) => lockArtefact(lock, digest));
      return [{ key, files, requirementsPath, folder: join(options.runDir, `prove-${key}-${feature}`) }];
    }),
  );
  await inParallel(questions, availableParallelism(), options.signal, (question) => prove(question, options));
}

async function prove(
  { key, files, requirementsPath, folder }: Question,
  { wheelsDir, tools }: { wheelsDir: string; tools: Toolbox },
): Promise<void> {
  const [, platform, minor] = /^(.+)-cp3(\d+)$/.exec(key)!;
  await makeFolder(folder);
  for (const { sha256, file } of files) await link(join(wheelsDir, sha256, file), join(folder, file));
  await tools.runUv(
    [
      ...[
        'pip',
        'install',
        '--dry-run',
        '--quiet',
        '--offline',
        '--no-index',
        '--no-build',
        '--require-hashes',
      ],
      ...['--find-links', folder, '--target', join(folder, 'target')],
      ...['--python-platform', UV_PLATFORMS[platform!]!, '--python-version', `3.${minor}`],
      ...['-r', requirementsPath],
    ],
    { env: { MACOSX_DEPLOYMENT_TARGET: '14.0' }, what: `uv cannot install the locked wheels of ${key}` },
  );
}
