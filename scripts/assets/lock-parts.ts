import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RuntimeLock } from '../../src/shipped/lock.ts';
import type { WheelPythonRequirement } from '../../src/shipped/wheel-metadata.ts';
import { ROOT } from './paths.ts';

export function sha256(bytes: string | Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** In the lock's keys Linux includes its libc; pins.json only names musl. */
export function lockPlatformKey(pinsKey: string): string {
  return /^linux-[a-z0-9]+$/.test(pinsKey) ? `${pinsKey}-gnu` : pinsKey;
}

/** The managed Python of lock.json and its artefacts, from pins.json. */
export function pythonPart(): Pick<RuntimeLock, 'python' | 'artefacts'> {
  const pins = JSON.parse(readFileSync(join(ROOT, 'scripts/pins.json'), 'utf8')).python as {
    version: string;
    build: string;
    files: Record<string, { file: string; sha256: string }>;
  };
  const files = Object.entries(pins.files);
  return {
    python: {
      version: pins.version,
      build: pins.build,
      archives: Object.fromEntries(files.map(([key, entry]) => [lockPlatformKey(key), entry.sha256])),
    },
    artefacts: Object.fromEntries(
      files.map(([, entry]) => [
        entry.sha256,
        { file: entry.file, kind: 'python', bytes: null, unpackedBytes: null },
      ]),
    ),
  };
}

/** The model for local embeddings, as in pins.json. */
export interface PinnedModel {
  name: string;
  revision: string;
  files: Record<string, { bytes: number; sha256: string }>;
  container: {
    file: string;
    bytes: number;
    unpackedBytes: number;
    sha256: string;
    folder: string;
    publicPath?: string;
  };
}

export function pinnedModel(): PinnedModel {
  return JSON.parse(readFileSync(join(ROOT, 'scripts/pins.json'), 'utf8')).model;
}

/** The models of lock.json and their artefacts, from pins.json. */
export function modelPart(): Pick<RuntimeLock, 'models' | 'artefacts'> {
  const { name, revision, files, container } = pinnedModel();
  const artefacts: RuntimeLock['artefacts'] = {};
  for (const [file, { bytes, sha256: digest }] of Object.entries(files)) {
    artefacts[digest] = { file, kind: 'model', bytes, unpackedBytes: bytes };
  }
  const { file, bytes, unpackedBytes, folder, publicPath } = container;
  const model = {
    repository: name,
    revision,
    files: Object.keys(artefacts),
    container: { artefact: container.sha256, folder },
  };
  artefacts[container.sha256] = { file, kind: 'model', bytes, unpackedBytes, publicPath };
  return { models: { 'local-embeddings': model }, artefacts };
}

/** Source of the module with the built-in digest of the asset manifest and the wheel's Python requirement. */
export function digestModule(
  manifestText: string,
  { specifier, minimumVersion }: WheelPythonRequirement,
  lock: Pick<RuntimeLock, 'targets'>,
): string {
  const minors = [...new Set(Object.keys(lock.targets).map((key) => Number(/-cp3(\d+)$/.exec(key)![1])))];
  return `// Written by \`npm run assets:build\`: do not edit.

/** sha256 of \`assets/python/manifest.json\`; the manifest contains the digests of wheel, lock and requirements. */
export const BUNDLED_MANIFEST_SHA256 = '${sha256(manifestText)}';

/** From the METADATA of that wheel, so that a wheel with the right digest need not be unpacked. */
export const BUNDLED_REQUIRES_PYTHON = { specifier: '${specifier}', minimumVersion: '${minimumVersion}' };

/** Minor versions of CPython 3 that the lock has targets for, oldest first. */
export const LOCKED_MINORS = [${minors.sort((a, b) => a - b).join(', ')}];
`;
}
