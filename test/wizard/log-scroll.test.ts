import { describe, expect, it } from 'vitest';
import { firstVisibleLine, linesBelow, scrollLog } from '../../src/wizard/log-scroll.ts';
import type { Command, LogPosition } from '../../src/wizard/state.ts';

const view = { logStart: 0, logEnd: 100, logRows: 10, overflowRows: 0 };
const follow: LogPosition = { kind: 'follow' };
const at = (firstLine: number): LogPosition => ({ kind: 'pinned', firstLine });

it.each<[string, LogPosition, Command, LogPosition]>([
  ['up leaves the end', follow, 'scroll-up', at(89)],
  ['page up', follow, 'page-up', at(81)],
  ['home', follow, 'log-start', at(0)],
  ['up at the top stays', at(0), 'scroll-up', at(0)],
  ['down', at(5), 'scroll-down', at(6)],
  ['down to the end follows again', at(89), 'scroll-down', follow],
  ['page down to the end follows again', at(85), 'page-down', follow],
  ['end', at(5), 'log-end', follow],
  ['down while following stays', follow, 'scroll-down', follow],
  ['a command that scrolls nothing', at(5), 'confirm', at(5)],
])('%s', (_name, position, command, expected) => {
  expect(scrollLog(position, command, view)).toEqual(expected);
});

describe('a pinned view', () => {
  it('stays while lines come', () => {
    const later = { ...view, logEnd: 137 };
    expect(firstVisibleLine(at(89), later)).toBe(89);
    expect(linesBelow(at(89), later)).toBe(38);
  });
  it('moves only when its lines are gone', () => {
    expect(firstVisibleLine(at(3), { ...view, logStart: 50, logEnd: 150 })).toBe(50);
  });
});

it('a log shorter than the window has nothing to scroll', () => {
  const short = { ...view, logEnd: 4 };
  expect(scrollLog(follow, 'scroll-up', short)).toEqual(follow);
  expect(firstVisibleLine(follow, short)).toBe(0);
});
