let given: readonly string[] = [];

/** Remembers what the command line of this process was given, so that remedies can name the whole command. */
export function rememberArguments(argv: readonly string[]): void {
  given = argv;
}

/** What the command line of this process was given; empty where another program uses the library. */
export function rememberedArguments(): readonly string[] {
  return given;
}
