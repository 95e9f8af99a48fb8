import { ComponentType, HashAlgorithm } from '@cyclonedx/cyclonedx-library/Enums';
import { Bom, Component, NamedLicense } from '@cyclonedx/cyclonedx-library/Models';
import { JSON as Json, JsonSerializer } from '@cyclonedx/cyclonedx-library/Serialize';
import { Spec1dot6 } from '@cyclonedx/cyclonedx-library/Spec';
import type { BundleContents, BundleMember } from './archive/bundle-schema.ts';

/** A member, with data from its own metadata. */
export interface DescribedMember extends BundleMember {
  componentName: string;
  componentVersion: string;
  /** Package URL, if the kind has one. */
  purl: string | null;
}

/**
 * A CycloneDX 1.6 document of a bundle's contents. Without times and serial numbers, so that the same content
 * gives the same bytes.
 */
export function sbomOf(
  contents: Pick<BundleContents, 'cliVersion'>,
  members: readonly DescribedMember[],
): string {
  const bom = new Bom();
  bom.metadata.component = new Component(ComponentType.Application, 'ktx-setup', {
    version: contents.cliVersion,
    // Without it the library generates a random one.
    bomRef: 'ktx-setup',
  });
  for (const member of members) {
    const component = new Component(
      member.kind === 'model' ? ComponentType.MachineLearningModel : ComponentType.Library,
      member.componentName,
      { version: member.componentVersion, bomRef: member.path, ...(member.purl && { purl: member.purl }) },
    );
    component.hashes.set(HashAlgorithm['SHA-256'], member.sha256);
    if (member.licence !== 'unknown') component.licenses.add(new NamedLicense(member.licence));
    bom.components.add(component);
  }
  const serializer = new JsonSerializer(new Json.Normalize.Factory(Spec1dot6));
  return `${serializer.serialize(bom, { sortLists: true, space: 2 })}\n`;
}
