import { joinAddress, placeOf } from '../network/address/address.ts';
import { pythonReleasePath, uvReleasePath } from '../network/address/official-hosts.ts';
import { type PackageLocation, packageLocations } from '../network/index/package-index.ts';
import { projectOfFile } from '../network/index/simple-index.ts';
import type { NetworkProfile } from '../network/settings/profile.ts';
import type { Artefact } from '../shipped/lock.ts';
import { SetupError } from '../support/errors.ts';
import { SHOW_SETTINGS, USE_INDEX } from '../support/remedies.ts';

/** No source for the artefact is configured, or all are switched off. */
export class NoSourceError extends SetupError {
  constructor(file: string) {
    super(`There is no source for ${file}.`, {
      failureClass: 'network',
      causeId: 'no-source',
      evidence: ['no package index and no find-links are set, or no-index switches them off'],
      remedies: [USE_INDEX, SHOW_SETTINGS],
    });
    this.name = 'NoSourceError';
  }
}

/** One place an artefact can come from. */
export type ArtefactSource =
  | { kind: 'url'; label: string; url: string }
  | { kind: 'package'; label: string; location: PackageLocation; project: string };

/** Releases that file names do not include. */
export interface ReleaseNumbers {
  /** Release of python-build-standalone, `lock.python.build`. */
  pythonBuild?: string;
  /** Version of uv, for its archives. */
  uvVersion?: string;
  /** Repository and commit on the hub, for model files. */
  model?: { repository: string; revision: string };
}

/**
 * The sources of an artefact in the order they are tried. Wheels, including uv's: find-links, then the
 * indexes. Python: `UV_PYTHON_INSTALL_MIRROR`, official mirror, GitHub. uv's archives: official mirror,
 * GitHub. Model files: the hub.
 * @throws Error when a release number that the URL needs is missing: a bug.
 */
export function sourcesFor(
  artefact: Artefact,
  profile: Pick<
    NetworkProfile,
    'findLinks' | 'indexes' | 'pythonInstallMirror' | 'officialMirror' | 'githubReleases' | 'modelHub'
  >,
  releases: ReleaseNumbers,
): ArtefactSource[] {
  const { kind, file } = artefact;
  if (file.endsWith('.whl')) {
    const project = projectOfFile(file);
    return packageLocations(profile).map((location) => ({
      kind: 'package',
      label: location.label,
      location,
      project,
    }));
  }
  if (kind === 'python') {
    const build = required(releases.pythonBuild, 'pythonBuild', file);
    const mirror = profile.pythonInstallMirror;
    return [
      ...(mirror ? [urlSource(mirrorAddress(mirror.url, build, file))] : []),
      ...officialSources(profile, pythonReleasePath(build, file)),
    ];
  }
  if (kind === 'uv') {
    const version = required(releases.uvVersion, 'uvVersion', file);
    return officialSources(profile, uvReleasePath(version, file));
  }
  const model = required(releases.model, 'model', file);
  return [
    urlSource(joinAddress(profile.modelHub.url, `${model.repository}/resolve/${model.revision}/${file}`)),
  ];
}

function officialSources(
  profile: Pick<NetworkProfile, 'officialMirror' | 'githubReleases'>,
  path: string,
): ArtefactSource[] {
  return [
    urlSource(joinAddress(profile.officialMirror, `github/${path}`)),
    ...(profile.githubReleases === null
      ? []
      : [urlSource(joinAddress(profile.githubReleases, `astral-sh/${path}`))]),
  ];
}

/** uv's mirror layout: `<build>/<file>`, with `+` encoded as `%2B` over http and literal in folders. */
function mirrorAddress(mirror: string, build: string, file: string): string {
  const name = mirror.startsWith('file:') ? file : encodeURIComponent(file);
  return joinAddress(mirror, `${build}/${name}`);
}

function urlSource(url: string): ArtefactSource {
  return { kind: 'url', label: placeOf(url), url };
}

function required<T>(value: T | undefined, name: string, file: string): T {
  if (value === undefined) throw new Error(`${name} is needed to know where ${file} lies`);
  return value;
}
