import { Scalar } from 'yaml';

/** Plain scalars that YAML 1.1 or 1.2 does not read as text. */
const NOT_TEXT = /^(?:true|false|null|yes|no|on|off|y|n)$/i;
const PLAIN = /^[A-Za-z][A-Za-z0-9._/-]*$/;

/** A text as a YAML scalar: plain where safe, or in the given kind of quotes. */
export function yamlScalar(value: string, type?: string): string {
  if (type === Scalar.QUOTE_SINGLE && !/['\n]/.test(value)) return `'${value}'`;
  const isPlain = PLAIN.test(value) && !NOT_TEXT.test(value);
  return isPlain && type !== Scalar.QUOTE_DOUBLE ? value : JSON.stringify(value);
}

/** Lines of a block map, with each key nested below the previous one. */
export function yamlBlock(path: readonly string[], value: string, indent: string, step: string): string[] {
  return path.map((key, depth) => {
    const isLast = depth === path.length - 1;
    return `${indent}${step.repeat(depth)}${yamlScalar(key)}:${isLast ? ` ${yamlScalar(value)}` : ''}`;
  });
}

/** `key: { key: value }` */
export function yamlFlow([key = '', ...rest]: readonly string[], value: string): string {
  return `${yamlScalar(key)}: ${rest.length === 0 ? yamlScalar(value) : `{ ${yamlFlow(rest, value)} }`}`;
}
