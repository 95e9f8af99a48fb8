/** Bytes for people, in decimal units like download pages: `27 MB`, `8.4 MB`, `512 B`. */
export function formatBytes(bytes: number): string {
  if (bytes < 1000) return `${Math.round(bytes)} B`;
  const units = ['kB', 'MB', 'GB', 'TB'];
  let value = bytes;
  let unit = -1;
  do {
    value /= 1000;
    unit++;
  } while (value >= 999.5 && unit < units.length - 1);
  return `${value < 9.95 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}

/** A size that may be unknown; unknown is not zero. */
export function formatBytesOrUnknown(bytes: number | null): string {
  return bytes === null ? 'size unknown' : formatBytes(bytes);
}

/** Milliseconds for people: `0.3 s`, `9.1 s`, `24 s`, `1 min 5 s`. */
export function formatDuration(durationMs: number): string {
  const seconds = durationMs / 1000;
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  if (seconds < 59.5) return `${Math.round(seconds)} s`;
  const minutes = Math.floor(Math.round(seconds) / 60);
  const rest = Math.round(seconds) % 60;
  if (minutes < 60) return rest === 0 ? `${minutes} min` : `${minutes} min ${rest} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** `1 package`, `15 packages`. */
export function formatCount(count: number, singular: string, plural = `${singular}s`): string {
  // Not `toLocaleString`, whose first call adds 12 ms to a plan.
  const digits = String(count).replace(/\B(?=(?:\d{3})+$)/g, ',');
  return `${digits} ${count === 1 ? singular : plural}`;
}

/** A path with the home folder as `~`. For display only; never a usable path. */
export function tildePath(path: string, homeDir: string): string {
  if (!homeDir || homeDir === '/') return path;
  if (path === homeDir) return '~';
  return path.startsWith(`${homeDir}/`) || path.startsWith(`${homeDir}\\`)
    ? `~${path.slice(homeDir.length)}`
    : path;
}
