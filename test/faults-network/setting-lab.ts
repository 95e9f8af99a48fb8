import type { TestServer } from '../fixtures/network.ts';
import { indexEnv, type Lab, type MatrixCase, NONE, type Prepared, secureIndex } from './lab.ts';
import { indexListener, startServer, startTalkingProxy } from './servers.ts';

export type Prepare = MatrixCase['prepare'];

/** A proxy that lets only this login through, before an https index whose authority is known. */
export const choosyProxy =
  (username: string, settings: (address: string) => Pick<Prepared, 'env' | 'files'>): Prepare =>
  async (lab) => {
    const index = await secureIndex((world) => world.authority, true)(lab);
    const wanted = `Basic ${Buffer.from(`${username}:proxy-pass-word`).toString('base64')}`;
    const proxy = lab.keep(
      await startTalkingProxy(({ headers }) =>
        headers['proxy-authorization'] === wanted ? null : 'HTTP/1.1 407 No\r\n\r\n',
      ),
    );
    const { env, files } = settings(proxy.host);
    return {
      ...index,
      env: { ...index.env, ...env },
      ...(files ? { files } : {}),
      check: () => (proxy.requests.length > 0 ? null : 'the proxy was not asked'),
    };
  };

/** Settings that are refused, and of which nothing is shown. */
export const refused = (name: string, value: string): MatrixCase => ({
  kind: 'index',
  fault: `${name}: ${value.replace(/\w+-pass-word/, 'password').slice(0, 34)}`,
  cause: 'setting',
  remedy: 'check-settings',
  says: new RegExp(
    `${name} is not a usable address[\\s\\S]*(?:encode the password|quotes|not an address|variable)`,
  ),
  prepare: async () => ({ host: '', env: { [name]: value } }),
});

/** An index that is named in a file of the home alone. */
export const indexInFiles =
  (files: (index: TestServer) => Prepared['files'], env: NodeJS.ProcessEnv = {}): Prepare =>
  async (lab) => {
    const server = lab.keep(await startServer(indexListener(lab.world.files, NONE)));
    const named = files({ ...server, url: server.url.replace('://', '://me:matrix-pass-word@') });
    return { host: server.host, files: named, env };
  };

/** An https index; what knows its authority is in the home. */
export const authorityInFiles =
  (files: (pem: string) => Prepared['files'], env: NodeJS.ProcessEnv = {}): Prepare =>
  async (lab) => {
    const given = await secureIndex((world) => world.authority, false)(lab);
    return { ...given, files: files(lab.world.authority.caPem), env: { ...given.env, ...env } };
  };

/** An https index that requires a client certificate; the one it accepts is the leaf of the same authority. */
export const wantsCertificate =
  (files: (lab: Lab) => Prepared['files'], env: NodeJS.ProcessEnv): Prepare =>
  async (lab) => {
    const { authority, files: wheels } = lab.world;
    const options = { ...authority, ca: authority.caPem, requestCert: true, rejectUnauthorized: true };
    const server = lab.keep(await startServer(indexListener(wheels, NONE), options));
    return {
      host: server.host,
      files: files(lab),
      env: { ...indexEnv(server.url), SSL_CERT_FILE: authority.caPath, ...env },
    };
  };
export const ownCertificate = ({ world }: Lab) => `${world.authority.key}\n${world.authority.cert}`;

export const der = (pem: string) => Buffer.from(pem.replace(/-----[^-]+-----/g, ''), 'base64');

/** An index without the login in its address. */
export const withNetrc =
  (netrc: (host: string) => string, address: (url: string) => string = (url) => url): Prepare =>
  async (lab) => {
    const server = lab.keep(await startServer(indexListener(lab.world.files, NONE)));
    const hostname = server.host.replace(/:\d+$/, '');
    return {
      host: server.host,
      files: { '.netrc': netrc(hostname) },
      env: { PIP_INDEX_URL: `${address(server.url)}/simple` },
    };
  };
