import * as z from 'zod/mini';
import { jsonText } from '../support/fs/atomic-file.ts';
import { helloSchema, setupEventSchema } from './event-schema.ts';

/** What `ktx setup --print-schema` prints: the JSON Schema of one line of `ktx setup --json`, for who checks or generates code. */
export function eventJsonSchema(): string {
  const line = z.union([helloSchema, setupEventSchema]);
  return jsonText({ title: 'One line of ktx setup --json', ...z.toJSONSchema(line) });
}
