import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';
import addFormats from 'ajv-formats';
import { errorMessage } from '../../support/errors.ts';
import { parseConfigYaml } from './config-yaml.ts';

export interface ValidationResult {
  valid: boolean;
  /** `<JSON pointer> <message>` for each violation, `(root)` at the top level. */
  errors: string[];
  /** The parsed value, if the text is valid YAML. */
  parsed?: unknown;
}

/**
 * Validates a llama-swap configuration: it must be one YAML mapping and match a JSON Schema of draft-07.
 * Reports all violations, in the validator's order. Never throws: an unusable schema is reported too.
 */
export function validateLlamaConfig(yamlText: string, schema: object): ValidationResult {
  let parsed: unknown;
  try {
    parsed = parseConfigYaml(yamlText);
  } catch (error) {
    return { valid: false, errors: [`YAML parse error: ${errorMessage(error)}`] };
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    const errors = ['config must be a YAML mapping'];
    return parsed === undefined ? { valid: false, errors } : { valid: false, errors, parsed };
  }
  try {
    const validate = compiled(schema);
    const isValid = validate(parsed);
    return { valid: isValid, errors: isValid ? [] : describe(validate.errors), parsed };
  } catch (error) {
    return { valid: false, errors: [`config schema is unusable: ${errorMessage(error)}`], parsed };
  }
}

function describe(errors: readonly ErrorObject[] | null | undefined): string[] {
  if (!errors || errors.length === 0) return ['schema validation failed'];
  return errors.map(({ instancePath, message }) => `${instancePath || '(root)'} ${message ?? 'invalid'}`);
}

const validators = new WeakMap<object, ValidateFunction>();

/** One validator per schema object: in a shared one, two schemas with the same `$id` would clash. */
function compiled(schema: object): ValidateFunction {
  const known = validators.get(schema);
  if (known) return known;
  const ajv = new Ajv({ allErrors: true, strict: false, validateFormats: true, logger: false });
  addFormats.default(ajv);
  const validate = ajv.compile(withKnownDialect(schema));
  // It would return a promise, which is always truthy.
  if ('$async' in validate) throw new Error('asynchronous schemas are not supported');
  validators.set(schema, validate);
  return validate;
}

/** Ajv knows draft-07 only by its http URL, and the published schema uses https. */
function withKnownDialect(schema: object): object {
  const { $schema, ...rest } = schema as { $schema?: unknown };
  return typeof $schema === 'string' && /^https:\/\/json-schema\.org\/draft-07\/schema#?$/.test($schema)
    ? rest
    : schema;
}
