import { join } from 'node:path';

/** `~` and `~/…` of a setting, which no shell has expanded, as pip and npm expand them. `~name` stays as it is. */
export function withHome(path: string, homeDir: string): string {
  if (path === '~') return homeDir;
  return /^~[/\\]/.test(path) ? join(homeDir, path.slice(2)) : path;
}
