import type { KtxCliIo } from '../../src/cli/io.ts';

/** An `io` that keeps what is printed. */
export function capturedIo(options: { isTTY?: boolean } = {}) {
  const printed = { stdout: '', stderr: '' };
  const io: KtxCliIo = {
    stdout: {
      isTTY: options.isTTY,
      columns: 100,
      write: (text) => {
        printed.stdout += text;
      },
    },
    stderr: {
      write: (text) => {
        printed.stderr += text;
      },
    },
  };
  return { io, printed };
}
