import { expect, it } from 'vitest';
import { bundleRequest } from '../../../src/bundle/nearby/bundle-request.ts';
import { BUNDLE_PLATFORMS } from '../../../src/bundle/pins.ts';
import { readLockedAsset } from '../../../src/shipped/locked-asset.ts';
import { PACKAGE_ROOT } from '../../../src/support/package-root.ts';

it('is a whole command for each platform, with a file of a plausible size', async () => {
  const { lock } = (await readLockedAsset(`${PACKAGE_ROOT}assets/python`))!;
  for (const platform of BUNDLE_PLATFORMS) {
    const core = bundleRequest({
      cliVersion: '0.1.0',
      lock,
      platform,
      features: ['core'],
      python: 'managed',
    });
    expect(core.command).toBe(
      `npx ktx-setup@0.1.0 bundle create --platform ${platform} --output ktx-0.1.0-${platform}.bundle`,
    );
    expect(core.sizeBytes).toBeGreaterThan(50e6);
    expect(core.sizeBytes).toBeLessThan(400e6);
    const all = bundleRequest({
      cliVersion: '0.1.0',
      lock,
      platform,
      features: ['core', 'local-embeddings'],
      python: 'none',
    });
    expect(all.command).toContain('--feature local-embeddings --python none');
    expect(all.text.join('\n')).toContain(all.command);
  }
});
