import * as z from 'zod/mini';
import { CHECK_GROUPS, REPAIR_IDS } from './checks/check.ts';

const repairSchema = z.enum(REPAIR_IDS);
const checkSchema = z.object({
  id: z.string(),
  group: z.enum(CHECK_GROUPS),
  label: z.string(),
  status: z.enum(['pass', 'warn', 'fail', 'could-not-check', 'skipped']),
  detail: z.string(),
  fix: z.optional(z.string().check(z.describe('what to do by hand'))),
  repairs: z.optional(z.array(repairSchema).check(z.describe('what ktx doctor --fix can do, best first'))),
  cause: z.optional(z.string().check(z.describe('what it is, by the same ids as the cause of a failure'))),
  durationMs: z.number(),
});

const stepSchema = z.object({
  id: repairSchema,
  label: z.string(),
  what: z.string(),
  paths: z.array(z.string()).check(z.describe('what may change')),
  downloadBytes: z.nullable(z.number()).check(z.describe('null is unknown')),
  hosts: z.array(z.string()),
  worksOffline: z.boolean(),
  canUndo: z.boolean(),
});

/** The output of `ktx doctor --json`, one document. Its JSON Schema: `ktx doctor --print-schema`. */
export const doctorReportSchema = z.object({
  schemaVersion: z.literal(1),
  cliVersion: z.string(),
  runtimeRoot: z.string(),
  exitCode: z.union([z.literal(0), z.literal(1), z.literal(3)]),
  checks: z.array(checkSchema),
  /** With `--fix`: the repairs that would be or were applied. */
  plan: z.optional(z.array(stepSchema)),
  applied: z.optional(z.array(repairSchema)),
});
export type DoctorReport = z.infer<typeof doctorReportSchema>;
