import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod/mini';
import { sharedLayout } from '../../core/layout.ts';
import type { PythonChoice } from '../../python/python-choice.ts';
import { jsonText, writeFileAtomic } from '../../support/fs/atomic-file.ts';
import { readRegularText } from '../../support/fs/regular-file.ts';
import { newerRecord } from '../../support/newer-record.ts';

const SCHEMA_VERSION = 1;

/**
 * `<runtimeRoot>/uv/choices.json`: the Python that the last setup of this root was asked to use, so that the
 * next one keeps it. Holds explicit choices only; `auto` clears it.
 */
const choicesSchema = z.object({
  schemaVersion: z.literal(SCHEMA_VERSION),
  python: z.union([
    z.enum(['managed', 'system']),
    z.object({ path: z.string().check(z.minLength(1)) }),
    z.object({ version: z.string().check(z.regex(/^3\.\d+(?:\.\d+)?$/)) }),
  ]),
});

const MAX_BYTES = 64 * 1024;

function choicesPath(runtimeRoot: string): string {
  return join(sharedLayout(runtimeRoot).root, 'choices.json');
}

/** The choice of an earlier setup; `null` if there is none, or this version cannot read it. */
export async function readChosenPython(runtimeRoot: string): Promise<Exclude<PythonChoice, 'auto'> | null> {
  const text = await readRegularText(choicesPath(runtimeRoot), { maxBytes: MAX_BYTES }).catch(() => null);
  if (text === null) return null;
  try {
    return z.parse(choicesSchema, JSON.parse(text)).python;
  } catch {
    return null;
  }
}

/**
 * Saves the choice of a successful setup and keeps fields added by a newer ktx. Requires write access.
 * Failing to save it does not fail the setup, and a file in a newer format stays as it is; the next plan
 * shows which Python it takes.
 */
export async function keepChosenPython(runtimeRoot: string, python: PythonChoice): Promise<void> {
  const path = choicesPath(runtimeRoot);
  try {
    const text = await readRegularText(path, { maxBytes: MAX_BYTES }).catch(() => null);
    if (newerRecord(text, SCHEMA_VERSION) !== null) return;
    const { schemaVersion: _, python: __, ...added } = fieldsOf(text);
    const kept = python === 'auto' ? added : { python, ...added };
    if (Object.keys(kept).length === 0) await rm(path, { force: true });
    else
      await writeFileAtomic(path, jsonText({ schemaVersion: SCHEMA_VERSION, ...kept }), 0o644, {
        isDurable: false,
      });
  } catch {
    // A file that cannot be written: see above.
  }
}

/** Unreadable content counts as empty. */
function fieldsOf(text: string | null): Record<string, unknown> {
  try {
    const fields: unknown = JSON.parse(text ?? '');
    return typeof fields === 'object' && fields !== null && !Array.isArray(fields)
      ? (fields as Record<string, unknown>)
      : {};
  } catch {
    return {};
  }
}
