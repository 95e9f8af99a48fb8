/** How a process ended: `ended with exit code 1`, `was ended by SIGILL`. */
export function endingText(exitCode: number | null, signal: NodeJS.Signals | null): string {
  return signal === null ? `ended with exit code ${exitCode}` : `was ended by ${signal}`;
}
