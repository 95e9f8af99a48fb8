import { spawn } from 'node:child_process';

/**
 * Runs a command line of the user's, such as `$EDITOR`, on this process's terminal, with `argument` as its
 * last word, and waits until it exits. A shell parses the command line, so it may contain options: `code
 * --wait`.
 * @returns the exit code; 128 after a signal, 127 when the command was not found.
 */
export async function runInteractive(command: string, argument: string): Promise<number> {
  const isWindows = process.platform === 'win32';
  const child = isWindows
    ? spawn(`${command} "${argument}"`, { stdio: 'inherit', shell: true })
    : spawn('/bin/sh', ['-c', `${command} "$1"`, 'sh', argument], { stdio: 'inherit' });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (code, signal) => resolve(code ?? (signal === null ? 1 : 128)));
  });
}
