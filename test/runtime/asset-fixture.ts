import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { strToU8, zipSync } from 'fflate';
import type { InstalledKtxRuntimeManifest } from '../../src/runtime/manifest.ts';

export const WHEEL_FILE = 'kaelio_ktx-0.1.0-py3-none-any.whl';

export function sha256(bytes: Uint8Array | string): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** A wheel as far as this program looks into one. `null` leaves METADATA out. */
export function wheelBytes(metadata: string | null = metadataText()): Uint8Array {
  return zipSync({
    'ktx_daemon/__init__.py': strToU8('"""x"""\n'),
    ...(metadata === null ? {} : { 'kaelio_ktx-0.1.0.dist-info/METADATA': strToU8(metadata) }),
    'kaelio_ktx-0.1.0.dist-info/RECORD': strToU8(''),
  });
}

export function metadataText(requiresPython = '>=3.13'): string {
  return `Metadata-Version: 2.4\nName: kaelio-ktx\nVersion: 0.1.0\nRequires-Python: ${requiresPython}\n\n# README\n`;
}

export function assetManifest(wheel: Uint8Array, changes: Record<string, unknown> = {}) {
  return {
    schemaVersion: 1,
    distributionName: 'kaelio-ktx',
    normalizedName: 'kaelio_ktx',
    version: '0.1.0',
    wheel: { file: WHEEL_FILE, sha256: sha256(wheel), bytes: wheel.length },
    ...changes,
  };
}

/** An asset directory without `lock.json`: a foreign wheel. */
export async function writeAsset(
  dir: string,
  options: { wheel?: Uint8Array; manifest?: Record<string, unknown> } = {},
): Promise<string> {
  const wheel = options.wheel ?? wheelBytes();
  await mkdir(dir, { recursive: true });
  await writeFile(join(dir, WHEEL_FILE), wheel);
  await writeFile(join(dir, 'manifest.json'), JSON.stringify(assetManifest(wheel, options.manifest)));
  return dir;
}

/** An installed runtime as far as status looks: a manifest and its two executables. */
export async function writeRuntime(
  runtimeRoot: string,
  cliVersion: string,
  changes: Partial<InstalledKtxRuntimeManifest> = {},
): Promise<InstalledKtxRuntimeManifest> {
  const versionDir = join(runtimeRoot, cliVersion);
  const bin = join(versionDir, 'envs', '7f3c0000', 'bin');
  const manifest: InstalledKtxRuntimeManifest = {
    schemaVersion: 1,
    cliVersion,
    installedAt: '2026-01-02T03:04:05.000Z',
    asset: assetManifest(wheelBytes()) as InstalledKtxRuntimeManifest['asset'],
    features: ['core'],
    python: { executable: join(bin, 'python'), daemonExecutable: join(bin, 'ktx-daemon') },
    installLog: join(versionDir, 'install.log'),
    ...changes,
  };
  await mkdir(bin, { recursive: true });
  await writeFile(join(bin, '..', 'pyvenv.cfg'), 'home = /usr/bin\n');
  await writeFile(join(bin, 'python'), '');
  await writeFile(join(bin, 'ktx-daemon'), '');
  await writeFile(join(versionDir, 'manifest.json'), `${JSON.stringify(manifest, null, 2)}\n`);
  return manifest;
}
