import { defineConfig } from 'vitest/config';

/** The main job on real parts, and the program in a real terminal: what a newcomer's `npm test` runs beside the unit tests. */
const MAIN_JOB = [
  'test/e2e/wizard.test.ts',
  'test/e2e/real-setup.test.ts',
  'test/e2e/real-daemon.test.ts',
  'test/e2e/dry-run.test.ts',
  'test/pty/**/*.test.ts',
];

/** What takes minutes, other programs (sshd, PostgreSQL, the Codex CLI) or privileges (loop devices, namespaces). */
const LONG = [
  'test/e2e/**/*.test.ts',
  'test/faults/**/*.test.ts',
  'test/faults-network/**/*.test.ts',
  'test/machines/**/*.test.ts',
  'test/package/**/*.test.ts',
  'test/protocol/**/*.test.ts',
  'test/security/**/*.test.ts',
  'test/kernel/{every-minor,hazards,hosts}.test.ts',
  'test/doctor/kernel-doctor.test.ts',
  'test/hosts/real-*.test.ts',
  'test/models/real-*.test.ts',
];

const project = (name: string, include: string[], exclude: string[]) => ({
  extends: true as const,
  test: { name, include, exclude },
});

export default defineConfig({
  test: {
    // node-pty is a native addon: forks, not threads.
    pool: 'forks',
    // The test run itself waits for children most of the time.
    maxWorkers: '100%',
    globalSetup: ['test/global-setup.ts'],
    // For what hangs. How long a test takes is the machine's speed: beside a load of 30, a minute for what takes two seconds.
    testTimeout: 300_000,
    hookTimeout: 300_000,
    expect: { poll: { timeout: 60_000 } },
    projects: [
      project('unit', ['test/**/*.test.{ts,tsx}'], [...MAIN_JOB, ...LONG]),
      project('main', MAIN_JOB, []),
      project('long', LONG, MAIN_JOB),
    ],
  },
});
