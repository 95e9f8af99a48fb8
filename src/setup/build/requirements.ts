import { dirname } from 'node:path';
import { pathToFileURL } from 'node:url';

/**
 * The only requirements file of a locked install: no index, one find-links line per store folder, the locked
 * requirements with their hashes, and the bundled wheel by URL and hash. Addresses are percent-encoded:
 * `UV_FIND_LINKS` would split a path at a comma, and a bare path breaks at a space. Read by uv.
 */
export function generateRequirements(options: {
  lockedRequirements: string;
  artefactPaths: readonly string[];
  distribution: string;
  extras: readonly string[];
  wheelPath: string;
  wheelSha256: string;
}): string {
  const folders = [...new Set(options.artefactPaths.map((path) => pathToFileURL(dirname(path)).href))];
  const extras = options.extras.length > 0 ? `[${options.extras.join(',')}]` : '';
  const wheelUrl = pathToFileURL(options.wheelPath).href;
  return [
    '--no-index',
    ...folders.map((url) => `--find-links ${url}`),
    `${options.distribution}${extras} @ ${wheelUrl} --hash=sha256:${options.wheelSha256}`,
    options.lockedRequirements.trimEnd(),
    '',
  ].join('\n');
}
