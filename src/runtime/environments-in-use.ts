import { realpath } from 'node:fs/promises';
import { dirname, isAbsolute, sep } from 'node:path';
import { splitCommandLine } from '../process/command-line.ts';
import { listProcesses, type ProcessCommand } from '../process/list-processes.ts';

/**
 * Processes running a program from this folder, such as an interpreter or a daemon. A path that only appears
 * as an argument does not count.
 */
export async function processesFrom(
  folder: string,
  list: () => Promise<ProcessCommand[]> = listProcesses,
): Promise<ProcessCommand[]> {
  const prefixes = [folder, await realFolder(folder)].map((path) => path + sep);
  const processes = await list();
  const isFrom = await Promise.all(
    processes.map(async ({ command }) => {
      // For a script, the interpreter comes first and the script second.
      const programs = splitCommandLine(command).slice(0, 2).filter(isAbsolute);
      // Resolve the folder, not the program: the program may link out of the folder, and the folder may be a
      // link (`.venv`).
      const folders = await Promise.all(programs.map((program) => realFolder(dirname(program))));
      return [...programs, ...folders.map((path) => path + sep)].some((path) =>
        prefixes.some((prefix) => path.startsWith(prefix)),
      );
    }),
  );
  return processes.filter((_, index) => isFrom[index]);
}

/** Whether a process runs from this environment. Assumes yes where processes cannot be listed. */
export async function isEnvironmentInUse(environmentDir: string): Promise<boolean> {
  return processesFrom(environmentDir).then(
    (processes) => processes.length > 0,
    () => true,
  );
}

function realFolder(path: string): Promise<string> {
  return realpath(path).catch(() => path);
}
