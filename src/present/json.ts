import type { SetupEvent } from '../core/events.ts';

/** Increased when readers of the old format could misread the new one; new fields and types do not count. */
export const EVENT_SCHEMA_VERSION = 1;

/** The first line of an NDJSON stream. */
export function helloJson(cliVersion: string): string {
  return `${JSON.stringify({ schemaVersion: EVENT_SCHEMA_VERSION, type: 'hello', name: 'ktx setup', cliVersion })}\n`;
}

/** One event as one line; see `event-schema.ts`. */
export function eventJson(event: SetupEvent): string {
  return `${JSON.stringify(event)}\n`;
}
