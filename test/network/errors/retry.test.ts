import { describe, expect, it } from 'vitest';
import { NetworkFailure } from '../../../src/network/errors/network-failure.ts';
import { retryDelayMs } from '../../../src/network/errors/retry.ts';
import { retryAfterOf } from '../../../src/network/transport/http-response.ts';

const failure = (status: number, retryAfterMs?: number) =>
  new NetworkFailure('http-status', {
    host: 'a.example',
    status,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  });

describe('retryDelayMs', () => {
  it.each<[string, unknown, number, number, number | null]>([
    ['first', failure(503), 1, 0, 250],
    ['first, most jitter', failure(503), 1, 1, 500],
    ['doubles', failure(503), 3, 1, 2000],
    ['ends growing', failure(503), 9, 1, 10_000],
    ['what the host says', failure(429, 7000), 1, 0, 7000],
    ['at once', failure(429, 0), 1, 0, 0],
    ['too long', failure(429, 61_000), 1, 0, null],
    ['not transient', failure(400), 1, 0, null],
    ['a lost name', new NetworkFailure('dns', { host: 'a.example' }), 1, 0, null],
    ['a reset', new NetworkFailure('reset', { host: 'a.example' }), 1, 0, 250],
    ['ours', new Error('x'), 1, 0, null],
  ])('%s', (_, error, failedCount, random, expected) => {
    expect(retryDelayMs(error, failedCount, 9, () => random)).toBe(expected);
  });

  it('ends after so many', () => {
    expect(retryDelayMs(failure(503), 3, 3)).not.toBeNull();
    expect(retryDelayMs(failure(503), 4, 3)).toBeNull();
    expect(retryDelayMs(failure(503), 1, 0)).toBeNull();
  });
});

describe('Retry-After', () => {
  const now = Date.parse('2026-01-01T00:00:00Z');
  it.each<[string | undefined, number | undefined]>([
    [undefined, undefined],
    ['120', 120_000],
    ['Thu, 01 Jan 2026 00:00:30 GMT', 30_000],
    ['Wed, 31 Dec 2025 23:00:00 GMT', 0],
    ['soon', undefined],
  ])('%s', (header, expected) => {
    expect(retryAfterOf(header, now).retryAfterMs).toBe(expected);
  });
});
