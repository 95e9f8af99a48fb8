import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, it, onTestFinished, vi } from 'vitest';
import { runnableCount } from '../../../src/wizard/progress/runnable-count.ts';
import { PATIENT } from '../../fixtures/patient.ts';

it.runIf(process.platform === 'linux')('counts processes that compete for the processors', async () => {
  const busy = Array.from({ length: 3 }, () =>
    spawn(process.execPath, ['-e', 'console.log(1); for (;;);'], { stdio: ['ignore', 'pipe', 'ignore'] }),
  );
  onTestFinished(() => {
    for (const child of busy) child.kill('SIGKILL');
  });
  await Promise.all(busy.map((child) => once(child.stdout, 'data')));
  await vi.waitFor(() => expect(runnableCount()).toBeGreaterThanOrEqual(3), PATIENT);
});

it('is a number everywhere', () => {
  expect(runnableCount()).toBeGreaterThanOrEqual(0);
});
