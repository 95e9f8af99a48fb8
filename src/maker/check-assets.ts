import { createHash } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { RUNTIME_FEATURES } from '../core/features.ts';
import { assetManifestSchemaFor } from '../shipped/asset-schema.ts';
import { lockedFeature, type RuntimeLock } from '../shipped/lock.ts';
import { lockedFilesSchema, runtimeLockSchema } from '../shipped/lock-schema.ts';
import { readShippedFile } from '../shipped/shipped-file.ts';
import { absentAsNull, errorMessage } from '../support/errors.ts';
import { parseSchema, schemaProblem } from '../support/schema.ts';

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

/**
 * Inconsistencies between the files of an asset directory, one sentence each; empty when there are none.
 * Needs neither Python nor a network.
 */
export async function findContradictions(assetDir: string): Promise<string[]> {
  const manifestBytes = await readShippedFile(join(assetDir, 'manifest.json')).catch(absentAsNull);
  if (manifestBytes === null) return ['manifest.json is missing'];
  const read = parsed('manifest.json', manifestBytes, (document) => ({
    manifest: parseSchema(assetManifestSchemaFor(document), document),
    locked: parseSchema(lockedFilesSchema, document),
  }));
  if ('problem' in read) return [read.problem];
  const { manifest, locked } = read.value;

  const problems: string[] = [];
  const vouchedFor = [manifest.wheel, locked.lock, ...Object.values(locked.requirements)];
  for (const { file, sha256: digest } of vouchedFor) {
    const bytes = await readShippedFile(join(assetDir, file)).catch(absentAsNull);
    if (bytes === null) problems.push(`${file} is missing`);
    else if (sha256(bytes) !== digest) problems.push(`${file} is not the file of manifest.json`);
    else if (file === manifest.wheel.file && bytes.length !== manifest.wheel.bytes)
      problems.push(`${file} has ${bytes.length} bytes`);
  }
  if (problems.length > 0) return problems;

  const known = new Set(['manifest.json', ...vouchedFor.map(({ file }) => file)]);
  for (const entry of await readdir(assetDir, { withFileTypes: true })) {
    if (entry.isFile() && !known.has(entry.name)) problems.push(`${entry.name} is in no manifest`);
  }
  const bytesOf = (file: string) => readShippedFile(join(assetDir, file));
  const requirements: Record<string, string> = {};
  for (const [feature, { file }] of Object.entries(locked.requirements))
    requirements[feature] = (await bytesOf(file)).toString('utf8');
  const { file } = locked.lock;
  const lock = parsed(file, await bytesOf(file), (document) => parseSchema(runtimeLockSchema, document));
  if ('problem' in lock) return [...problems, lock.problem];
  return [...problems, ...findLockContradictions(lock.value, requirements)];
}

/** Parses a JSON file, or says in one sentence what is wrong with it. */
function parsed<Value>(
  file: string,
  bytes: Buffer,
  parse: (document: unknown) => Value,
): { value: Value } | { problem: string } {
  let document: unknown;
  try {
    document = JSON.parse(bytes.toString('utf8'));
  } catch (error) {
    return { problem: `${file} is damaged, it is not JSON: ${errorMessage(error)}` };
  }
  try {
    return { value: parse(document) };
  } catch (error) {
    const problem = schemaProblem(error);
    if (problem === null) throw error;
    return { problem: `${file} is damaged: ${problem}` };
  }
}

/** Inconsistencies within a lock, and between it and the requirements of each feature. */
export function findLockContradictions(lock: RuntimeLock, requirements: Record<string, string>): string[] {
  const problems: string[] = [];
  const models = Object.values(lock.models ?? {});
  const used = new Set([
    ...Object.values(lock.python.archives),
    ...models.flatMap((model) => [...model.files, model.container.artefact]),
  ]);
  for (const key of Object.keys(lock.targets)) {
    for (const feature of RUNTIME_FEATURES) {
      const entry = lockedFeature(lock, key, feature);
      if (!entry || 'unavailable' in entry) continue;
      if (requirements[feature] === undefined)
        problems.push(`lock.json: ${feature} has no requirements file`);
      for (const digest of entry.artefacts) {
        used.add(digest);
        if (!lock.artefacts[digest])
          problems.push(`lock.json: ${key} names ${digest}, which is not described`);
        if (!requirements[feature]?.includes(`--hash=sha256:${digest}`)) {
          problems.push(
            `${feature} requirements do not admit ${lock.artefacts[digest]?.file ?? digest} of ${key}`,
          );
        }
      }
    }
  }
  for (const [digest, artefact] of Object.entries(lock.artefacts)) {
    if (!used.has(digest)) problems.push(`lock.json: no target uses ${artefact.file}`);
    if (artefact.kind === 'wheel' && !(artefact.bytes && artefact.unpackedBytes)) {
      problems.push(`lock.json: the sizes of ${artefact.file} are unknown`);
    }
  }
  return problems;
}
