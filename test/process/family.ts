import { existsSync } from 'node:fs';
import { readProcessStart } from '../../src/process/process-table.ts';

/** For conditions that are awaited: a busy machine is no failure. */
export const PATIENT = { timeout: 10_000 };

/** Programs for `node -e`. Each prints `<role> <pid>` as soon as it is ready to be killed. */
const IGNORE_TERM = "process.on('SIGTERM', () => {});";
const STAY = 'setInterval(() => {}, 1000);';
const SPAWN = "const { spawn } = require('node:child_process');";

export const stubbornGrandchild = `${IGNORE_TERM} console.log('grandchild', process.pid); ${STAY}`;

/** A child that ends at SIGTERM, above a grandchild that does not. */
export const childOfStubborn = `${SPAWN}
spawn(process.execPath, ['-e', ${JSON.stringify(stubbornGrandchild)}], { stdio: ['ignore', 'inherit', 'inherit'] });
console.log('child', process.pid); ${STAY}`;

/** A child that ends at once; its grandchild lives on in a session of its own and holds the pipes. */
export function deserter(environment: 'kept' | 'emptied'): string {
  const env = environment === 'kept' ? 'process.env' : '{}';
  return `${SPAWN}
spawn(process.execPath, ['-e', ${JSON.stringify(stubbornGrandchild)}],
  { stdio: ['ignore', 'inherit', 'inherit'], detached: true, env: ${env} }).unref();
console.log('child', process.pid);`;
}

/** A child whose answer to SIGTERM is another process, in its tree or, when it leaves, outside of it. */
export function spawnsAtTerm(then: 'and stays' | 'and leaves'): string {
  const isDetached = then === 'and leaves';
  return `${SPAWN}
process.on('SIGTERM', () => {
  const late = spawn(process.execPath, ['-e', ${JSON.stringify(IGNORE_TERM + STAY)}], { stdio: 'ignore', detached: ${isDetached} });
  console.log('grandchild', late.pid);
  if (${isDetached}) process.exit(0);
});
console.log('child', process.pid); ${STAY}`;
}

/** The pids that lines like `grandchild 4242` name. */
export function pidsIn(lines: readonly string[]): number[] {
  return lines.flatMap((line) => {
    const match = /^(?:child|grandchild) (\d+)$/.exec(line);
    return match ? [Number(match[1])] : [];
  });
}

/** False for a zombie: whether somebody reaps it is not up to us. */
export function isRunning(pid: number): boolean {
  return readProcessStart(pid) !== null;
}

export function endNow(pids: readonly number[]): void {
  for (const pid of pids) {
    if (isRunning(pid)) process.kill(pid, 'SIGKILL');
  }
}

export const hasProcFs = existsSync('/proc/self/environ');
