import { type FailureClass, SetupError } from '../../support/errors.ts';
import { otherRemedy } from '../../support/remedies.ts';
import type { Remedy } from '../../support/remedy.ts';

/** Why a bundle is refused, as a code for programs. */
export type BundleRefusal =
  | 'missing'
  | 'not-a-bundle'
  | 'truncated'
  | 'structure'
  | 'contents'
  | 'digest'
  | 'not-pinned'
  | 'other-version'
  | 'other-platform'
  | 'missing-members'
  | 'not-signed'
  | 'signature';

const CLASSES: Partial<Record<BundleRefusal, FailureClass>> = {
  missing: 'conflict',
  'other-version': 'platform',
  'other-platform': 'platform',
};

/** A bundle was refused; nothing from it was used. */
export class BundleError extends SetupError {
  readonly refusal: BundleRefusal;

  constructor(
    refusal: BundleRefusal,
    message: string,
    evidence: readonly string[] = [],
    remedies?: readonly Remedy[],
  ) {
    super(message, {
      failureClass: CLASSES[refusal] ?? 'verification',
      evidence: [...evidence],
      remedies: remedies ?? [
        otherRemedy('Copy the bundle again, or have it made again with ktx bundle create'),
      ],
    });
    this.name = 'BundleError';
    this.refusal = refusal;
  }
}
