import { join } from 'node:path';
import * as z from 'zod/mini';
import { errorCode, errorMessage, SetupError } from '../support/errors.ts';
import { jsonText, writeFileWithin } from '../support/fs/atomic-file.ts';
import { makeProjectFolder } from '../support/fs/project-folder.ts';
import { readRegularText } from '../support/fs/regular-file.ts';
import { parseSchema, schemaProblem } from '../support/schema.ts';

/** The steps of a project's setup, in their usual order. */
export const PROJECT_SETUP_STEPS = [
  'project',
  'llm',
  'embeddings',
  'databases',
  'sources',
  'runtime',
  'context',
  'agents',
] as const;
export type ProjectSetupStep = (typeof PROJECT_SETUP_STEPS)[number];

const MAX_BYTES = 64 * 1024;

const progressSchema = z.object({ completed_steps: z.array(z.string()) });

/** The file in which a project records its completed setup steps. */
export function projectSetupProgressPath(projectDir: string): string {
  return join(projectDir, '.ktx', 'setup', 'state.json');
}

/**
 * The completed steps in order of completion; unknown ids are dropped.
 * @throws SetupError naming the file when it is invalid: guessing would repeat steps.
 */
export async function readCompletedSetupSteps(projectDir: string): Promise<ProjectSetupStep[]> {
  const path = projectSetupProgressPath(projectDir);
  try {
    const { completed_steps: ids } = parseSchema(
      progressSchema,
      JSON.parse(await readRegularText(path, { maxBytes: MAX_BYTES, within: projectDir })),
    );
    return [...new Set(ids)].filter(isKnownStep);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return [];
    const reason = schemaProblem(error) ?? errorMessage(error);
    throw new SetupError(`Setup state is invalid: ${path}: ${reason}. Delete it to start over.`, {
      failureClass: 'conflict',
      evidence: [path],
      cause: error,
    });
  }
}

/** Records a step as completed; one recorded earlier keeps its position. */
export async function recordSetupStep(projectDir: string, step: ProjectSetupStep): Promise<void> {
  const completed = new Set([...(await readCompletedSetupSteps(projectDir)), step]);
  const path = projectSetupProgressPath(projectDir);
  await makeProjectFolder(projectDir);
  await writeFileWithin(projectDir, path, jsonText({ completed_steps: [...completed] }));
}

function isKnownStep(id: string): id is ProjectSetupStep {
  return PROJECT_SETUP_STEPS.some((step) => step === id);
}
