import type { KtxRuntimeFeature } from '../core/features.ts';
import { embeddingsModelDir } from '../core/model-folder-path.ts';
import { interpreterEnvironment } from '../python/system-python.ts';

/**
 * Variables of our own process: a mark with which a caller of ktx ends its process tree, and variables that
 * we set ourselves.
 */
const NOT_FOR_THE_DAEMON =
  /^(UV_.*|RUST_LOG|JPY_SESSION_NAME|KTX_PROCESS_MARK|KTX_SETUP_RUN|KTX_SETUP_OWNER|KTX_DAEMON_(?:SECRET|STRICT|STATE|STARTER|PROOF))$/i;

/**
 * The daemon's environment: the given one without variables that would redirect Python, plus the version that
 * `/health` reports, the secret for its proofs and, with embeddings, the model folder. The user's proxies are
 * passed on.
 */
export function daemonEnvironment(
  base: NodeJS.ProcessEnv,
  options: {
    cliVersion: string;
    secret: string;
    /** Every request must carry the token. */
    isStrict: boolean;
    /** The state file that will name the daemon. Until it exists, the daemon ends with this process. */
    statePath?: string;
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
    KTX_DAEMON_SECRET: options.secret,
    ...(options.isStrict ? { KTX_DAEMON_STRICT: '1' } : {}),
    ...(options.statePath === undefined
      ? {}
      : { KTX_DAEMON_STATE: options.statePath, KTX_DAEMON_STARTER: String(process.pid) }),
    ...(options.features.includes('local-embeddings')
      ? { KTX_EMBEDDINGS_MODEL_DIR: embeddingsModelDir(options.runtimeRoot) }
      : {}),
  });
}

/** Whether the user wants a daemon that answers only requests with its token: `KTX_DAEMON_STRICT=1`. */
export const isStrictWanted = (env: NodeJS.ProcessEnv): boolean => env['KTX_DAEMON_STRICT'] === '1';

/**
 * A copy in which `NO_PROXY` and `no_proxy` both hold the union of the two lists, in order. IPv6 networks
 * (`fe80::/10`) are dropped: Python's HTTP clients take the text after the first colon for a port and crash.
 * Never adds the variables.
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
