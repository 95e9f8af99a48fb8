import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { CodexKtxLlmRuntime } from '../../src/models/codex/runtime.ts';
import type { CodexSdkRunner } from '../../src/models/codex/sdk-runner.ts';
import { readProcessStart } from '../../src/process/process-table.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';
import { codexCliName, isCodexCliPresent, newChildren, ownDescendants, realRunner } from './real-codex.ts';

/** A program in place of the CLI, for behaviour that the real one cannot produce. */
async function cliScript(body: string): Promise<string> {
  const path = join(await temporaryFolder(), 'codex');
  await writeFile(path, `#!/bin/sh\n${body}\n`);
  await chmod(path, 0o755);
  return path;
}

/** By the time it is closed, the CLI is gone and its children are orphaned. */
async function* slowToClose(events: AsyncIterable<unknown>): AsyncGenerator<unknown> {
  try {
    yield* events;
  } finally {
    await delay(300);
  }
}

/** The CLI and its children, once all are running. */
async function startedBelow(before: ReadonlySet<number>): Promise<number[]> {
  await expect.poll(() => newChildren(before).length, { timeout: 30_000 }).toBeGreaterThanOrEqual(2);
  return newChildren(before);
}

describe.skipIf(!isCodexCliPresent || process.platform === 'win32')(
  `the real SDK with other CLIs (${codexCliName})`,
  () => {
    const { PATH } = process.env;

    async function generate(codexPath: string, prompt = 'x', signal?: AbortSignal): Promise<string> {
      const runtime = new CodexKtxLlmRuntime({
        projectDir: '.',
        modelSlots: { default: 'codex' },
        runner: realRunner({ PATH }, codexPath),
      });
      return runtime.generateText({ role: 'default', prompt, ...(signal && { abortSignal: signal }) });
    }

    it('a CLI that ends before it has read a long prompt fails the run and not this process', async () => {
      const path = await cliScript('echo "error: unexpected argument" >&2\nexit 2');
      const run = generate(path, 'x'.repeat(4 * 1024 * 1024));
      await expect(run).rejects.toThrow(/exited with code 2: error: unexpected argument/);
    });

    it('a CLI that prints garbage and ignores SIGTERM is ended; a later abort disturbs nobody', async () => {
      const before = new Set(ownDescendants());
      const path = await cliScript('trap "" TERM\necho "not JSON"\nwhile :; do sleep 1; done');
      const stop = new AbortController();
      await expect(generate(path, 'x', stop.signal)).rejects.toThrow(/Failed to parse item: not JSON/);
      expect(newChildren(before)).toEqual([]);
      stop.abort();
    });

    it.each([
      ['ignores SIGTERM', 'trap "" TERM\n'],
      ['leaves its children behind', ''],
    ])('an abort ends a CLI that %s, and what it started', async (_name, trap) => {
      const before = new Set(ownDescendants());
      const path = await cliScript(`${trap}sleep 787 &\necho '{"type":"turn.started"}'\nwait\nsleep 788`);
      const stop = new AbortController();
      const run = generate(path, 'x', stop.signal);
      run.catch(() => {});
      const started = await startedBelow(before);
      stop.abort();
      await expect(run).rejects.toMatchObject({ name: 'AbortError' });
      expect(started.filter((pid) => readProcessStart(pid) !== null)).toEqual([]);
    });

    it('the budget ends what a CLI started too', async () => {
      const before = new Set(ownDescendants());
      const step = '{"type":"item.completed","item":{"type":"command_execution"}}';
      const path = await cliScript(`sleep 787 &\necho '${step}'\nwait`);
      let started: number[] = [];
      const cli = realRunner({ PATH }, path);
      const runner: CodexSdkRunner = {
        runStreamed: async (input) => slowToClose(await cli.runStreamed(input)),
      };
      const runtime = new CodexKtxLlmRuntime({
        projectDir: '.',
        modelSlots: { default: 'codex' },
        runner,
      });
      const result = await runtime.runAgentLoop({
        modelRole: 'default',
        systemPrompt: '',
        userPrompt: 'x',
        toolSet: {},
        stepBudget: 1,
        telemetryTags: {},
        onStepFinish: async () => {
          started = await startedBelow(before);
        },
      });
      expect(result).toMatchObject({ stopReason: 'budget' });
      expect(started.filter((pid) => readProcessStart(pid) !== null)).toEqual([]);
    });

    it('a CLI that is not a program', async () => {
      await expect(generate(join(await temporaryFolder(), 'absent'))).rejects.toThrow(/spawn .* ENOENT/);
    });
  },
);
