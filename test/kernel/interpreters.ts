import { existsSync, readdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';

const MINORS = ['3.9', '3.10', '3.11', '3.12', '3.13', '3.14'] as const;

export interface Interpreter {
  minor: string;
  /** `null` when this machine has none. */
  path: string | null;
}

/** One interpreter per minor version that sessions support, from PATH or pyenv. */
export function findInterpreters(): Interpreter[] {
  return MINORS.map((minor) => ({ minor, path: pyenvPython(minor) ?? pathPython(minor) }));
}

/** The newest on this machine. @throws Error when there is none. */
export function anyInterpreter(): string {
  const found = findInterpreters().findLast(({ path }) => path !== null);
  if (!found?.path) throw new Error('This machine has no Python from 3.9 to 3.14.');
  return found.path;
}

function pyenvPython(minor: string): string | null {
  const versions = join(process.env['PYENV_ROOT'] ?? join(homedir(), '.pyenv'), 'versions');
  if (!existsSync(versions)) return null;
  const version = readdirSync(versions).findLast((name) => name.startsWith(`${minor}.`));
  return version === undefined ? null : existing(join(versions, version, 'bin', 'python'));
}

function pathPython(minor: string): string | null {
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => !folder.includes('shims'));
  return (
    folders.map((folder) => existing(join(folder, `python${minor}`))).find((path) => path !== null) ?? null
  );
}

function existing(path: string): string | null {
  return existsSync(path) ? path : null;
}
