import { Agent, type Dispatcher } from 'undici';
import type { NetworkProfile } from '../settings/profile.ts';
import { createConnector } from './connector.ts';

const MAX_CONNECTIONS_PER_HOST = 4;
/** As pip and curl: servers behind a sign-on send many cookies, and policies by the kilobyte. */
const MAX_HEADER_BYTES = 128 * 1024;

export interface Agents {
  direct: Dispatcher;
  /** For plain http through a proxy: the request goes to the proxy with the absolute URL. */
  forwarding: Dispatcher;
}

/** Import this on the first request: it loads undici and TLS. */
export function openAgents(
  profile: NetworkProfile,
  { connectTimeoutMs, idleTimeoutMs }: { connectTimeoutMs: number; idleTimeoutMs: number },
): Agents {
  const common = {
    connections: MAX_CONNECTIONS_PER_HOST,
    headersTimeout: idleTimeoutMs,
    bodyTimeout: idleTimeoutMs,
    keepAliveTimeout: 10_000,
    allowH2: false,
    maxHeaderSize: MAX_HEADER_BYTES,
  };
  const connect = createConnector({ profile, connectTimeoutMs });
  return {
    direct: new Agent({ ...common, connect }),
    forwarding: new Agent({
      ...common,
      connect: createConnector({
        // The connection to a proxy must not go through the other proxy.
        profile: { ...profile, proxies: { forHttp: null, forHttps: null, noProxy: '' } },
        connectTimeoutMs,
      }),
    }),
  };
}
