import { expect, it } from 'vitest';
import type { CheckInfo } from '../../src/doctor/checks/check.ts';
import {
  newSchedule,
  nextSteps,
  settledWith,
  started,
  withDependencies,
  withRelated,
} from '../../src/doctor/schedule.ts';

const check = (id: string, ...dependsOn: string[]): CheckInfo => ({
  id,
  group: 'Runtime',
  label: id.toUpperCase(),
  why: '',
  cost: 'offline',
  dependsOn,
});
const A = check('a');
const B = check('b', 'a');
const C = check('c', 'b');
const D = check('d');
const LIST = [A, B, C, D];
const ids = (checks: readonly CheckInfo[]) => checks.map(({ id }) => id);

it('starts what waits for nothing, up to the limit', () => {
  const schedule = newSchedule(LIST);
  expect(ids(nextSteps(schedule, 5).start)).toEqual(['a', 'd']);
  expect(ids(nextSteps(schedule, 1).start)).toEqual(['a']);
  expect(ids(nextSteps(started(schedule, 'a'), 1).start)).toEqual([]);
});

it.each([
  ['pass', false, ['b', 'd']],
  ['warn', false, ['b', 'd']],
  ['skipped', false, ['b', 'd']],
] as const)('a dependency with the result %s holds up nobody', (status, isBlocked, expected) => {
  const schedule = settledWith(newSchedule(LIST), A, { status, isBlocked });
  expect(ids(nextSteps(schedule, 5).start)).toEqual(expected);
  expect(nextSteps(schedule, 5).skip).toEqual([]);
});

it.each([
  ['fail', false, 'needs "A", which failed'],
  ['could-not-check', false, 'needs "A", which could not be checked'],
  ['skipped', true, 'needs "A", which was skipped'],
] as const)('after %s the checks above are skipped with the reason', (status, isBlocked, reason) => {
  const schedule = settledWith(newSchedule(LIST), A, { status, isBlocked });
  expect(nextSteps(schedule, 5).skip).toEqual([{ check: B, reason }]);
});

it('a dependency that is not in the list counts as passed', () => {
  expect(ids(nextSteps(newSchedule([C]), 5).start)).toEqual(['c']);
});

it('finds what a check depends on, and what depends on it', () => {
  expect(ids(withDependencies(LIST, ['c']))).toEqual(['a', 'b', 'c']);
  expect(ids(withDependencies(LIST, ['d']))).toEqual(['d']);
  expect(ids(withRelated(LIST, ['b']))).toEqual(['a', 'b', 'c']);
});
