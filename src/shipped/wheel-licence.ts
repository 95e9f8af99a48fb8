import { listZip, readZipEntry } from '../support/zip.ts';

/** METADATA files have a few kB, or tens of kB with a long README. */
const MAX_METADATA_BYTES = 4 * 1024 * 1024;

/** Name, version and licence from a wheel's METADATA (Core metadata specification). */
export interface WheelIdentity {
  name: string;
  version: string;
  /** SPDX expression if given, else the wheel's own text; `unknown` without either. */
  licence: string;
}

/** @throws Error when the wheel has no readable METADATA. */
export async function readWheelIdentity(wheel: Uint8Array): Promise<WheelIdentity> {
  const entry = listZip(wheel).find(({ name }) => /^[^/]+\.dist-info\/METADATA$/.test(name));
  const bytes = entry && (await readZipEntry(wheel, entry, MAX_METADATA_BYTES));
  if (!bytes) throw new Error('the wheel has no METADATA');
  const headers = new TextDecoder().decode(bytes).split(/\r?\n\r?\n/, 1)[0] ?? '';
  const header = (name: string) => new RegExp(`^${name}:[ \\t]*(\\S.*?)\\s*$`, 'im').exec(headers)?.[1];
  const licence =
    header('License-Expression') ??
    shortLicence(header('License')) ??
    /^Classifier: License :: (?:OSI Approved :: )?(.+?)\s*$/im.exec(headers)?.[1];
  return { name: header('Name') ?? '', version: header('Version') ?? '', licence: licence ?? 'unknown' };
}

/** Some wheels put the full licence text here. */
function shortLicence(text: string | undefined): string | undefined {
  return text !== undefined && text.length <= 80 && text.toUpperCase() !== 'UNKNOWN' ? text : undefined;
}
