import { describe, expect, it } from 'vitest';
import { CASES as NETWORK_CASES } from './faults-network/cases.ts';
import { CASES as MACHINE_CASES } from './machines/cases.ts';
import { MACHINE_FAMILIES, NETWORK_FAMILIES } from './siblings.ts';

describe('each family of failures has three siblings that other tools met', () => {
  it.each(NETWORK_FAMILIES.map((family) => [family.kind, family] as const))('%s', (_, { siblings }) => {
    const names = NETWORK_CASES.map(({ fault }) => fault);
    for (const { name, source } of siblings) {
      expect(names).toContain(name);
      expect(source).toMatch(/^(?:uv|pip|npm) \S+/);
    }
    expect(new Set(siblings.map(({ name }) => name)).size).toBeGreaterThanOrEqual(3);
  });

  it.each(MACHINE_FAMILIES.map((family) => [family.kind, family] as const))('%s', (_, { names }) => {
    expect(new Set(names).size).toBeGreaterThanOrEqual(3);
    for (const name of names) {
      const found = MACHINE_CASES.find((each) => each.name === name);
      expect(found?.source, name).toMatch(/\w+\/\w+.*#\d+|^uv |^pyenv |README|docs/);
    }
  });
});

it('no two cases of a matrix have one name', () => {
  for (const names of [
    NETWORK_CASES.map(({ fault, kind }) => `${kind}: ${fault}`),
    MACHINE_CASES.map(({ name }) => name),
  ])
    expect(names.filter((name, at) => names.indexOf(name) !== at)).toEqual([]);
});
