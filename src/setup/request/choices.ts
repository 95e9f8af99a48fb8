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
 * `<runtimeRoot>/uv/choices.json`: which Python the last setup of this root was asked to use, so that the next one does not take
 * another by itself. Holds only what was said on purpose; whoever asks for `auto` forgets it.
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

/** What an earlier setup was told, or `null`: nothing, or nothing that this version understands. */
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
 * Keeps what a setup that succeeded was asked for, beside what a newer ktx added. Needs write access. A choice that cannot be kept is no
 * reason to call the setup failed, and a file that only a newer ktx understands stays as it is; the next setup says in its plan which Python
 * it takes.
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
    // Read-only for files of this name: see above.
  }
}

/** Nothing of what cannot be read. */
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
