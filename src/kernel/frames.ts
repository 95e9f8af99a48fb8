import * as z from 'zod/mini';

/** A missing or mistyped field counts as empty: a frame is never rejected over a detail. */
const textField = z.catch(z.optional(z.string()), undefined);
const bundleField = z.catch(z.record(z.string(), z.unknown()), {});

const frameSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('started'), id: z.string() }),
  z.object({ type: z.literal('stdout'), id: z.string(), data: textField }),
  z.object({ type: z.literal('stderr'), id: z.string(), data: textField }),
  z.object({ type: z.literal('display'), id: z.string(), bundle: bundleField }),
  z.object({ type: z.literal('result'), id: z.string(), bundle: bundleField }),
  z.object({
    type: z.literal('error'),
    id: z.string(),
    ename: textField,
    evalue: textField,
    traceback: z.catch(z.array(z.unknown()), []),
  }),
  z.object({
    type: z.literal('done'),
    id: z.string(),
    status: z.catch(z.optional(z.enum(['ok', 'error'])), undefined),
    executionCount: z.catch(z.optional(z.number()), undefined),
    cancelled: z.catch(z.optional(z.boolean()), undefined),
  }),
]);

/** A message from the session, one per line. Format: docs/kernel.md. */
export type KernelFrame = z.infer<typeof frameSchema>;

/** `null` for JSON that is not a known kind of frame. @throws SyntaxError when the line is not JSON. */
export function parseFrame(line: string): KernelFrame | null {
  const parsed = frameSchema.safeParse(JSON.parse(line));
  return parsed.success ? parsed.data : null;
}

export interface ExecuteRequest {
  id: string;
  code: string;
  silent: boolean;
  storeHistory: boolean;
}

export const EXIT_REQUEST = '{"type":"exit"}\n';

export function encodeRequest(request: ExecuteRequest): string {
  return `${JSON.stringify(request)}\n`;
}

/**
 * Splits bytes into lines of any length. A character split between two chunks is decoded once it is complete.
 */
export function createFrameSplitter(): { push(chunk: Buffer): string[]; end(): string[] } {
  let carried: Buffer[] = [];

  function take(rest: Buffer): string {
    const line = carried.length === 0 ? rest : Buffer.concat([...carried, rest]);
    carried = [];
    return line.toString('utf8');
  }

  function push(chunk: Buffer): string[] {
    const lines: string[] = [];
    let start = 0;
    for (let end = chunk.indexOf(0x0a); end >= 0; end = chunk.indexOf(0x0a, start)) {
      lines.push(take(chunk.subarray(start, end)));
      start = end + 1;
    }
    if (start < chunk.length) carried.push(chunk.subarray(start));
    return lines;
  }

  return { push, end: () => (carried.length === 0 ? [] : [take(Buffer.alloc(0))]) };
}
