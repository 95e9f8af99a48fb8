/**
 * The header of a `.npy` file with a float32 matrix, little-endian, row-major. Format:
 * https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html, version 1.0.
 */
export function npyHeader(rows: number, columns: number): Buffer {
  const description = `{'descr': '<f4', 'fortran_order': False, 'shape': (${rows}, ${columns}), }`;
  // Magic, version and length take 10 bytes; the data starts at a multiple of 64.
  const padded = Math.ceil((10 + description.length + 1) / 64) * 64 - 10;
  const head = Buffer.alloc(10);
  head.write('\x93NUMPY\x01\x00', 'latin1');
  head.writeUInt16LE(padded, 8);
  return Buffer.concat([head, Buffer.from(`${description.padEnd(padded - 1)}\n`, 'latin1')]);
}
