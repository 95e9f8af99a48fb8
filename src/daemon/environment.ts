import type { KtxRuntimeFeature } from '../core/features.ts';
import { embeddingsModelDir } from '../core/model-folder-path.ts';
import { interpreterEnvironment } from '../python/system-python.ts';

/** Of our own process: a mark by which somebody who runs ktx ends it together with everything below it; and what we set. */
const NOT_FOR_THE_DAEMON =
  /^(UV_.*|RUST_LOG|JPY_SESSION_NAME|KTX_PROCESS_MARK|KTX_SETUP_RUN|KTX_SETUP_OWNER|KTX_DAEMON_(?:SECRET|STRICT|STATE|STARTER|PROOF))$/i;

/**
 * The daemon's environment: the given one without what would lead Python elsewhere, plus the version that `/health`
 * echoes, the secret that it proves to know and, with embeddings, the folder of the model. The user's proxies pass.
 */
export function daemonEnvironment(
  base: NodeJS.ProcessEnv,
  options: {
    cliVersion: string;
    secret: string;
    /** Every request has to carry the token. */
    isStrict: boolean;
    /** The state file that will name the daemon: until then it ends when this process does. */
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

/** Whether the user wants a daemon that answers only to requests with its token: `KTX_DAEMON_STRICT=1`. */
export const isStrictWanted = (env: NodeJS.ProcessEnv): boolean => env['KTX_DAEMON_STRICT'] === '1';

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
