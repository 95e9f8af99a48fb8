import { expect, it } from 'vitest';
import { recoveryText } from '../../src/lifecycle/recovery.ts';
import type { JournalEntry } from '../../src/runtime/journal.ts';

const BEGIN: JournalEntry = {
  schemaVersion: 1,
  cliVersion: '0.3.0',
  pid: 1,
  start: null,
  host: 'h',
  at: 't',
};

it.each<[JournalEntry[], number, string[], string]>([
  [[], 0, [], 'An earlier run was interrupted: nothing else was left.'],
  [[BEGIN], 0, [], 'An earlier run of ktx 0.3.0 was interrupted: nothing else was left.'],
  [
    [BEGIN, { step: 'fetch' }, { making: 'uv', name: 'x' }, { step: 'packages' }, { switchingTo: 'a' }],
    1,
    [],
    'An earlier run of ktx 0.3.0 was interrupted in its step packages: ended 1 process that it had left.',
  ],
  [
    [{ step: 'prove' }],
    2,
    ['/r/0.3.0/envs/a1', '/r/uv/python/b2'],
    'An earlier run was interrupted in its step prove: ended 2 processes that it had left, removed a1, b2.',
  ],
  [[BEGIN], 0, ['/r/x'], 'An earlier run of ktx 0.3.0 was interrupted: removed x.'],
])('after %j with %i processes and %j', (entries, endedCount, removed, text) => {
  expect(recoveryText({ runId: 'r', runDir: '/r', entries }, endedCount, removed)).toBe(text);
});
