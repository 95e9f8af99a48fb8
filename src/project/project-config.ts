import { join } from 'node:path';
import { LineCounter, parse, YAMLParseError } from 'yaml';
import * as z from 'zod/mini';
import { errorMessage, isAbsence, SetupError } from '../support/errors.ts';
import { readRegularText } from '../support/fs/regular-file.ts';
import { otherRemedy } from '../support/remedies.ts';
import { parseSchema, schemaProblem } from '../support/schema.ts';
import type { KtxRuntimeProjectConfig } from './requirements.ts';

const MAX_CONFIG_BYTES = 1024 * 1024;

const optional = <T extends z.core.SomeType>(schema: T) => z.optional(z.nullable(schema));

/** The parts of `ktx.yaml` that decide whether Python is needed; all else is ignored. */
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
 * Reads a project's `ktx.yaml`; `null` when there is none.
 * @throws SetupError naming the file and, in one line, what is wrong with it, with the position if it is not
 * valid YAML.
 */
export async function readProjectConfig(projectDir: string): Promise<KtxRuntimeProjectConfig | null> {
  const path = join(projectDir, 'ktx.yaml');
  try {
    const text = await readRegularText(path, { maxBytes: MAX_CONFIG_BYTES, within: projectDir });
    return parseSchema(projectConfigSchema, parsedYaml(text) ?? {});
  } catch (error) {
    if (isAbsence(error)) return null;
    throw new SetupError(
      `${path} cannot be read: ${schemaProblem(error) ?? errorMessage(error).split('\n')[0]}`,
      {
        failureClass: 'conflict',
        cause: error,
        remedies: [otherRemedy('Correct the file, or run the command outside of the project')],
      },
    );
  }
}

/** @throws Error that says in one line what is wrong and where. */
function parsedYaml(text: string): unknown {
  const lineCounter = new LineCounter();
  try {
    // Otherwise the parser adds a code frame to its message and prints warnings itself.
    return parse(text, { lineCounter, prettyErrors: false, logLevel: 'error' });
  } catch (error) {
    if (!(error instanceof YAMLParseError)) throw error;
    const { line, col } = lineCounter.linePos(error.pos[0]);
    // The parser's own message suggests a function to programmers.
    const problem = error.code === 'MULTIPLE_DOCS' ? 'there is a second document' : error.message;
    throw new Error(`no valid YAML at line ${line}, column ${col} (${problem})`, { cause: error });
  }
}
