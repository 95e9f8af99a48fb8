import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { closedAddress } from '../fixtures/network.ts';
import { faultyIndex, html, indexEnv, type MatrixCase, NONE, onFile, redirecting, status } from './lab.ts';
import { startServer } from './servers.ts';

/** The file of a package goes wrong, from an index or a folder. */
export const FILE_CASES: readonly MatrixCase[] = [
  // A package's file
  {
    kind: 'wheel',
    fault: '401',
    cause: 'login',
    remedy: 'add-login',
    prepare: faultyIndex(onFile(status(401), true)),
  },
  {
    kind: 'wheel',
    fault: '403',
    cause: 'forbidden',
    remedy: 'ask-the-owner',
    prepare: faultyIndex(onFile(status(403), true)),
  },
  {
    kind: 'wheel',
    fault: '404',
    cause: 'not-found',
    remedy: 'use-index',
    prepare: faultyIndex(onFile(status(404), true)),
  },
  {
    kind: 'wheel',
    fault: '451, legal reasons',
    cause: 'legal-reasons',
    remedy: 'use-index',
    says: /for legal reasons in this place \(451\)/,
    prepare: faultyIndex(onFile(status(451), true)),
  },
  {
    kind: 'wheel',
    fault: '403 for GET alone',
    cause: 'forbidden',
    remedy: 'ask-the-owner',
    prepare: faultyIndex(onFile(status(403))),
  },
  {
    kind: 'wheel',
    fault: '500',
    cause: 'server-error',
    remedy: 'retry',
    prepare: faultyIndex(onFile(status(500))),
  },
  {
    kind: 'wheel',
    fault: '429 for a moment',
    cause: null,
    prepare: faultyIndex(
      onFile((response, count) => count === 1 && status(429, { 'retry-after': '0' })(response)),
      { UV_HTTP_RETRIES: '1' },
    ),
  },
  {
    kind: 'wheel',
    fault: '429 for an hour',
    cause: 'too-many-requests',
    remedy: 'retry',
    prepare: faultyIndex(onFile(status(429, { 'retry-after': '3600' })), { UV_HTTP_RETRIES: '2' }),
  },
  {
    kind: 'wheel',
    fault: 'HTML instead',
    cause: 'captive-portal',
    remedy: 'sign-in',
    prepare: faultyIndex(onFile(html, true)),
  },
  {
    kind: 'wheel',
    fault: 'HTML instead, for GET alone',
    cause: 'captive-portal',
    remedy: 'sign-in',
    prepare: faultyIndex(onFile(html)),
  },
  {
    kind: 'wheel',
    fault: 'wrong bytes',
    cause: 'other-bytes',
    remedy: 'ask-the-owner',
    says: /expected sha256 \w{64}[\s\S]*found sha256 \w{64}/,
    prepare: async (lab) => {
      const bytes = await readFile(lab.world.subject.path);
      bytes[100]! ^= 1;
      return faultyIndex(onFile((response) => response.end(bytes)))(lab);
    },
  },
  {
    kind: 'wheel',
    fault: 'too many bytes',
    cause: 'other-bytes',
    remedy: 'ask-the-owner',
    prepare: async (lab) => {
      const bytes = await readFile(lab.world.subject.path);
      return faultyIndex(onFile((response) => response.end(Buffer.concat([bytes, bytes]))))(lab);
    },
  },
  {
    kind: 'wheel',
    fault: 'gzip-encoded',
    cause: 'other-bytes',
    remedy: 'ask-the-owner',
    prepare: async (lab) => {
      const bytes = await readFile(lab.world.subject.path);
      return faultyIndex(
        onFile((response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(bytes))),
      )(lab);
    },
  },
  {
    kind: 'wheel',
    fault: 'always truncated',
    cause: 'broken-off',
    remedy: 'retry',
    prepare: faultyIndex(
      onFile((response) => {
        response.writeHead(200, { 'content-length': 50_000 });
        response.write('x'.repeat(500), () => response.destroy());
      }),
    ),
  },
  {
    kind: 'wheel',
    fault: 'reset after N bytes, twice',
    cause: null,
    says: /resumes at/,
    prepare: async (lab) => {
      const bytes = await readFile(lab.world.subject.path);
      return faultyIndex(
        onFile((response, count) => {
          if (count > 2) return false;
          const from = count === 1 ? 0 : 20_000;
          response.writeHead(from ? 206 : 200, {
            'content-length': bytes.length - from,
            ...(from ? { 'content-range': `bytes ${from}-${bytes.length - 1}/${bytes.length}` } : {}),
          });
          return response.write(bytes.subarray(from, from + 20_000), () => response.destroy());
        }),
        { UV_HTTP_RETRIES: '3' },
      )(lab);
    },
  },
  {
    kind: 'wheel',
    fault: 'broken off, Range ignored',
    cause: null,
    says: /cannot resume/,
    prepare: async (lab) => {
      const bytes = await readFile(lab.world.subject.path);
      return faultyIndex(
        onFile((response, count) => {
          response.writeHead(200, { 'content-length': bytes.length });
          return count === 1
            ? response.write(bytes.subarray(0, 30_000), () => response.destroy())
            : response.end(bytes);
        }),
        { UV_HTTP_RETRIES: '1' },
      )(lab);
    },
  },
  {
    kind: 'wheel',
    fault: 'stops in the middle',
    cause: 'silence',
    remedy: 'retry',
    prepare: faultyIndex(
      onFile((response) => response.writeHead(200, { 'content-length': 50_000 }).write('x')),
    ),
  },
  {
    kind: 'wheel',
    fault: 'drip, another index has it',
    cause: null,
    says: /is too slow/,
    prepare: async (lab) => {
      const slow = await faultyIndex(
        onFile((response) => {
          response.writeHead(200, { 'content-length': 50_000 });
          const timer = setInterval(() => response.write('x'), 100);
          response.once('close', () => clearInterval(timer));
        }),
      )(lab);
      const good = await faultyIndex(NONE)(lab);
      return { ...slow, env: { ...slow.env, PIP_EXTRA_INDEX_URL: good.env!['PIP_INDEX_URL'] } };
    },
  },
  {
    kind: 'wheel',
    fault: 'redirect to a blocked host',
    cause: 'blocked-redirect',
    remedy: 'ask-for-access',
    prepare: async (lab) => {
      const url = await closedAddress();
      return {
        ...(await redirecting(lab, `${url}/x`, (answer) => onFile(answer, true))),
        host: new URL(url).host,
      };
    },
  },
  {
    kind: 'wheel',
    fault: 'a host that the plan does not name',
    cause: 'host-not-allowed',
    remedy: 'allow-host',
    prepare: async (lab) => {
      const other = lab.keep(await startServer((_, response) => response.end()));
      return { ...(await redirecting(lab, `${other.url}/x`, (answer) => onFile(answer))), host: other.host };
    },
  },
  {
    kind: 'wheel',
    fault: 'wrong bytes, the next index is right',
    cause: null,
    says: /sent another click/,
    prepare: async (lab) => {
      const bad = await faultyIndex(onFile((response) => response.end('rot')))(lab);
      const good = await faultyIndex(NONE)(lab);
      return { ...bad, env: { ...bad.env, PIP_EXTRA_INDEX_URL: good.env!['PIP_INDEX_URL'] } };
    },
  },
  {
    kind: 'wheel',
    fault: 'index down, the next is up',
    cause: null,
    prepare: async (lab) => {
      const good = await faultyIndex(NONE)(lab);
      return {
        ...good,
        env: { ...indexEnv(await closedAddress()), PIP_EXTRA_INDEX_URL: good.env!['PIP_INDEX_URL'] },
      };
    },
  },
  {
    kind: 'wheel',
    fault: '--offline, not in the store',
    cause: 'network',
    remedy: 'copy-store',
    prepare: async () => ({ host: '', options: { isOffline: true } }),
  },

  // Folders of packages
  {
    kind: 'folder',
    fault: 'does not exist',
    cause: 'not-found',
    remedy: 'check-address',
    prepare: async () => ({
      host: '/nowhere/wheels',
      env: { PIP_NO_INDEX: '1', PIP_FIND_LINKS: '/nowhere/wheels' },
    }),
  },
  {
    kind: 'folder',
    fault: 'altered file',
    cause: 'other-bytes',
    remedy: 'ask-the-owner',
    prepare: async (lab) => {
      const dir = join(await lab.dir(), 'wheels');
      await mkdir(dir);
      await writeFile(join(dir, lab.world.subject.file), 'rot');
      return { host: dir, env: { PIP_NO_INDEX: '1', PIP_FIND_LINKS: dir } };
    },
  },
  {
    kind: 'folder',
    fault: 'has it',
    cause: null,
    prepare: async (lab) => {
      const dir = join(await lab.dir(), 'wheels');
      await mkdir(dir);
      await writeFile(join(dir, lab.world.subject.file), await readFile(lab.world.subject.path));
      return { host: dir, env: { PIP_NO_INDEX: '1', PIP_FIND_LINKS: dir } };
    },
  },
];
