import { Scalar } from 'yaml';

/** Texts that YAML 1.1 or 1.2 reads as something else than text. */
const NOT_TEXT = /^(?:true|false|null|yes|no|on|off|y|n)$/i;
const PLAIN = /^[A-Za-z][A-Za-z0-9._/-]*$/;

/** A text as YAML, plain where that is safe, or in the kind of quotes that is given. */
export function yamlScalar(value: string, type?: string): string {
  if (type === Scalar.QUOTE_SINGLE && !/['\n]/.test(value)) return `'${value}'`;
  const isPlain = PLAIN.test(value) && !NOT_TEXT.test(value);
  return isPlain && type !== Scalar.QUOTE_DOUBLE ? value : JSON.stringify(value);
}

/** Lines of a block: each key below the one before. */
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
