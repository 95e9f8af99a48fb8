import { errorMessage } from '../support/errors.ts';
import { listZip, readZipEntry } from '../support/zip.ts';

/** The Python that a wheel requires. `minimumVersion` is `<major>.<minor>` of its first lower bound. */
export interface WheelPythonRequirement {
  specifier: string;
  minimumVersion: string;
}

/** METADATA files have a few kB, or tens of kB with a long README. */
const MAX_METADATA_BYTES = 4 * 1024 * 1024;

/**
 * The Python requirement from a wheel's METADATA (Core metadata specification); unpacks nothing else.
 * @param wheelPath for messages only.
 * @throws Error with messages that callers may match.
 */
export async function readWheelPythonRequirement(
  wheel: Uint8Array,
  wheelPath: string,
): Promise<WheelPythonRequirement> {
  return parseRequiresPython(await readHeaders(wheel, wheelPath));
}

/** The metadata that the lock maker needs. */
export interface WheelMetadata {
  /** As the wheel spells it. */
  name: string;
  version: string;
  extras: readonly string[];
  python: WheelPythonRequirement;
}

/**
 * @param wheelPath for messages only. @throws Error when METADATA is unreadable or lacks one of these fields.
 */
export async function readWheelMetadata(wheel: Uint8Array, wheelPath: string): Promise<WheelMetadata> {
  const headers = await readHeaders(wheel, wheelPath);
  const values = (name: string) =>
    [...headers.matchAll(new RegExp(`^${name}:[ \\t]*(\\S.*?)\\s*$`, 'gim'))].map((match) => match[1]!);
  const one = (field: string) => {
    const [value] = values(field);
    if (value === undefined) throw new Error(`The METADATA of ${wheelPath} has no ${field}`);
    return value;
  };
  const python = parseRequiresPython(headers);
  return { name: one('Name'), version: one('Version'), extras: values('Provides-Extra'), python };
}

/** The headers of METADATA, without the README below them, which may quote such lines. */
async function readHeaders(wheel: Uint8Array, wheelPath: string): Promise<string> {
  let metadata: Uint8Array | null;
  try {
    const entries = listZip(wheel).filter(({ name }) => name.endsWith('.dist-info/METADATA'));
    // Packages vendored in a wheel have theirs in deeper folders.
    const entry = entries.find(({ name }) => name.split('/').length === 2) ?? entries[0];
    metadata = entry ? await readZipEntry(wheel, entry, MAX_METADATA_BYTES) : null;
  } catch (error) {
    throw new Error(`Unable to read bundled Python runtime wheel metadata: ${errorMessage(error)}`, {
      cause: error,
    });
  }
  if (!metadata) throw new Error(`Bundled Python runtime wheel metadata is missing: ${wheelPath}`);
  return new TextDecoder().decode(metadata).split(/\r?\n\r?\n/, 1)[0] ?? '';
}

function parseRequiresPython(headers: string): WheelPythonRequirement {
  const specifier = /^requires-python:[ \t]*(\S.*?)\s*$/im.exec(headers)?.[1];
  if (!specifier) throw new Error('Bundled Python runtime wheel metadata is missing Requires-Python');
  const bound = /(?:^|[,\s])>=(\d+)\.(\d+)/.exec(specifier);
  if (!bound) throw new Error(`Unsupported bundled Python runtime Requires-Python: ${specifier}`);
  return { specifier, minimumVersion: `${bound[1]}.${bound[2]}` };
}
