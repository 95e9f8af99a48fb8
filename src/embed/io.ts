/** The outputs of a command. `process` satisfies it. */
export interface KtxCliIo {
  stdout: { isTTY?: boolean; columns?: number; write(text: string): unknown };
  stderr: { write(text: string): unknown };
}

/**
 * A closed reader (`| head`, a closed terminal) is not an error: later writes are dropped and the command
 * keeps its own exit code. Any other failed write (a full disk behind `>`) is reported and sets the exit code
 * to 1.
 */
export function guardOutput(target: NodeJS.Process = process): void {
  for (const stream of [target.stdout, target.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (['EPIPE', 'EIO', 'ERR_STREAM_DESTROYED'].includes(error.code ?? '')) return;
      if (stream === target.stdout) target.stderr.write(`ktx cannot write its output: ${error.message}\n`);
      // At exit, because the command sets its exit code after this.
      target.once('exit', () => {
        target.exitCode = 1;
      });
    });
  }
}
