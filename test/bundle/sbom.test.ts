import { expect, it } from 'vitest';
import { type DescribedMember, sbomOf } from '../../src/bundle/sbom.ts';
import { wheelMember } from '../fixtures/small-bundle.ts';

const wheel: DescribedMember = {
  ...wheelMember('alpha-1.0-py3-none-any.whl'),
  componentName: 'alpha',
  componentVersion: '1.0',
  purl: 'pkg:pypi/alpha@1.0',
};
const model: DescribedMember = {
  ...wheelMember('beta-2.0-py3-none-any.whl'),
  kind: 'model',
  licence: 'unknown',
  componentName: 'minilm',
  componentVersion: 'r1',
  purl: null,
};

it('lists every member with its digest, and what is known of it', () => {
  const text = sbomOf({ cliVersion: '0.3.0' }, [wheel, model]);
  const { metadata, components, specVersion } = JSON.parse(text);
  expect(specVersion).toBe('1.6');
  expect(metadata.component).toMatchObject({ type: 'application', name: 'ktx-setup', version: '0.3.0' });
  expect(components).toEqual([
    {
      type: 'library',
      name: 'alpha',
      version: '1.0',
      purl: 'pkg:pypi/alpha@1.0',
      'bom-ref': wheel.path,
      hashes: [{ alg: 'SHA-256', content: wheel.sha256 }],
      licenses: [{ license: { name: 'MIT' } }],
    },
    {
      type: 'machine-learning-model',
      name: 'minilm',
      version: 'r1',
      'bom-ref': model.path,
      hashes: [{ alg: 'SHA-256', content: model.sha256 }],
    },
  ]);
});

it('is the same for the same content, in whatever order', () => {
  const text = sbomOf({ cliVersion: '0.3.0' }, [wheel, model]);
  expect(sbomOf({ cliVersion: '0.3.0' }, [model, wheel])).toBe(text);
  expect(text).not.toMatch(/serialNumber|timestamp/);
});
