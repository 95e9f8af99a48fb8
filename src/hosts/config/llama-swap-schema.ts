const text = { type: 'string' };
const nonEmptyText = { type: 'string', minLength: 1 };
const mapping = { type: 'object' };
const uri = { type: 'string', format: 'uri' };

/**
 * What ktx itself requires of a llama-swap configuration: the keys that people set, with their types and
 * limits. Unknown keys are accepted at every level. `--schema` replaces it with the schema that llama-swap
 * publishes.
 */
export const LLAMA_SWAP_SCHEMA = {
  $schema: 'http://json-schema.org/draft-07/schema#',
  title: 'llama-swap configuration, as ktx checks it',
  type: 'object',
  required: ['models'],
  properties: {
    models: {
      type: 'object',
      additionalProperties: {
        type: 'object',
        required: ['cmd'],
        properties: {
          cmd: nonEmptyText,
          cmdStop: text,
          name: text,
          description: text,
          useModelName: text,
          env: { type: 'array', items: { type: 'string', pattern: '^[A-Z_][A-Z0-9_]*=' } },
          proxy: uri,
          aliases: { type: 'array', items: nonEmptyText },
          checkEndpoint: { type: 'string', pattern: '^(?:/.*|none)$' },
          ttl: { type: 'integer', minimum: -1 },
          concurrencyLimit: { type: 'integer', minimum: 0 },
          unlisted: { type: 'boolean' },
          filters: mapping,
          metadata: mapping,
          macros: mapping,
        },
      },
    },
    healthCheckTimeout: { type: 'integer', minimum: 15 },
    startPort: { type: 'integer' },
    logLevel: { enum: ['debug', 'info', 'warn', 'error'] },
    apiKeys: { type: 'array', items: nonEmptyText },
    macros: mapping,
    groups: mapping,
    matrix: mapping,
    peers: {
      type: 'object',
      additionalProperties: {
        type: 'object',
        required: ['proxy', 'models'],
        properties: { proxy: uri, models: { type: 'array', items: nonEmptyText }, apiKey: text },
      },
    },
  },
  not: { required: ['groups', 'matrix'] },
};
