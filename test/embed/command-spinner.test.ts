import { describe, expect, it, vi } from 'vitest';
import { createCommandSpinner } from '../../src/embed/command-spinner.ts';
import { capturedIo } from '../fixtures/captured-io.ts';

function sayAll(env: NodeJS.ProcessEnv, isTTY?: boolean) {
  const { io, printed } = capturedIo({ isTTY });
  const spinner = createCommandSpinner(io, env);
  spinner.start('start');
  spinner.message('message');
  spinner.stop('stop');
  spinner.error('error');
  return printed;
}

describe('createCommandSpinner', () => {
  const plain = '◐  start\n│  message\n◇  stop\n■  error\n';

  it.each([
    ['NO_COLOR', { NO_COLOR: '1', TERM: 'xterm' }],
    ['TERM=dumb', { TERM: 'dumb' }],
  ])('without a terminal: one line each on stderr, no colour with %s', (_name, env) => {
    expect(sayAll(env)).toEqual({ stdout: '', stderr: plain });
  });

  it('otherwise only the glyph is coloured', () => {
    const { stderr } = sayAll({ TERM: 'xterm' });
    expect(stderr).toMatch(/^\u001b\[35m◐\u001b\[39m {2}start\n/);
    expect(stderr.replaceAll(/\u001b\[\d+m/g, '')).toBe(plain);
  });

  it.each([
    ['', {}, ['◐  ', '◓  ', '◑  ', '◇  ']],
    [' without Unicode', { LANG: 'C' }, ['|  ', '/  ', '-  ', '*  ']],
  ])('on a terminal%s one row moves, and ends as a line', (_name, env, glyphs) => {
    vi.useFakeTimers();
    const { io, printed } = capturedIo({ isTTY: true });
    const spinner = createCommandSpinner(io, { NO_COLOR: '1', ...env });
    spinner.start('x'.repeat(300));
    vi.advanceTimersByTime(240);
    spinner.stop('done');
    vi.advanceTimersByTime(1000);
    vi.useRealTimers();
    const frames = printed.stdout.split('\r\u001b[K');
    expect(frames.map((frame) => frame.slice(0, 3))).toEqual(['', ...glyphs]);
    expect(Math.max(...frames.map((frame) => frame.length))).toBeLessThanOrEqual(100);
    expect(frames.at(-1)).toBe(`${glyphs.at(-1)}done\n`);
    expect(printed.stderr).toBe('');
  });

  it('a dumb terminal gets lines', () => {
    expect(sayAll({ TERM: 'dumb' }, true)).toEqual({ stdout: '', stderr: plain });
  });
});
