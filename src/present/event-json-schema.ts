import * as z from 'zod/mini';
import { jsonText } from '../support/fs/atomic-file.ts';
import { helloSchema, setupEventSchema } from './event-schema.ts';

/**
 * The output of `ktx setup --print-schema`: the JSON Schema of one line of `ktx setup --json`, for validation
 * and code generation.
 */
export function eventJsonSchema(): string {
  const line = z.union([helloSchema, setupEventSchema]);
  return jsonText({ title: 'One line of ktx setup --json', ...z.toJSONSchema(line) });
}
