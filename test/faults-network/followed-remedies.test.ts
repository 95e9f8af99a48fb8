import { expect, it } from 'vitest';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';
import { FOLLOWED_CASES, followedRows, followedTable } from './followed-remedies.ts';

/** Of each way to follow one: typed, written to a file, allowed, shown. The others: `npm run test:faults remedies`. */
const SHORT = new Set(['use-index', 'add-login', 'allow-host', 'check-proxy']);

it('a remedy that is chosen in the wizard leads through the fault that called for it', async () => {
  const cases = FOLLOWED_CASES.filter(({ remedy }) => SHORT.has(remedy));
  const rows = await followedRows(await temporaryFolder(), cases);
  expect(
    rows.map(({ outcome }) => outcome),
    followedTable(rows),
  ).toEqual(cases.map(() => 'done'));
});
