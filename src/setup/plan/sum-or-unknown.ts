/** The sum, or `null` if any part is unknown: unknown is not zero. */
export function sumOrUnknown(sizes: readonly (number | null)[]): number | null {
  let sum = 0;
  for (const size of sizes) {
    if (size === null) return null;
    sum += size;
  }
  return sum;
}
