import { parseConfigYaml } from './config-yaml.ts';
import { LLAMA_SWAP_SCHEMA } from './llama-swap-schema.ts';

const KNOWN_KEYS: ReadonlySet<string> = new Set(Object.keys(LLAMA_SWAP_SCHEMA.properties));

/** Whether a text is a mapping of well-known keys alone: `Last login: Monday` is YAML, but no configuration. */
export function isLikelyConfig(text: string): boolean {
  try {
    const parsed = parseConfigYaml(text);
    return (
      typeof parsed === 'object' &&
      parsed !== null &&
      !Array.isArray(parsed) &&
      Object.keys(parsed).every((key) => KNOWN_KEYS.has(key))
    );
  } catch {
    return false;
  }
}
