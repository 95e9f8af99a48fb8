/**
 * A QR code as rows of text, two rows of dots in each. Filled is dark: to be shown black on white, with its border.
 * @throws RangeError when the text has more than 2,900 bytes
 */
export async function qrRows(text: string): Promise<string[]> {
  const { encode } = await import('uqr');
  const { data } = encode(text, { ecc: 'L', border: 2 });
  const rows: string[] = [];
  for (let y = 0; y < data.length; y += 2) {
    const [upper = [], lower = []] = [data[y], data[y + 1]];
    rows.push(upper.map((isDark, x) => (isDark ? (lower[x] ? '█' : '▀') : lower[x] ? '▄' : ' ')).join(''));
  }
  return rows;
}
