import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { LLAMA_SWAP_SCHEMA } from '../../src/hosts/config/llama-swap-schema.ts';
import { validateLlamaConfig } from '../../src/hosts/config/validate.ts';
import { PACKAGE_ROOT } from '../../src/support/package-root.ts';

/** The schema that llama-swap publishes, unmodified; it is not part of this repository. */
const PUBLISHED = join(PACKAGE_ROOT, '..', 'shared', 'data', 'llama-swap-config-schema.json');
const isThere = existsSync(PUBLISHED);
const published: object = isThere ? JSON.parse(readFileSync(PUBLISHED, 'utf8')) : {};
const title = isThere
  ? 'beside the published schema'
  : 'beside the published schema (left out: ../shared/data/llama-swap-config-schema.json is missing)';

const verdict = (config: unknown, schema: object) => {
  const { valid, errors } = validateLlamaConfig(stringify(config), schema);
  // Compare which values are wrong, not how often a validator reports each.
  return { valid, places: [...new Set(errors.map((error) => error.split(' ')[0]))].sort() };
};

const one = (...values: unknown[]) => fc.constantFrom(...values);
const WRONG = [5, true, 'text', [], {}, null, 1.5, -2];

/**
 * Configurations with keys that ktx knows; with `isRight` all are valid, otherwise one value in eight may be
 * wrong.
 */
function configurations(isRight: boolean): fc.Arbitrary<unknown> {
  const pick = (right: fc.Arbitrary<unknown>, ...wrong: unknown[]) =>
    isRight
      ? right
      : fc.oneof({ weight: 7, arbitrary: right }, { weight: 1, arbitrary: one(...wrong, ...WRONG) });
  const list = (...values: string[]) => fc.array(fc.constantFrom(...values), { maxLength: 3 });
  const model = fc.record(
    {
      cmd: pick(one('serve -m x', 'a'), ''),
      cmdStop: pick(one('', 'stop')),
      name: pick(one('', 'A model')),
      description: pick(one('', 'what it is for')),
      useModelName: pick(one('', 'x')),
      env: pick(list('A=1', '_X9=', 'A_B=c=d'), ['lower=1'], ['9A=1'], ['NO']),
      proxy: pick(
        one('http://localhost:5800', 'https://h.example/v1'),
        `http://localhost:$\{PORT}`,
        'no address',
      ),
      aliases: pick(list('gpt', 'x/y'), ['']),
      checkEndpoint: pick(one('/health', '/', 'none'), 'health', ''),
      ttl: pick(one(-1, 0, 600), 0.5),
      concurrencyLimit: pick(one(0, 4), -1),
      unlisted: pick(fc.boolean()),
      filters: pick(one({}, { stripParams: 'a, b' }, { setParams: { x: 1 } })),
      metadata: pick(one({}, { any: [1, { deep: true }] })),
      macros: pick(one({}, { 'a-b': 'x', n: 1, yes: true })),
      somethingNew: one(1, 'x', {}),
    },
    { requiredKeys: isRight ? ['cmd'] : [] },
  );
  const peer = fc.record(
    {
      proxy: pick(one('http://peer.example'), 'peer'),
      models: pick(list('a', 'b'), ['']),
      apiKey: pick(one('', 'k')),
    },
    { requiredKeys: isRight ? ['proxy', 'models'] : [] },
  );
  const mixed = one('groups', 'matrix', isRight ? 'groups' : 'both');
  return fc
    .record(
      {
        models: pick(fc.dictionary(fc.constantFrom('a', 'b/c', 'd~e'), pick(model), { maxKeys: 2 })),
        healthCheckTimeout: pick(one(15, 120), 14, 15.5),
        startPort: pick(one(5800, 1)),
        logLevel: pick(one('debug', 'info', 'warn', 'error'), 'loud'),
        apiKeys: pick(list('k', 'l'), ['']),
        macros: pick(one({}, { m: 'x' })),
        groups: pick(one({}, { g: { members: ['a'], swap: true } })),
        matrix: pick(one({ vars: { a: 'model' }, sets: { s: 'a' } })),
        peers: pick(fc.dictionary(fc.constantFrom('p', 'q'), pick(peer), { maxKeys: 2 })),
        somethingNew: one(1, {}),
      },
      { requiredKeys: isRight ? ['models'] : [] },
    )
    .chain((config) => mixed.map((kept) => withOne(config, kept as string)));
}

/** Keeps one of groups and matrix, or both. */
function withOne(config: Record<string, unknown>, kept: string): unknown {
  const dropped = { groups: 'matrix', matrix: 'groups' }[kept];
  return Object.fromEntries(Object.entries(config).filter(([key]) => key !== dropped));
}

/** Where theirs is stricter; each is demonstrated below. */
const STRICTER_PLACES: readonly { what: string; at: RegExp }[] = [
  { what: 'a matrix needs vars and sets', at: /^\/matrix$/ },
];

describe.skipIf(!isThere)(title, () => {
  it('6. works unmodified, with its https address of draft-07', () => {
    expect(validateLlamaConfig('models: {a: {cmd: x}}', published)).toMatchObject({ valid: true });
    expect(validateLlamaConfig('models: {a: {}}', published).errors).toEqual([
      "/models/a must have required property 'cmd'",
    ]);
  });

  it('ours says the same of 200 configurations, at the same places', () => {
    const seen = { valid: 0, invalid: 0 };
    fc.assert(
      fc.property(fc.oneof(configurations(true), configurations(false)), (value) => {
        const ours = verdict(value, LLAMA_SWAP_SCHEMA);
        seen[ours.valid ? 'valid' : 'invalid']++;
        const theirs = verdict(value, published);
        const alsoTheirs = theirs.places.filter((place) => !ours.places.includes(place));
        expect(alsoTheirs.filter((place) => !STRICTER_PLACES.some(({ at }) => at.test(place!)))).toEqual([]);
        expect(ours.places.filter((place) => !theirs.places.includes(place))).toEqual([]);
      }),
      { numRuns: 200, seed: 1 },
    );
    // A generator of only one kind would prove nothing.
    expect(Math.min(seen.valid, seen.invalid)).toBeGreaterThan(50);
  });

  it.each<[string, object]>([
    ['a name of more than 128 characters', { models: { a: { cmd: 'x', name: 'n'.repeat(129) } } }],
    ['a description of more than 1024', { models: { a: { cmd: 'x', description: 'n'.repeat(1025) } } }],
    ['a filter that it does not know', { models: { a: { cmd: 'x', filters: { other: 1 } } } }],
    ['a macro whose name is reserved', { models: {}, macros: { PORT: '1' } }],
    ['a macro that is a list', { models: {}, macros: { m: [] } }],
    ['a group without members', { models: {}, groups: { g: {} } }],
    ['a matrix without sets', { models: {}, matrix: {} }],
    ['a variable with a line end in its value', { models: { a: { cmd: 'x', env: ['A=1\n2'] } } }],
    ['timeouts, stores and hooks that it does not know', { models: {}, hooks: { other: 1 } }],
  ])('tolerates what theirs refuses: %s', (_name, value) => {
    expect([verdict(value, LLAMA_SWAP_SCHEMA).valid, verdict(value, published).valid]).toEqual([true, false]);
  });
});
