import { expect, it } from 'vitest';
import { GITHUB } from '../../../src/network/address/official-hosts.ts';
import { joinFailures, mostRelevantFailure } from '../../../src/network/errors/joined-failures.ts';
import { NetworkFailure, type NetworkReason } from '../../../src/network/errors/network-failure.ts';

it('failures that were joined before stand for themselves when they are joined again', () => {
  const lost = (host: string) => new NetworkFailure('not-found', { host, detail: 'gone' });
  const inner = joinFailures('No wheel.', [lost('a.internal'), lost('b.internal')]);
  const all = joinFailures('Nothing.', [lost('hub.internal'), inner]);
  expect(all.evidence).toHaveLength(3);
  for (const host of ['hub.internal', 'a.internal', 'b.internal'])
    expect(all.evidence.join('\n')).toContain(host);
  expect(joinFailures('Nothing.', [joinFailures('No wheel.', [lost('a.internal')])]).message).toMatch(
    /^Nothing: a\.internal/,
  );
});

it.each<[NetworkReason[], NetworkReason]>([
  [['dns', 'refused', 'login'], 'login'],
  [['connect-timeout', 'not-found', 'forbidden'], 'forbidden'],
  [['connect-timeout', 'not-found', 'legal-reasons'], 'legal-reasons'],
  [['dns', 'proxy-login'], 'proxy-login'],
  [['dns', 'sign-in-page'], 'sign-in-page'],
  [['refused', 'untrusted-certificate'], 'untrusted-certificate'],
  [['not-found', 'dns', 'refused'], 'dns'],
  [['not-found', 'not-found'], 'not-found'],
])('of %j it is %s that tells most, and what to do about it comes first', (reasons, telling) => {
  const failures = reasons.map((reason, at) => new NetworkFailure(reason, { host: `${at}.internal` }));
  const expected = failures[reasons.indexOf(telling)]!;
  expect(mostRelevantFailure(failures)).toBe(expected);
  expect(joinFailures('Nothing.', failures).remedies[0]).toEqual(expected.remedies[0]);
});

it('what the user has named says more than the addresses that ktx brings along', () => {
  const of = (reason: NetworkReason, host: string) => new NetworkFailure(reason, { host });
  const github = new URL(GITHUB).host;
  const own = of('connect-timeout', 'index.internal');
  expect(mostRelevantFailure([of('dns', github), own])).toBe(own);
  const refused = of('login', 'index.internal');
  expect(mostRelevantFailure([of('forbidden', github), of('dns', 'a.internal'), refused])).toBe(refused);
  // That it does not have a file is what people expect of all but one.
  const closed = of('dns', github);
  expect(mostRelevantFailure([of('not-found', 'index.internal'), closed])).toBe(closed);
});
