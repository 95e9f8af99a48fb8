import { describe, expect, it } from 'vitest';
import { endingText, signalAdvice } from '../../src/process/ending.ts';

describe('how a process ended', () => {
  it.each([
    [1, null, 'ended with exit code 1', null],
    [null, 'SIGILL', 'was ended by SIGILL', /processor.*ktx setup --feature core/],
    [null, 'SIGBUS', 'was ended by SIGBUS', /cut.*ktx setup --force/],
    [null, 'SIGKILL', 'was ended by SIGKILL', /out of memory/],
    [null, 'SIGTERM', 'was ended by SIGTERM', null],
  ] as const)('%s %s', (exitCode, signal, text, advice) => {
    expect(endingText(exitCode, signal)).toBe(text);
    if (advice === null) expect(signalAdvice(text)).toBe(null);
    else expect(signalAdvice(text)).toMatch(advice);
  });
});
