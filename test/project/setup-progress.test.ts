import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  projectSetupProgressPath,
  readCompletedSetupSteps,
  recordSetupStep,
} from '../../src/project/setup-progress.ts';
import { SetupError } from '../../src/support/errors.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';

async function project(text?: string) {
  const projectDir = await temporaryFolder();
  const path = projectSetupProgressPath(projectDir);
  if (text !== undefined) {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text);
  }
  return { projectDir, path };
}

describe('the setup state of a project', () => {
  it('is empty without a file', async () => {
    expect(await readCompletedSetupSteps((await project()).projectDir)).toEqual([]);
  });

  it('keeps the order of completion, once each, known steps only', async () => {
    const { projectDir, path } = await project(
      '{"completed_steps":["runtime","x","project","runtime"],"y":1}',
    );
    expect(await readCompletedSetupSteps(projectDir)).toEqual(['runtime', 'project']);
    await recordSetupStep(projectDir, 'llm');
    await recordSetupStep(projectDir, 'runtime');
    expect(await readFile(path, 'utf8')).toBe(
      '{\n  "completed_steps": [\n    "runtime",\n    "project",\n    "llm"\n  ]\n}\n',
    );
  });

  it.each(['{', 'null', '{"completed_steps":"all"}'])(
    'names a file that it cannot read: %s',
    async (text) => {
      const { projectDir, path } = await project(text);
      const failure = await recordSetupStep(projectDir, 'runtime').catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(SetupError);
      expect((failure as Error).message).toContain(path);
      expect(await readFile(path, 'utf8')).toBe(text);
    },
  );
});
