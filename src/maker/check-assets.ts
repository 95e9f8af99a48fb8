import { createHash } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { RUNTIME_FEATURES } from '../core/features.ts';
import { assetManifestSchemaFor } from '../shipped/asset-schema.ts';
import { lockedFeature, type RuntimeLock } from '../shipped/lock.ts';
import { lockedFilesSchema, runtimeLockSchema } from '../shipped/lock-schema.ts';
import { readShippedFile } from '../shipped/shipped-file.ts';
import { absentAsNull } from '../support/errors.ts';

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

/**
 * Where the files of an asset directory contradict each other, as sentences that name a file; an empty list is good. Needs neither
 * Python nor a network.
 */
export async function findContradictions(assetDir: string): Promise<string[]> {
  const manifestBytes = await readShippedFile(join(assetDir, 'manifest.json')).catch(absentAsNull);
  if (manifestBytes === null) return ['manifest.json is missing'];
  const document: unknown = JSON.parse(manifestBytes.toString('utf8'));
  const manifest = assetManifestSchemaFor(document).parse(document);
  const locked = lockedFilesSchema.parse(document);

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
  const read = async (file: string) => (await readShippedFile(join(assetDir, file))).toString('utf8');
  const requirements: Record<string, string> = {};
  for (const [feature, { file }] of Object.entries(locked.requirements))
    requirements[feature] = await read(file);
  const lock = runtimeLockSchema.parse(JSON.parse(await read(locked.lock.file)));
  return [...problems, ...findLockContradictions(lock, requirements)];
}

/** Contradictions inside a lock, and between it and the requirements by feature. */
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
