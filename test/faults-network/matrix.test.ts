import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TestServer } from '../fixtures/network.ts';
import { makeWorld, runCase, SECRETS, type World } from '../fixtures/network-world.ts';
import { temporaryFolderForFile } from '../fixtures/temporary-folder.ts';
import { CASES } from './cases.ts';
import type { Lab } from './lab.ts';

/** Causes of which somebody must lose patience; for all others a machine may be as busy as it likes. */
const IMPATIENT = new Set(['no-answer', 'silence', 'too-slow', 'proxy-unreachable', 'tls']);
/** All by `npm run test:matrix`, every third in the suite. */
const WANTED = CASES.map((each, at) => ({ ...each, at })).filter(
  ({ at }) => process.env['KTX_MATRIX'] === 'complete' || at % 3 === 0,
);

/** What goes wrong between a machine and the places it fetches from, with real servers, and what ktx says of it. */
describe('fault matrix of the network', () => {
  let world: World;
  const rows: { kind: string; fault: string; expected: string; got: string; problems: string[] }[] = [];

  beforeAll(async () => {
    world = await makeWorld(await temporaryFolderForFile());
  });

  afterAll(() => {
    const right = rows.filter((row) => row.problems.length === 0).length;
    const table = rows.map(
      ({ kind, fault, expected, got, problems }) =>
        `${problems.length === 0 ? 'right' : 'WRONG'}  ${kind.padEnd(7)}${fault.padEnd(42)}${expected.padEnd(20)}${got === expected ? '' : got}${problems.length > 0 ? `  ${problems.join('; ')}` : ''}`,
    );
    console.info(
      [...table, `${right} of ${rows.length} right (${((100 * right) / rows.length).toFixed(0)} %)`].join(
        '\n',
      ),
    );
  });

  it.each(WANTED.map((each) => [each.kind, each.fault, each] as const))(
    '%s: %s',
    async (kind, fault, { at, cause, remedy, says, prepare }) => {
      const servers: TestServer[] = [];
      const lab: Lab = {
        world,
        keep(server) {
          servers.push(server);
          return server;
        },
        dir: () => mkdtemp(join(world.root, 'folder-')),
      };
      const problems: string[] = ['did not run to its end'];
      let got = '?';
      try {
        const { host, says: alsoSays, check: look, ...setup } = await prepare(lab);
        const { failure, output, isUntouched } = await runCase(
          world,
          String(at),
          { kind, patienceSeconds: cause !== null && IMPATIENT.has(cause) ? 1 : 15, ...setup },
          cause !== null,
        );
        got = failure?.cause ?? (failure ? failure.failureClass : 'gets through');
        const check = (isRight: boolean, problem: string) => isRight || problems.push(problem);
        check(got === (cause ?? 'gets through'), `cause ${got}: ${failure?.title}`);
        if (cause !== null && failure) {
          const text = [failure.title, ...failure.evidence].join('\n');
          check(host === '' || failure.host === host, `host ${failure.host} instead of ${host}`);
          check(host === '' || text.includes(host), `host ${host} not in: ${text}`);
          const ids = failure.remedies?.map(({ id }) => id) ?? [];
          check(remedy === undefined || ids.includes(remedy), `remedies ${ids.join(', ')}`);
          check(
            failure.nextSteps.some((step) => /ktx(?:\.cjs)? |machine |HTTPS_PROXY=/.test(step)),
            'no next command',
          );
        }
        const seen = look?.() ?? null;
        check(seen === null, seen ?? '');
        check(alsoSays === undefined || alsoSays.test(output), `does not say ${alsoSays}`);
        check(says === undefined || says.test(output.replaceAll('\\n', '\n')), `does not say ${says}`);
        check(!SECRETS.some((secret) => output.includes(secret)), 'shows a secret');
        check(isUntouched, 'the runtime was touched');
        problems.shift();
      } finally {
        for (const server of servers) await server.close();
        rows.push({ kind, fault, expected: cause ?? 'gets through', got, problems });
      }
      expect(problems).toEqual([]);
    },
    120_000,
  );
});
