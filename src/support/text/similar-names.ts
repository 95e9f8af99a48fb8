/**
 * Names that a typo may have meant: those with nearly the same letters, otherwise those sharing the most
 * words: `index` for `index-url`, `proxy` for `HTTPS_PROXY`. Pure.
 */
export function similarNames(typed: string, names: readonly string[]): string[] {
  const distances = names.map((name) => editDistance(typed, name));
  const nearest = Math.min(...distances);
  // When half the letters differ, it is another word.
  if (nearest <= 2 && nearest * 2 < typed.length) return names.filter((_, at) => distances[at] === nearest);
  const words = wordsOf(typed);
  const shared = names.map((name) => sharedWords(words, wordsOf(name)));
  const most = Math.max(1, ...shared);
  return names.filter((_, at) => shared[at] === most);
}

function wordsOf(name: string): Set<string> {
  return new Set(name.toLowerCase().split(/[-_]/).filter(Boolean));
}

/** The number of shared words when one name contains all words of the other, else 0. */
function sharedWords(left: ReadonlySet<string>, right: ReadonlySet<string>): number {
  const shared = [...left].filter((word) => right.has(word)).length;
  return shared === Math.min(left.size, right.size) ? shared : 0;
}

/** Damerau-Levenshtein distance: letters added, removed, changed, or swapped with their neighbour. */
function editDistance(from: string, to: string): number {
  const rows = [Array.from({ length: to.length + 1 }, (_, column) => column)];
  for (let row = 1; row <= from.length; row++) {
    const above = rows[row - 1]!;
    const current = [row];
    for (let column = 1; column <= to.length; column++) {
      const isSame = from[row - 1] === to[column - 1];
      const isSwapped = from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1];
      current.push(
        Math.min(
          above[column]! + 1,
          current[column - 1]! + 1,
          above[column - 1]! + (isSame ? 0 : 1),
          isSwapped ? rows[row - 2]![column - 2]! + 1 : Number.POSITIVE_INFINITY,
        ),
      );
    }
    rows.push(current);
  }
  return rows[from.length]![to.length]!;
}
