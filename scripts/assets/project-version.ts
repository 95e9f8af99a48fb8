/**
 * The Python version for an npm version: `X.Y.Z` unchanged, `X.Y.Z-rc.N` as `X.Y.ZrcN`.
 * @throws Error for other prereleases and for build metadata, which Python orders differently.
 */
export function pythonVersion(npmVersion: string): string {
  const match = /^(\d+\.\d+\.\d+)(?:-rc\.(\d+))?$/.exec(npmVersion);
  if (!match) throw new Error(`The npm version ${npmVersion} has no Python form: use X.Y.Z or X.Y.Z-rc.N`);
  return match[2] === undefined ? match[1]! : `${match[1]}rc${match[2]}`;
}

/** `pyproject.toml` with this version. @throws Error when it has no version line. */
export function withProjectVersion(pyproject: string, version: string): string {
  const line = /^version = ".*"$/m;
  if (!line.test(pyproject)) throw new Error('pyproject.toml has no line `version = "…"`');
  return pyproject.replace(line, `version = "${version}"`);
}

export function wheelFileName(version: string): string {
  return `kaelio_ktx-${version}-py3-none-any.whl`;
}
