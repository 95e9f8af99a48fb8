import { expect, it } from 'vitest';
import { newerRecord } from '../../src/support/newer-record.ts';

it.each([
  [
    'its writer by any of the names that records have',
    '{"schemaVersion":2,"writtenBy":"9.1.0","pid":7}',
    '9.1.0',
  ],
  ['a manifest', '{"schemaVersion":2,"cliVersion":"9.1.0"}', '9.1.0'],
  ['the state of a daemon', '{"schemaVersion":3,"version":"9.1.0"}', '9.1.0'],
  ['a writer that is no text', '{"schemaVersion":2,"version":9}', null],
  ['none', '{"schemaVersion":2}', null],
])('a newer record, %s', (_, text, writtenBy) => {
  expect(newerRecord(text, 1)).toMatchObject({ writtenBy });
});

it.each([null, '', '{', '[]', 'null', '7', '{}', '{"schemaVersion":1}', '{"schemaVersion":"2"}'])(
  '%j is none',
  (text) => expect(newerRecord(text, 1)).toBeNull(),
);
