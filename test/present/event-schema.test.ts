import { describe, expect, expectTypeOf, it } from 'vitest';
import type * as z from 'zod/mini';
import type { SetupEvent } from '../../src/core/events.ts';
import { helloSchema, setupEventSchema } from '../../src/present/event-schema.ts';
import { eventJson, helloJson } from '../../src/present/json.ts';

const at = '2026-01-02T03:04:05.678Z';
type Described = z.infer<typeof setupEventSchema>;

describe('the NDJSON form', () => {
  it('begins with its version, on a line of its own', () => {
    const line = helloJson('0.3.0');
    expect(line).toBe('{"schemaVersion":1,"type":"hello","name":"ktx setup","cliVersion":"0.3.0"}\n');
    expect(helloSchema.safeParse(JSON.parse(line)).success).toBe(true);
  });

  it('is one line an event, whatever a child prints', () => {
    const event: SetupEvent = {
      at,
      type: 'lines',
      step: 'packages',
      stream: 'stderr',
      lines: ['a\u2028b', 'tab\t"quoted"\\', 'é漢'],
    };
    const line = eventJson(event);
    expect(line.indexOf('\n')).toBe(line.length - 1);
    expect(JSON.parse(line)).toEqual(event);
    expect(setupEventSchema.safeParse(JSON.parse(line)).success).toBe(true);
  });

  it('refuses what is no event', () => {
    for (const value of [
      { at, type: 'surprise' },
      { at: 'yesterday', type: 'note', step: 'plan', level: 'info', text: '' },
      { at, type: 'step', step: 'fetch', status: 'failed' },
      { at, type: 'uv', step: 'packages', phase: 'juggling', count: null, name: null, durationMs: null },
    ]) {
      expect(setupEventSchema.safeParse(value).success).toBe(false);
    }
  });

  it('describes exactly the events that the library sends', () => {
    // Held by the compiler, field by field: what is added to one of the two and not to the other fails `tsc`.
    expectTypeOf<Described>().toExtend<SetupEvent>();
    expectTypeOf<Mutable<SetupEvent>>().toExtend<Described>();
  });
});

/** The schema's arrays are not readonly. */
type Mutable<T> = T extends readonly (infer Item)[]
  ? Mutable<Item>[]
  : T extends object
    ? { -readonly [Key in keyof T]: Mutable<T[Key]> }
    : T;
