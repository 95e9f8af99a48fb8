import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';
import * as z from 'zod/mini';
import { errorMessage, isAbsence, SetupError } from '../support/errors.ts';
import { parseSchema, schemaProblem } from '../support/schema.ts';
import type { KtxRuntimeProjectConfig } from './requirements.ts';

const MAX_CONFIG_BYTES = 1024 * 1024;

const optional = <T extends z.core.SomeType>(schema: T) => z.optional(z.nullable(schema));

/** What of `ktx.yaml` decides whether Python is needed; everything else in it is others' business. */
const projectConfigSchema = z.object({
  connections: optional(
    z.record(
      z.string(),
      z.nullable(
        z.object({
          driver: z.optional(z.string()),
          context: optional(
            z.object({ queryHistory: optional(z.object({ enabled: z.optional(z.boolean()) })) }),
          ),
        }),
      ),
    ),
  ),
  ingest: optional(
    z.object({
      embeddings: optional(
        z.object({
          backend: z.optional(z.string()),
          sentenceTransformers: optional(z.object({ base_url: optional(z.string()) })),
        }),
      ),
    }),
  ),
});

/**
 * Reads a project's `ktx.yaml`; `null` where there is none.
 * @throws SetupError naming the file and what is wrong in it.
 */
export async function readProjectConfig(projectDir: string): Promise<KtxRuntimeProjectConfig | null> {
  const path = join(projectDir, 'ktx.yaml');
  const status = await stat(path).catch((error: unknown) => {
    if (isAbsence(error)) return null;
    throw error;
  });
  if (status === null) return null;
  try {
    // The folder may come with a cloned repository: a pipe or a device would be read for ever.
    if (!status.isFile() || status.size > MAX_CONFIG_BYTES)
      throw new Error('it is no file of a sensible size');
    const text = await readFile(path, 'utf8');
    return parseSchema(projectConfigSchema, parse(text) ?? {});
  } catch (error) {
    throw new SetupError(
      `${path} cannot be read: ${schemaProblem(error) ?? errorMessage(error).split('\n')[0]}`,
      {
        failureClass: 'conflict',
        cause: error,
        nextSteps: ['Correct the file, or run the command outside of the project'],
      },
    );
  }
}
