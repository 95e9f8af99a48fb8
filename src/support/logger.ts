/** Where a library function writes what its caller may want to keep. One line a call, secrets masked. */
export interface KtxLogger {
  debug?(message: string): void;
  warn(message: string): void;
}
