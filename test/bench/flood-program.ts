// The install screen over a child that floods it, through the product's whole log path. Bundled and run on a pseudo-terminal by the
// bench; what it took is written to FLOOD_RESULT.
import { writeFileSync } from 'node:fs';
import { eventEmitter, linesBody } from '../../src/core/events.ts';
import { openInstallLog } from '../../src/log/install-log.ts';
import { runWizard } from '../../src/present/ink/run-wizard.tsx';
import { runProcess } from '../../src/process/run-process.ts';
import { CancelledError } from '../../src/support/errors.ts';
import { createLinePartFinder } from '../../src/support/text/line-parts.ts';
import { createRedactor } from '../../src/support/text/redaction.ts';
import { parseUvBatch, UV_WORDS } from '../../src/uv/output.ts';
import { DEMO_OVERVIEW, DEMO_PLAN, DEMO_RESULT } from '../pty/demo-data.ts';

const { FLOOD_COMMAND = '', FLOOD_ARGS = '[]', FLOOD_LOG = '', FLOOD_RESULT = '' } = process.env;

process.exitCode = await runWizard({
  setup: { cliVersion: '0.3.0', homeDir: '/home/ada' },
  functions: {
    readOverview: async () => DEMO_OVERVIEW,
    plan: async () => ({ status: 'install' as const, summary: DEMO_PLAN }),
    discard: async () => {},
    runChecks: async () => [],
    readUndoTarget: async () => null,
    undo: async () => {
      throw new Error('not here');
    },
    runPanel: async () => ({ type: 'mended', notice: '' }),
    planRepair: async () => ({ steps: [], reasons: [] }),
    repair: async () => ({ repairs: [], after: [] }),
    undoRepair: async () => ({ repairs: [] }),
    reportFailure: async (error) => {
      throw error;
    },
    async execute(_plan, { onEvent, signal }) {
      const emit = eventEmitter(onEvent);
      const redactor = createRedactor();
      redactor.addSecret('a-password-of-the-index');
      emit({ type: 'step', step: 'packages', status: 'started' });
      const log = await openInstallLog(FLOOD_LOG, { redactor });
      const startedAt = performance.now();
      const before = process.cpuUsage();
      await runProcess({
        command: FLOOD_COMMAND,
        args: JSON.parse(FLOOD_ARGS),
        mask: redactor.redact,
        lineParts: createLinePartFinder(redactor, UV_WORDS),
        onBatch: (stream, batch) => {
          emit(linesBody('packages', stream, batch));
          for (const progress of parseUvBatch(batch)) emit({ type: 'uv', step: 'packages', ...progress });
          return log.maskedBatch(batch);
        },
      });
      await log.close();
      const ms = performance.now() - startedAt;
      const maxRssBytes = process.resourceUsage().maxRSS * 1024;
      const { user, system } = process.cpuUsage(before);
      writeFileSync(FLOOD_RESULT, JSON.stringify({ ms, maxRssBytes, cpuMs: (user + system) / 1000 }));
      emit({ type: 'step', step: 'packages', status: 'finished', durationMs: Math.round(ms) });
      // Until the bench has read the screen.
      await new Promise((_, reject) => signal?.addEventListener('abort', () => reject(new CancelledError())));
      return DEMO_RESULT;
    },
  },
});
