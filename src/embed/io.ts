/** All that a command may print to. `process` is one. */
export interface KtxCliIo {
  stdout: { isTTY?: boolean; columns?: number; write(text: string): unknown };
  stderr: { write(text: string): unknown };
}

/**
 * A reader that left (`| head`, a closed terminal) is no error: later writes go nowhere and the command ends with its
 * own exit code. Any other failing write (a full disk behind `>`) is said and makes the exit code 1.
 */
export function guardOutput(target: NodeJS.Process = process): void {
  for (const stream of [target.stdout, target.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (['EPIPE', 'EIO', 'ERR_STREAM_DESTROYED'].includes(error.code ?? '')) return;
      if (stream === target.stdout) target.stderr.write(`ktx cannot write its output: ${error.message}\n`);
      // Last, because the exit code of the command is set after this.
      target.once('exit', () => {
        target.exitCode = 1;
      });
    });
  }
}
