import type { Artefact } from '../shipped/lock.ts';
import { readWheelIdentity } from '../shipped/wheel-licence.ts';
import { readRegularFile } from '../support/fs/regular-file.ts';
import { MANAGED_UV_VERSION } from '../uv/release.ts';
import { storePathOf } from './pins.ts';
import type { DescribedMember } from './sbom.ts';

/** The largest locked wheel has 40 MB. */
const MAX_WHEEL_BYTES = 512 * 1024 * 1024;

/** An artefact's entry in a bundle and its SBOM. The file is in the store and verified. */
export async function describeMember(
  artefact: Artefact,
  path: string,
  sizeBytes: number,
): Promise<DescribedMember> {
  const { kind, sha256, file } = artefact;
  const base = { path: storePathOf(artefact), sha256, sizeBytes, kind };
  if (file.endsWith('.whl')) {
    const wheel = await readRegularFile(path, { maxBytes: MAX_WHEEL_BYTES, links: 'follow' });
    const { name, version, licence } = await readWheelIdentity(wheel);
    const purl = `pkg:pypi/${name.toLowerCase().replace(/[-_.]+/g, '-')}@${version}`;
    return {
      ...base,
      source: 'package index',
      licence,
      componentName: name,
      componentVersion: version,
      purl,
    };
  }
  if (kind === 'uv') {
    return {
      ...base,
      source: 'official builds',
      licence: 'MIT OR Apache-2.0',
      componentName: 'uv',
      componentVersion: MANAGED_UV_VERSION,
      purl: `pkg:github/astral-sh/uv@${MANAGED_UV_VERSION}`,
    };
  }
  if (kind === 'python') {
    const version = /^cpython-([\d.]+)\+/.exec(file)?.[1] ?? '';
    return {
      ...base,
      source: 'official builds',
      licence: 'PSF-2.0',
      componentName: 'cpython',
      componentVersion: version,
      purl: `pkg:github/astral-sh/python-build-standalone@${version}`,
    };
  }
  return {
    ...base,
    source: 'model hub',
    licence: 'Apache-2.0',
    componentName: file,
    componentVersion: '',
    purl: null,
  };
}
