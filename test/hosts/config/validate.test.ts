import { describe, expect, it } from 'vitest';
import { LLAMA_SWAP_SCHEMA } from '../../../src/hosts/config/llama-swap-schema.ts';
import { validateLlamaConfig } from '../../../src/hosts/config/validate.ts';

const check = (text: string, schema: object = LLAMA_SWAP_SCHEMA) => validateLlamaConfig(text, schema);

describe('checking a configuration', () => {
  it('1. valid: no errors, and parsed equals the mapping', () => {
    expect(check('models:\n  a:\n    cmd: serve\n    ttl: 60\nlogLevel: info\n')).toEqual({
      valid: true,
      errors: [],
      parsed: { models: { a: { cmd: 'serve', ttl: 60 } }, logLevel: 'info' },
    });
  });

  it.each([
    ['2. bad indentation', 'models:\n  a:\n   cmd: x\n  cmdStop: y\n bad: z\n'],
    ['an open quote', 'models: "x\n'],
    ['a duplicate key', 'models: {}\nmodels: {}\n'],
    ['a duplicate model', 'models:\n  a: {cmd: x}\n  a: {cmd: y}\n'],
    ['two documents', 'models: {}\n---\nmodels: {}\n'],
    ['an unknown alias', 'models: *nowhere\n'],
    ['a tab for indentation', 'models:\n\ta: {cmd: x}\n'],
    [
      'aliases that grow without end',
      `a: &a [x,x,x,x,x,x,x,x,x]\n${'bcdefgh'
        .split('')
        .map((name, index) => {
          const before = 'abcdefgh'[index];
          return `${name}: &${name} [${Array(9).fill(`*${before}`).join(',')}]\n`;
        })
        .join('')}`,
    ],
  ])('%s is one YAML error, without a parsed value', (_name, text) => {
    const result = check(text);
    expect(result).toEqual({ valid: false, errors: [expect.stringMatching(/^YAML parse error: [^\n]+$/)] });
    expect(result).not.toHaveProperty('parsed');
  });

  it.each(['42', '"text"', 'null', '', '[a, b]'])('3. %j is no mapping', (text) => {
    expect(check(text)).toMatchObject({ valid: false, errors: ['config must be a YAML mapping'] });
  });

  it('says where in the text the YAML is broken', () => {
    expect(check('models:\n  a: {cmd: x\n').errors[0]).toMatch(/ at line \d+, column \d+$/);
  });

  it('4. without models: an error at the root', () => {
    expect(check('logLevel: info').errors).toEqual(["(root) must have required property 'models'"]);
  });

  it('4. a model without cmd and a small healthCheckTimeout are both reported, with their pointers', () => {
    const { errors } = check('healthCheckTimeout: 5\nmodels:\n  a/b: {ttl: 1}\n');
    expect(errors).toHaveLength(2);
    expect(errors).toContain("/models/a~1b must have required property 'cmd'");
    expect(errors).toContain('/healthCheckTimeout must be >= 15');
  });

  it('5. groups with matrix is invalid; an unknown key at the top is valid', () => {
    expect(check('models: {}\ngroups: {}\nmatrix: {}\n').errors[0]).toMatch(/^\(root\) /);
    expect(check('models: {}\ngroups: {}\nsomethingNew: 1\n').valid).toBe(true);
    expect(check('models: {}\nmatrix: {}\n').valid).toBe(true);
  });

  it('6. the https address of draft-07 works, and the schema stays as it was', () => {
    const schema = Object.freeze({ $schema: 'https://json-schema.org/draft-07/schema#', required: ['x'] });
    expect(check('x: 1', schema).valid).toBe(true);
    expect(check('y: 1', schema).errors).toEqual(["(root) must have required property 'x'"]);
    expect(schema.$schema).toBe('https://json-schema.org/draft-07/schema#');
  });

  it.each<[string, object]>([
    ['a type that does not exist', { type: 'nonsense' }],
    ['another dialect', { $schema: 'https://json-schema.org/draft/2020-12/schema' }],
    ['a reference to nowhere', { $ref: '#/definitions/none' }],
    ['a reference to another host', { $ref: 'https://schemas.example/x.json' }],
    ['a broken pattern', { properties: { x: { pattern: '(' } } }],
    ['an asynchronous schema, which is never false', { $async: true, required: ['x'] }],
  ])('6. %s: the schema is unusable, and nothing is thrown', (_name, schema) => {
    expect(check('models: {}', schema)).toMatchObject({
      valid: false,
      errors: [expect.stringMatching(/^config schema is unusable: ./)],
    });
  });

  it('7. two schemas in turn are each honoured, also with the same $id', () => {
    const wantsA = { $id: 'same', required: ['a'] };
    const wantsB = { $id: 'same', required: ['b'] };
    for (let turn = 0; turn < 2; turn++) {
      expect([check('a: 1', wantsA).valid, check('a: 1', wantsB).valid]).toEqual([true, false]);
    }
  });

  it('enforces formats, and tolerates keywords that it does not know', () => {
    const schema = { properties: { x: { type: 'string', format: 'uri', 'x-note': 1 } } };
    expect(check('x: http://a.example/', schema).valid).toBe(true);
    expect(check('x: not an address', schema).errors).toEqual(['/x must match format "uri"']);
  });

  it('merges keys as llama-swap does', () => {
    const text = 'base: &base {cmd: serve}\nmodels:\n  a:\n    <<: *base\n    ttl: 5\n';
    expect(check(text)).toMatchObject({ valid: true, parsed: { models: { a: { cmd: 'serve', ttl: 5 } } } });
  });

  it('accepts names from the object prototype as model names', () => {
    expect(check('models:\n  __proto__: {ttl: 1}\n  constructor: {cmd: x}\n').errors).toEqual([
      "/models/__proto__ must have required property 'cmd'",
    ]);
  });

  it.each([
    ['an unknown alias', 'models: {}\napiKey: *hush\n'],
    ['a text behind a block', 'models: {}\napiKey: | hush\n'],
    ['a text behind a list', 'models: {}\napiKeys: ["a"] hush\n'],
    ['a list without commas', 'models: {}\napiKeys: ["hush" "hush"]\n'],
  ])('an error does not quote a value: %s', (_name, text) => {
    expect(check(text).errors.join()).toMatch(/^YAML parse error: [^*]+$/);
    expect(check(text).errors.join()).not.toContain('hush');
  });
});
