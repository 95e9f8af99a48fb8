import http from 'node:http';
import https from 'node:https';
import { isIP, type Socket } from 'node:net';
import tls from 'node:tls';
import { buildConnector } from 'undici';
import { placeOf } from '../address/address.ts';
import { type ProxyServer, proxyFor } from '../address/proxy.ts';
import { HandshakeError, ProxyError, proxyAnswerOf } from '../errors/connect-errors.ts';
import type { NetworkProfile } from '../settings/profile.ts';
import { quickContextOf, secureContextOf, type Trust } from './trust.ts';

export interface ConnectorOptions {
  profile: Pick<NetworkProfile, 'proxies' | 'certificateFiles' | 'clientCertificate'>;
  connectTimeoutMs: number;
  /** For tests. */
  trusted?: { quick: typeof quickContextOf; complete: typeof secureContextOf };
}

/**
 * Makes connections: directly, or through the proxy with CONNECT for https. undici's ProxyAgent supports
 * CONNECT too, but loses what an error must name: the proxy's status and the issuer of an untrusted
 * certificate.
 */
export function createConnector(options: ConnectorOptions): buildConnector.connector {
  const { profile, connectTimeoutMs } = options;
  const { quick, complete } = options.trusted ?? { quick: quickContextOf, complete: secureContextOf };
  const connectPlainly = buildConnector({ timeout: connectTimeoutMs });
  const securely = (secureContext: tls.SecureContext): buildConnector.connector => {
    const connect = buildConnector({
      timeout: connectTimeoutMs,
      allowH2: false,
      secureContext,
      // Explicit, because NODE_TLS_REJECT_UNAUTHORIZED=0 would turn the default off.
      rejectUnauthorized: true,
    } as buildConnector.BuildOptions);
    return (target, callback) => {
      const url = new URL(`https://${bracketed(target.hostname)}:${target.port || 443}`);
      const proxy = proxyFor(url, profile.proxies);
      if (!proxy) {
        handshake(connect, target, callback);
        return;
      }
      // Twice the timeout: the proxy has to connect too before it answers.
      openTunnel(proxy, url, 2 * connectTimeoutMs, profile).then(
        (httpSocket) => handshake(connect, { ...target, httpSocket }, callback),
        (error: Error) => callback(error, null),
      );
    };
  };
  // Created on the first https connection.
  let quickly: buildConnector.connector | null | undefined;
  let completely: buildConnector.connector | undefined;
  const connectCompletely: buildConnector.connector = (target, callback) => {
    completely ??= securely(complete(profile));
    completely(target, callback);
  };

  return (target, callback) => {
    if (target.protocol !== 'https:') {
      connectPlainly(target, callback);
      return;
    }
    if (quickly === undefined) {
      const context = quick(profile);
      quickly = context && securely(context);
    }
    if (quickly === null) {
      connectCompletely(target, callback);
      return;
    }
    quickly(target, (...result) => {
      if (!(result[0] instanceof HandshakeError)) {
        callback(...result);
        return;
      }
      // Its authority may be one that only the complete context has.
      quickly = null;
      connectCompletely(target, callback);
    });
  };
}

function handshake(
  connect: buildConnector.connector,
  target: buildConnector.Options,
  callback: buildConnector.Callback,
): void {
  let issuer: string | null = null;
  // The connector returns its socket, although its types do not say so. The certificate must be read before
  // Node's own check, which destroys the socket.
  const socket = connect(target, (...result) => {
    const [error] = result;
    if (error && issuer !== null) callback(new HandshakeError(issuer, error), null);
    else callback(...result);
  }) as unknown as tls.TLSSocket | undefined;
  socket?.prependOnceListener('secure', () => {
    issuer = issuerOf(socket.getPeerCertificate());
  });
}

function issuerOf(certificate: tls.PeerCertificate | null): string | null {
  const issuer = certificate?.issuer as Record<string, string | string[]> | undefined;
  if (!issuer) return null;
  const names = ['CN', 'O'].flatMap((field) => issuer[field] ?? []);
  return names.length > 0 ? [...new Set(names)].join(', ') : null;
}

/** undici passes an IPv6 address without its brackets. */
function bracketed(hostname: string): string {
  return hostname.includes(':') && !hostname.startsWith('[') ? `[${hostname}]` : hostname;
}

function openTunnel(proxy: ProxyServer, target: URL, timeoutMs: number, trust: Trust): Promise<Socket> {
  const url = new URL(proxy.url);
  const host = placeOf(url);
  const authority = `${target.hostname}:${target.port || 443}`;
  return new Promise((resolve, reject) => {
    const isSecure = url.protocol === 'https:';
    const hostname = url.hostname.replace(/^\[(.+)\]$/, '$1');
    const request = (isSecure ? https : http).request({
      host: hostname,
      port: url.port || (isSecure ? 443 : 80),
      method: 'CONNECT',
      path: authority,
      headers: {
        host: authority,
        ...(proxy.authorization ? { 'proxy-authorization': proxy.authorization } : {}),
      },
      agent: false,
      ...(isSecure
        ? {
            secureContext: secureContextOf(trust),
            rejectUnauthorized: true,
            ...(isIP(hostname) ? {} : { servername: hostname }),
          }
        : {}),
    });
    let issuer: string | null = null;
    request.once('socket', (socket) => {
      if (socket instanceof tls.TLSSocket)
        socket.prependOnceListener('secure', () => {
          issuer = issuerOf(socket.getPeerCertificate());
        });
    });
    const timer = setTimeout(
      () =>
        request.destroy(
          Object.assign(new Error(`no answer within ${timeoutMs} ms`), { code: 'UND_ERR_CONNECT_TIMEOUT' }),
        ),
      timeoutMs,
    );
    request.once('connect', (response, socket, head) => {
      clearTimeout(timer);
      const { statusCode = 0, statusMessage = '', headers } = response;
      if (statusCode < 200 || statusCode > 299) {
        socket.destroy();
        const hasLogin = proxy.authorization !== null;
        reject(new ProxyError(host, proxyAnswerOf(statusCode, statusMessage, headers, hasLogin)));
        return;
      }
      if (head.length > 0) socket.unshift(head);
      resolve(socket);
    });
    request.once('error', (error) => {
      clearTimeout(timer);
      reject(new ProxyError(host, null, { isSecure, issuer, cause: error }));
    });
    request.end();
  });
}
