/** A record of ours in a format that only a newer ktx understands, as far as it can be read. */
export interface NewerRecord {
  /** The version of ktx that wrote it, where it says so. */
  writtenBy: string | null;
  /** Its fields, none of them checked. */
  fields: Readonly<Record<string, unknown>>;
}

/** Where records say who wrote them: settings and choices, manifests, states of daemons. */
const WRITERS = ['writtenBy', 'cliVersion', 'version'] as const;

/**
 * Whether a text is a record of a newer ktx: JSON with a `schemaVersion` above the one that is known here. All records that versions share
 * are judged by this, so that none is written over or half removed. `null` for a known format, and for what is no record. Pure.
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
