/** A record of ours in a newer format, as far as it can be read. */
export interface NewerRecord {
  /** The ktx version that wrote it, if recorded. */
  writtenBy: string | null;
  /** Its fields, unchecked. */
  fields: Readonly<Record<string, unknown>>;
}

/** Fields in which records name their writer: settings and choices, manifests, daemon state. */
const WRITERS = ['writtenBy', 'cliVersion', 'version'] as const;

/**
 * Recognises a record of a newer ktx: JSON with a `schemaVersion` above the known one. All shared records are
 * checked here, so that none is overwritten or partly removed. `null` for a known format and for anything
 * else. Pure.
 */
export function newerRecord(text: string | null, knownVersion: number): NewerRecord | null {
  let fields: unknown;
  try {
    fields = JSON.parse(text ?? '');
  } catch {
    return null;
  }
  if (typeof fields !== 'object' || fields === null) return null;
  const { schemaVersion, ...others } = fields as Record<string, unknown>;
  if (typeof schemaVersion !== 'number' || schemaVersion <= knownVersion) return null;
  const writer = WRITERS.map((key) => others[key]).find((value) => typeof value === 'string');
  return { writtenBy: typeof writer === 'string' ? writer : null, fields: others };
}
