import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ReadableStream } from 'node:stream/web';
import { createMcpHandler, type McpServer } from '@modelcontextprotocol/server';
import type { KtxRuntimeToolSet } from '../port/runtime-port.ts';
import { createCodexRuntimeMcpServer, type ToolRegistry } from './mcp-tools.ts';
import type { CodexRuntimeMcpServerHandle } from './run-config.ts';

const HOST = '127.0.0.1';
const PATH = '/mcp';
const BEARER_TOKEN_ENV_VAR = 'KTX_CODEX_RUNTIME_MCP_TOKEN';

export interface RunMcpServerInput {
  projectDir: string;
  host: string;
  /** 0: any free port. */
  port: number;
  token: string;
  /** Host names accepted in `Host`, without the port. */
  allowedHosts: string[];
  /** Accepted `Origin` values; a browser sends one, the CLI does not. */
  allowedOrigins: string[];
  /** Creates a new, unconnected server on each call. */
  createMcpServer: () => ToolRegistry;
}

export interface RunningMcpServer {
  port: number;
  close(): Promise<void>;
}

/** Serves the tools to one Codex run over streamable HTTP on loopback, protected by its own token. */
export async function startCodexRuntimeMcpServer(input: {
  projectDir: string;
  toolSet: KtxRuntimeToolSet;
  runServer?: (input: RunMcpServerInput) => Promise<RunningMcpServer>;
}): Promise<CodexRuntimeMcpServerHandle> {
  const { projectDir, toolSet, runServer = runMcpHttpServer } = input;
  const token = randomBytes(32).toString('hex');
  const server = await runServer({
    projectDir,
    host: HOST,
    port: 0,
    token,
    allowedHosts: [HOST, 'localhost'],
    allowedOrigins: [],
    createMcpServer: () => createCodexRuntimeMcpServer({ toolSet }),
  });
  return {
    url: `http://${HOST}:${server.port}${PATH}`,
    bearerTokenEnvVar: BEARER_TOKEN_ENV_VAR,
    bearerToken: token,
    close: () => server.close(),
  };
}

/** @throws the system's error when it cannot listen, or the reason the tools cannot be served */
async function runMcpHttpServer(input: RunMcpServerInput): Promise<RunningMcpServer> {
  // Fail now, not on the first request, when the tool set is invalid (two tools with the same name).
  input.createMcpServer();
  const handler = createMcpHandler(() => input.createMcpServer() as McpServer);
  const server = createServer((request, response) => {
    const status = refusal(request, input);
    if (status !== null) {
      response.writeHead(status, { connection: 'close' }).end();
      return;
    }
    answer(request, response, handler.fetch).catch(() => response.destroy());
  });
  server.listen(input.port, input.host);
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    close: async () => {
      const closed = once(server, 'close');
      server.close();
      // A CLI that was killed never closes its connections, so they would stay open forever.
      server.closeAllConnections();
      await Promise.all([closed, handler.close()]);
    },
  };
}

/** The status that refuses the request, or `null`. */
function refusal({ headers, url = '' }: IncomingMessage, input: RunMcpServerInput): number | null {
  const hostname = (headers.host ?? '').replace(/:\d*$/, '').toLowerCase();
  if (!input.allowedHosts.includes(hostname)) return 403;
  if (headers.origin !== undefined && !input.allowedOrigins.includes(headers.origin)) return 403;
  if (url.split('?')[0] !== PATH) return 404;
  return isEqual(headers.authorization ?? '', `Bearer ${input.token}`) ? null : 401;
}

/** Constant-time comparison. */
function isEqual(given: string, expected: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(expected));
}

/** Adapts a Node request to a handler of web requests, and its response back. */
async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  handle: (request: Request) => Promise<Response>,
): Promise<void> {
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  const hasBody = !['GET', 'HEAD'].includes(request.method ?? '');
  const webRequest = new Request(`http://${request.headers.host}${request.url}`, {
    method: request.method ?? 'GET',
    headers: Object.entries(request.headersDistinct).flatMap(([name, values = []]) =>
      values.map((value): [string, string] => [name, value]),
    ),
    signal: gone.signal,
    ...(hasBody && { body: Readable.toWeb(request) as globalThis.ReadableStream, duplex: 'half' }),
  });
  const webResponse = await handle(webRequest);
  response.writeHead(webResponse.status, Object.fromEntries(webResponse.headers));
  if (webResponse.body === null) {
    response.end();
    return;
  }
  // A stream's headers must not wait for its first event.
  response.flushHeaders();
  await pipeline(Readable.fromWeb(webResponse.body as ReadableStream), response);
}
