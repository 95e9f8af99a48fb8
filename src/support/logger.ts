/** Receives messages that a caller of the library may want to keep. One line per call, secrets masked. */
export interface KtxLogger {
  debug?(message: string): void;
  warn(message: string): void;
}
