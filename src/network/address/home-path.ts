import { join } from 'node:path';

/** Expands `~` and `~/…` in a setting that no shell has expanded, as pip and npm do. `~name` is left alone. */
export function withHome(path: string, homeDir: string): string {
  if (path === '~') return homeDir;
  return /^~[/\\]/.test(path) ? join(homeDir, path.slice(2)) : path;
}
