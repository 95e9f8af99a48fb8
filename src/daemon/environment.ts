import type { KtxRuntimeFeature } from '../core/features.ts';
import { embeddingsModelDir } from '../core/model-folder-path.ts';
import { interpreterEnvironment } from '../python/system-python.ts';

/** Of our own process: a mark by which somebody who runs ktx ends it together with everything below it. */
const NOT_FOR_THE_DAEMON =
  /^(UV_.*|RUST_LOG|JPY_SESSION_NAME|KTX_PROCESS_MARK|KTX_SETUP_RUN|KTX_SETUP_OWNER)$/i;

/**
 * The daemon's environment: the given one without what would lead Python elsewhere, plus the version and the nonce that
 * `/health` echoes and, with embeddings, the folder of the model. The user's proxies pass.
 */
export function daemonEnvironment(
  base: NodeJS.ProcessEnv,
  options: {
    cliVersion: string;
    nonce: string;
    features: readonly KtxRuntimeFeature[];
    runtimeRoot: string;
  },
): NodeJS.ProcessEnv {
  const inherited = Object.entries(interpreterEnvironment(base)).filter(
    ([name]) => !NOT_FOR_THE_DAEMON.test(name),
  );
  return sanitizeChildProxyEnv({
    ...Object.fromEntries(inherited),
    KTX_DAEMON_VERSION: options.cliVersion,
    KTX_DAEMON_NONCE: options.nonce,
    ...(options.features.includes('local-embeddings')
      ? { KTX_EMBEDDINGS_MODEL_DIR: embeddingsModelDir(options.runtimeRoot) }
      : {}),
  });
}

/**
 * A copy in which `NO_PROXY` and `no_proxy` say the same, both lists united in their order. IPv6 networks (`fe80::/10`)
 * are left out: Python's HTTP clients take the text behind the first colon for a port and crash. Never adds the
 * variables.
 */
export function sanitizeChildProxyEnv(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const { NO_PROXY, no_proxy } = env;
  if (NO_PROXY === undefined && no_proxy === undefined) return { ...env };
  const entries = [NO_PROXY, no_proxy]
    .flatMap((list) => (list ?? '').split(','))
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '' && !(entry.includes('/') && entry.includes(':')));
  const united = [...new Set(entries)].join(',');
  return { ...env, NO_PROXY: united, no_proxy: united };
}
