import type { ServerResponse } from 'node:http';
import type { RemedyId } from '../../src/support/remedy.ts';
import type { TestServer } from '../fixtures/network.ts';
import type { CaseSetup, World } from '../fixtures/network-world.ts';
import { type Fault, indexListener, startServer } from './servers.ts';

export interface MatrixCase {
  kind: CaseSetup['kind'];
  fault: string;
  /** `null`: the setup must get through. */
  cause: string | null;
  /** One of them must be offered. */
  remedy?: RemedyId;
  /** Something that evidence or notes must say. */
  says?: RegExp;
  prepare(lab: Lab): Promise<Prepared>;
}

export interface Prepared extends Omit<CaseSetup, 'kind'> {
  /** `host[:port]` that the diagnosis must name. */
  host: string;
  /** As `says` of the case, where it is known only here. */
  says?: RegExp;
  /** Looks at what the servers were asked; a text is what is wrong. */
  check?(): string | null;
}

/** Makes servers that end with their case. */
export interface Lab {
  world: World;
  keep(server: TestServer): TestServer;
  dir(): Promise<string>;
}

export const NONE: Fault = () => false;
const wasPage = (url: string | undefined) => url?.startsWith('/simple/click/') === true;
const wasFile = (url: string | undefined) => url?.startsWith('/files/click-') === true;
/** Answers requests for the subject's page with this. */
export const onPage =
  (answer: (response: ServerResponse, count: number) => unknown): Fault =>
  (request, response, count) => {
    if (!wasPage(request.url)) return false;
    return answer(response, count) !== false;
  };
/** Answers GET of the subject's file with this, HEAD as it should be; with `both` HEAD too. */
export const onFile =
  (
    answer: (response: ServerResponse, count: number, range: string | undefined) => unknown,
    isBoth = false,
  ): Fault =>
  (request, response, count) => {
    if (!wasFile(request.url) || (request.method === 'HEAD' && !isBoth)) return false;
    return answer(response, count, request.headers.range) !== false;
  };
export const status =
  (code: number, headers: Record<string, string> = {}) =>
  (response: ServerResponse) =>
    response.writeHead(code, headers).end('no');
export const html = (response: ServerResponse) =>
  response
    .writeHead(200, { 'content-type': 'text/html' })
    .end('<html><title>Welcome</title>Please sign in</html>');
export const drip = (response: ServerResponse, totalBytes: number) => {
  response.writeHead(200, { 'content-type': 'text/html', 'content-length': totalBytes });
  const timer = setInterval(() => response.write('x'), 100);
  response.once('close', () => clearInterval(timer));
};

export const withLogin = (url: string) => url.replace('://', '://me:matrix-pass-word@');
export const indexEnv = (url: string): NodeJS.ProcessEnv => ({ PIP_INDEX_URL: `${withLogin(url)}/simple` });

/** An index with one fault, on plain http. */
export const faultyIndex =
  (fault: Fault, more: NodeJS.ProcessEnv = {}) =>
  async (lab: Lab): Promise<Prepared> => {
    const server = lab.keep(await startServer(indexListener(lab.world.files, fault)));
    return { host: server.host, env: { ...indexEnv(server.url), ...more } };
  };
/** An index over https, with the authority known or not. */
export const secureIndex =
  (
    certificate: (world: World) => { key: string; cert: string },
    isKnown: boolean,
    more: NodeJS.ProcessEnv = {},
  ) =>
  async (lab: Lab): Promise<Prepared> => {
    const chosen = certificate(lab.world) as World['authority'];
    const server = lab.keep(await startServer(indexListener(lab.world.files, NONE), chosen));
    return {
      host: server.host,
      env: { ...indexEnv(server.url), ...(isKnown ? { SSL_CERT_FILE: chosen.caPath } : {}), ...more },
    };
  };
/** An https index behind a proxy. */
export const behindProxy =
  (
    startIt: (lab: Lab) => Promise<TestServer | string>,
    more: (world: World) => NodeJS.ProcessEnv = () => ({}),
  ) =>
  async (lab: Lab): Promise<Prepared> => {
    const index = await secureIndex((world) => world.authority, true)(lab);
    const proxy = await startIt(lab);
    const url =
      typeof proxy === 'string' ? proxy : lab.keep(proxy).url.replace('://', '://p:proxy-pass-word@');
    return { ...index, env: { ...index.env, HTTPS_PROXY: url, ...more(lab.world) } };
  };
export const mirror =
  (
    name: 'UV_ASTRAL_MIRROR_URL' | 'UV_PYTHON_INSTALL_MIRROR',
    listener: Fault,
    more: NodeJS.ProcessEnv = {},
  ) =>
  async (lab: Lab): Promise<Prepared> => {
    const server = lab.keep(
      await startServer((request, response) => {
        if (!listener(request, response, 1)) response.writeHead(404).end();
      }),
    );
    return {
      host: server.host,
      env: { [name]: server.url, PIP_NO_INDEX: '1', ...more },
      isSubjectStored: true,
    };
  };
/** Only the mirror of the case: none of the official hosts. */
export const alone = { UV_ASTRAL_MIRROR_URL: 'http://127.0.0.1:9' };
export const always =
  (answer: (response: ServerResponse) => unknown): Fault =>
  (_request, response) => {
    answer(response);
    return true;
  };
export const onGet =
  (answer: (response: ServerResponse) => unknown): Fault =>
  (request, response) => {
    if (request.method === 'HEAD') response.writeHead(200, { 'content-length': 5000 }).end();
    else answer(response);
    return true;
  };

export async function redirecting(
  lab: Lab,
  target: string,
  fault: (location: (response: ServerResponse) => unknown) => Fault,
) {
  const location = (response: ServerResponse) => response.writeHead(302, { location: target }).end();
  return faultyIndex(fault(location))(lab);
}

/** The plan gets as far as the transfer only when the packages of the managed Python can be had. */
export async function withPackages(lab: Lab, prepare: (lab: Lab) => Promise<Prepared>): Promise<Prepared> {
  const given = await prepare(lab);
  const index = await faultyIndex(NONE)(lab);
  const { PIP_NO_INDEX: _, ...env } = given.env!;
  return { ...given, env: { ...env, ...index.env } };
}
