import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { confirmOnTerminal, installQuestion } from '../../src/embed/install-consent.ts';
import { CancelledError } from '../../src/support/errors.ts';
import { capturedIo } from '../fixtures/captured-io.ts';

const CANCEL = Symbol('cancel');
const fake = vi.hoisted(() => ({ confirm: vi.fn() }));
vi.mock('@clack/prompts', () => ({
  confirm: fake.confirm,
  isCancel: (answer: unknown) => answer === CANCEL,
}));

const isTTY = Object.getOwnPropertyDescriptor(process.stdin, 'isTTY');
const ref = vi.spyOn(process.stdin, 'ref').mockReturnThis();
const onTerminal = (is: boolean) =>
  Object.defineProperty(process.stdin, 'isTTY', { value: is, configurable: true });
beforeEach(() => {
  fake.confirm.mockReset().mockResolvedValue(true);
  ref.mockClear();
});
afterEach(() => {
  if (isTTY) Object.defineProperty(process.stdin, 'isTTY', isTTY);
  else Reflect.deleteProperty(process.stdin, 'isTTY');
});

it.each([
  [true, true, true],
  [true, false, false],
  [false, true, false],
])('asks only where stdout (%s) and stdin (%s) are a terminal', async (isStdoutTty, isStdinTty, isAsked) => {
  onTerminal(isStdinTty);
  expect(await confirmOnTerminal('Do it?', capturedIo({ isTTY: isStdoutTty }).io)).toBe(isAsked);
  expect(fake.confirm).toHaveBeenCalledTimes(isAsked ? 1 : 0);
  expect(ref).toHaveBeenCalledTimes(isAsked ? 1 : 0);
});

it.each([true, false])('answers what was answered: %s', async (answer) => {
  onTerminal(true);
  fake.confirm.mockResolvedValue(answer);
  const { signal } = new AbortController();
  const { io } = capturedIo({ isTTY: true });
  expect(await confirmOnTerminal('Do \u001b[2Jit?', io, { initialValue: false, signal })).toBe(answer);
  const [asked] = fake.confirm.mock.lastCall as [{ message: string }];
  expect(asked).toMatchObject({ initialValue: false, signal });
  expect(asked.message).not.toContain('\u001b');
});

it('suggests a yes, and takes Escape for a cancellation', async () => {
  onTerminal(true);
  fake.confirm.mockResolvedValue(CANCEL);
  const asking = confirmOnTerminal('Do it?', capturedIo({ isTTY: true }).io);
  await expect(asking).rejects.toThrow(CancelledError);
  expect(fake.confirm.mock.lastCall![0]).toEqual({
    message: 'Do it?',
    initialValue: true,
    signal: undefined,
  });
});

it.each([
  ['core', 'core Python runtime'],
  ['local-embeddings', 'local embeddings Python runtime'],
] as const)('says what is installed for %s', (feature, words) => {
  expect(installQuestion(feature)).toMatch(`ktx needs to install the ${words}. This downloads a pinned`);
});
