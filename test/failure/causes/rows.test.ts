import { expect, it, vi } from 'vitest';
import type { CauseRow } from '../../../src/failure/causes/cause-row.ts';
import { MACHINE_CAUSES } from '../../../src/failure/causes/machine-causes.ts';
import type { MachineFacts } from '../../../src/failure/causes/machine-facts.ts';
import { NETWORK_CAUSES } from '../../../src/failure/causes/network-causes.ts';
import { type NetworkFacts, networkEvidence } from '../../../src/failure/causes/network-facts.ts';
import { UV_CAUSES } from '../../../src/failure/causes/uv-causes.ts';
import { type Remedy, remedyText } from '../../../src/support/remedy.ts';

// The machine that runs the tests may be a container with few processes.
vi.mock('../../../src/failure/causes/pids-limit.ts', () => ({ tightPidsLimit: () => null }));

const BARE: NetworkFacts = { host: 'files.example' };
const FULL: NetworkFacts = {
  host: 'files.example',
  via: 'mirror.example',
  proxyHost: 'proxy.example:3128',
  status: 503,
  issuer: 'Acme Inspection',
  retryAfterMs: 90_000,
  detail: 'the words of the system',
  says: 'no such thing',
  url: 'https://files.example/file',
  signInUrl: 'https://login.example/',
  schemes: ['NTLM', 'Negotiate'],
  hasLogin: true,
  hasAnswered: true,
  hostsToAllow: ['mirror.example', 'files.example'],
};
const NOWHERE: MachineFacts = {};
const SOMEWHERE: MachineFacts = { where: 'the place of the failure', program: 'uv' };

const remedyLines = (remedies: readonly Remedy[]) =>
  remedies.map((each) => `    -> ${each.id}: ${remedyText(each)}`);

/** A row as a person would meet it: with nothing known, and with all that can be. */
function rowLines<Facts>(
  reason: string,
  row: CauseRow<Facts> & { failureClass: string },
  facts: readonly Facts[],
): string[] {
  const { cause, failureClass, title, remedies, ...flags } = row;
  const shown = Object.entries(flags).map(([name, value]) =>
    typeof value === 'function'
      ? `${name}: ${facts.map((each) => value(each)).join(', ')}`
      : `${name}: ${value}`,
  );
  const texts = facts.map((each) => [`  ${title(each)}`, ...remedyLines(remedies(each))].join('\n'));
  return ['', [reason, cause, failureClass, ...shown].join(' · '), ...new Set(texts)];
}

// Windows has remedies of its own.
it.skipIf(process.platform === 'win32')('every cause with its class, its words and what helps', async () => {
  const lines = [
    '# What hosts and proxies do',
    ...Object.entries(NETWORK_CAUSES).flatMap(([reason, row]) => rowLines(reason, row, [BARE, FULL])),
    '',
    '# What the machine does',
    ...Object.entries(MACHINE_CAUSES).flatMap(([reason, row]) => rowLines(reason, row, [NOWHERE, SOMEWHERE])),
    '',
    '# What uv says',
    ...UV_CAUSES.flatMap(({ cause, uv, failureClass, title, remedies }) => [
      '',
      `${cause} · ${failureClass} · ${uv}`,
      `  ${title}`,
      ...remedyLines(remedies),
    ]),
  ];
  await expect(`${lines.join('\n')}\n`).toMatchFileSnapshot('rows.txt');
});

it('what was seen of a transfer is told line by line, and only that', () => {
  expect(networkEvidence(BARE)).toEqual(['host: files.example']);
  expect(networkEvidence({ ...BARE, linkedFrom: 'files.example', schemes: [] })).toEqual([
    'host: files.example',
  ]);
  expect(networkEvidence({ ...FULL, linkedFrom: 'index.example' })).toEqual([
    'host: files.example',
    'reached by a redirect of mirror.example',
    'index.example keeps its files at files.example',
    'address: https://files.example/file',
    'proxy: proxy.example:3128',
    'certificate signed by: Acme Inspection',
    'it requires a login by: NTLM, Negotiate',
    'it says: no such thing',
    'it sends to: https://login.example/',
    'the words of the system',
  ]);
});
