import * as z from 'zod/mini';
import { jsonText } from '../support/fs/atomic-file.ts';
import { doctorReportSchema } from './report-schema.ts';

/** The output of `ktx doctor --print-schema`: the JSON Schema of `ktx doctor --json`. */
export function doctorReportJsonSchema(): string {
  return jsonText(z.toJSONSchema(doctorReportSchema));
}
