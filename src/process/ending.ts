/** How a process ended, in words: `ended with exit code 1`, `was ended by SIGILL`. */
export function endingText(exitCode: number | null, signal: NodeJS.Signals | null): string {
  return signal === null ? `ended with exit code ${exitCode}` : `was ended by ${signal}`;
}

/** What a signal says about the machine, and what helps; `null` for one that says nothing by itself. */
export function signalAdvice(text: string): string | null {
  if (/\bSIGILL\b/.test(text)) {
    return (
      'The processor lacks an instruction that the program needs. In a virtual machine, choose the ' +
      "host's processor type; without embeddings: ktx setup --feature core"
    );
  }
  if (/\bSIGBUS\b/.test(text))
    return 'A file was cut, or its disk failed, while it was read: ktx setup --force';
  if (/\bSIGKILL\b/.test(text)) return 'The system may have run out of memory: free some, then run it again';
  return null;
}
