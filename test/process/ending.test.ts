import { expect, it } from 'vitest';
import { endingText } from '../../src/process/ending.ts';

it.each([
  [1, null, 'ended with exit code 1'],
  [null, 'SIGILL', 'was ended by SIGILL'],
] as const)('how a process ended: %s %s', (exitCode, signal, text) => {
  expect(endingText(exitCode, signal)).toBe(text);
});
