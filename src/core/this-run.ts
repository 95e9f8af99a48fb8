let given: readonly string[] = [];

/** Remembers the arguments of this process, so that remedies can print the complete command. */
export function rememberArguments(argv: readonly string[]): void {
  given = argv;
}

/** The arguments of this process; empty when another program uses the library. */
export function rememberedArguments(): readonly string[] {
  return given;
}
