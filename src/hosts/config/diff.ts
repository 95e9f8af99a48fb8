/** The one range of lines in which two texts differ. `start` is 0-based and the same on both sides. */
export interface Hunk {
  start: number;
  oldCount: number;
  newCount: number;
}

/** What remains between the longest common prefix and suffix of lines; `null` when the texts are equal. */
export function findHunk(oldLines: readonly string[], newLines: readonly string[]): Hunk | null {
  const shorter = Math.min(oldLines.length, newLines.length);
  let start = 0;
  while (start < shorter && oldLines[start] === newLines[start]) start++;
  let common = 0;
  while (common < shorter - start && oldLines.at(-1 - common) === newLines.at(-1 - common)) common++;
  const hunk = {
    start,
    oldCount: oldLines.length - start - common,
    newCount: newLines.length - start - common,
  };
  return hunk.oldCount === 0 && hunk.newCount === 0 ? null : hunk;
}

/**
 * The header `@@ lines 2..2 -> 2..3 @@`, old lines prefixed with `- `, new ones with `+ `; no final line end.
 */
export function hunkText(hunk: Hunk, oldLines: readonly string[], newLines: readonly string[]): string {
  const { start, oldCount, newCount } = hunk;
  const first = start + 1;
  return [
    `@@ lines ${first}..${start + oldCount} -> ${first}..${start + newCount} @@`,
    ...oldLines.slice(start, start + oldCount).map((line) => `- ${line}`),
    ...newLines.slice(start, start + newCount).map((line) => `+ ${line}`),
  ].join('\n');
}

/**
 * A preview of a change: one hunk, not minimal; empty when the texts are equal. A missing final line end
 * shows as a difference in the last, empty line; carriage returns are ordinary characters.
 */
export function computeDiff(oldText: string, newText: string): string {
  const oldLines = oldText.split('\n');
  const newLines = newText.split('\n');
  const hunk = findHunk(oldLines, newLines);
  return hunk === null ? '' : hunkText(hunk, oldLines, newLines);
}
