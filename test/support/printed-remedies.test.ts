import { expect, it } from 'vitest';
import { remedySites } from '../faults/remedies/sites.ts';
import { IN_THE_WIZARD, NOT_FOLLOWED, ROWS } from '../faults/remedies/table.ts';

const keys = new Set(remedySites().map(({ key }) => key));
const followed = new Set([...ROWS.map(({ remedy }) => remedy), ...IN_THE_WIZARD]);

it('every remedy in the sources has a state that prints it, or a reason why nobody follows it', () => {
  expect([...keys].filter((key) => !followed.has(key) && !NOT_FOLLOWED.has(key))).toEqual([]);
});

it('and no row or reason is of a remedy that is gone, or of one that is followed', () => {
  expect([...followed, ...NOT_FOLLOWED.keys()].filter((key) => !keys.has(key))).toEqual([]);
  expect([...NOT_FOLLOWED.keys()].filter((key) => followed.has(key))).toEqual([]);
});
