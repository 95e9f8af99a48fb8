import { realpath } from 'node:fs/promises';
import { dirname, isAbsolute, sep } from 'node:path';
import { splitCommandLine } from '../process/command-line.ts';
import { listProcesses, type ProcessCommand } from '../process/list-processes.ts';

/** Processes that run a program of this folder: an interpreter, a daemon. A mere mention in an argument does not count. */
export async function processesFrom(
  folder: string,
  list: () => Promise<ProcessCommand[]> = listProcesses,
): Promise<ProcessCommand[]> {
  const prefixes = [folder, await realFolder(folder)].map((path) => path + sep);
  const processes = await list();
  const isFrom = await Promise.all(
    processes.map(async ({ command }) => {
      // A script's interpreter comes first, the script second.
      const programs = splitCommandLine(command).slice(0, 2).filter(isAbsolute);
      // Of the folder, since the program itself may be a link out of it, and the folder one into it (`.venv`).
      const folders = await Promise.all(programs.map((program) => realFolder(dirname(program))));
      return [...programs, ...folders.map((path) => path + sep)].some((path) =>
        prefixes.some((prefix) => path.startsWith(prefix)),
      );
    }),
  );
  return processes.filter((_, index) => isFrom[index]);
}

/** Whether something runs from this environment. Where processes cannot be listed it may be. */
export async function isEnvironmentInUse(environmentDir: string): Promise<boolean> {
  return processesFrom(environmentDir).then(
    (processes) => processes.length > 0,
    () => true,
  );
}

function realFolder(path: string): Promise<string> {
  return realpath(path).catch(() => path);
}
