import { hasUnicode } from '../present/ascii.ts';
import { harmlessLine, harmlessText } from '../support/harmless.ts';
import { rawOutput } from './harmless-io.ts';
import type { KtxCliIo } from './io.ts';

/** Progress display for a command without a screen of its own. */
export interface CommandSpinner {
  start(text: string): void;
  message(text: string): void;
  stop(text: string): void;
  error(text: string): void;
}

const GLYPHS = {
  start: ['◐', 35],
  message: ['│', 90],
  stop: ['◇', 32],
  error: ['■', 31],
} as const;
/** Frames of the animation. Without a terminal, the glyphs of the printed lines are fixed by contract. */
const FRAMES = ['◐', '◓', '◑', '◒'];
const ASCII_FRAMES = ['|', '/', '-', '\\'];
const ASCII_ENDS: Partial<Record<keyof typeof GLYPHS, string>> = { stop: '*', error: 'x' };
const FRAME_MS = 120;
const CLEAR_LINE = '\r\u001b[K';

/** An animated line on a terminal; otherwise one line on stderr per message. */
export function createCommandSpinner(io: KtxCliIo, env: NodeJS.ProcessEnv = process.env): CommandSpinner {
  const paint = painter(env);
  const isMoving = io.stdout.isTTY === true && env['TERM'] !== 'dumb';
  const isAscii = isMoving && !hasUnicode(env);
  const line = (kind: keyof typeof GLYPHS, text: string) => {
    const [glyph, colour] = GLYPHS[kind];
    return `${paint(colour, (isAscii && ASCII_ENDS[kind]) || glyph)}  ${harmlessText(text)}\n`;
  };
  if (isMoving) return movingSpinner(io, line, paint, isAscii ? ASCII_FRAMES : FRAMES);
  const say = (kind: keyof typeof GLYPHS) => (text: string) => {
    rawOutput(io.stderr).write(line(kind, text));
  };
  return { start: say('start'), message: say('message'), stop: say('stop'), error: say('error') };
}

function movingSpinner(
  io: KtxCliIo,
  line: (kind: keyof typeof GLYPHS, text: string) => string,
  paint: (colour: number, text: string) => string,
  frames: readonly string[],
): CommandSpinner {
  const output = rawOutput(io.stdout);
  let timer: NodeJS.Timeout | undefined;
  let shown = '';
  let frame = 0;
  const draw = () => {
    // Keep to one row: a wrapped line cannot be cleared.
    const room = (io.stdout.columns ?? 80) - 4;
    const glyph = frames[frame++ % frames.length]!;
    output.write(`${CLEAR_LINE}${paint(GLYPHS.start[1], glyph)}  ${harmlessLine(shown).slice(0, room)}`);
  };
  const end = (kind: 'stop' | 'error') => (text: string) => {
    clearInterval(timer);
    output.write(CLEAR_LINE + line(kind, text));
  };
  return {
    start(text) {
      shown = text;
      clearInterval(timer);
      // Unreferenced: a spinner that was never ended must not keep the process alive.
      timer = setInterval(draw, FRAME_MS).unref();
      draw();
    },
    message(text) {
      shown = text;
      draw();
    },
    stop: end('stop'),
    error: end('error'),
  };
}

function painter(env: NodeJS.ProcessEnv): (colour: number, text: string) => string {
  if (env['NO_COLOR'] || env['TERM'] === 'dumb') return (_colour, text) => text;
  return (colour, text) => `\u001b[${colour}m${text}\u001b[39m`;
}
