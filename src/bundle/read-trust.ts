import { verifyRuntimeAsset } from '../shipped/asset.ts';
import { readLockedAsset } from '../shipped/locked-asset.ts';
import { errorMessage, SetupError } from '../support/errors.ts';
import { readRegularText } from '../support/fs/regular-file.ts';
import { otherRemedy } from '../support/remedies.ts';
import { parseAllowedSigners } from './signature.ts';
import type { BundleTrust } from './verify.ts';

const MAX_TRUST_BYTES = 1024 * 1024;

/**
 * What this program requires of bundles, and the signers in the user's trust file.
 * @throws SetupError when the trust file cannot be used; what `readLockedAsset` throws.
 */
export async function readBundleTrust(options: {
  cliVersion: string;
  assetDir: string;
  /** In the format of OpenSSH's `allowed_signers`. */
  trustFile?: string;
  isSignatureRequired?: boolean;
}): Promise<BundleTrust> {
  const { cliVersion, assetDir, trustFile, isSignatureRequired = false } = options;
  const [asset, locked] = await Promise.all([verifyRuntimeAsset({ assetDir }), readLockedAsset(assetDir)]);
  if (locked === null) {
    throw new SetupError('This wheel comes without a lock, so no bundle of it can be checked.', {
      failureClass: 'platform',
      evidence: [`there is no lock.json in ${assetDir}`],
      remedies: [otherRemedy('Install it with a network, or make a lock for it')],
    });
  }
  return {
    cliVersion,
    lock: locked.lock,
    lockSha256: locked.digestsFor(['core']).lock,
    wheelSha256: asset.manifest.wheel.sha256,
    async appFiles() {
      const { appFiles } = await import('./app/app-files.ts');
      return new Map((await appFiles()).map(({ path, sha256 }) => [path, sha256]));
    },
    signers: trustFile === undefined ? null : await readSigners(trustFile),
    isSignatureRequired,
  };
}

async function readSigners(path: string) {
  try {
    return parseAllowedSigners(await readRegularText(path, { maxBytes: MAX_TRUST_BYTES, links: 'follow' }));
  } catch (error) {
    throw new SetupError(`The trust file ${path} cannot be used.`, {
      failureClass: 'conflict',
      evidence: [errorMessage(error)],
      remedies: [
        otherRemedy('Write one line a key: <who> ssh-ed25519 <key>, as in allowed_signers of OpenSSH'),
      ],
    });
  }
}
