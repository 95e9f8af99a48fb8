import { ZodError, ZodRealError } from 'zod';
import { _parse, config } from 'zod/v4/core';
import english from 'zod/v4/locales/en.js';

config(english());

/**
 * `schema.parse(value)` for schemas of `zod/mini`, which every command pays for at its start (3 ms against 8); what it
 * throws is zod's ordinary `ZodError` with English messages.
 */
export const parseSchema = _parse(ZodRealError);

/** What a `ZodError` says, in one line: its own message is a page of JSON. `null` for any other error. */
export function schemaProblem(error: unknown): string | null {
  // Not ZodRealError: any Error is an instance of that one.
  if (!(error instanceof ZodError)) return null;
  return error.issues.map(({ path, message }) => `${path.join('.') || 'content'}: ${message}`).join('; ');
}
