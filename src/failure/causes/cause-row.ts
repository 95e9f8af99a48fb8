import type { FailureClass } from '../../support/errors.ts';
import type { Remedy } from '../../support/remedy.ts';

/**
 * One kind of failure, wherever it is detected; every text about it comes from its row. `Facts` is what was
 * observed. The tables are typed so that a row without a title or remedies does not compile.
 */
export interface CauseRow<Facts> {
  /** Public id; several rows may share a cause. */
  cause: string;
  failureClass: FailureClass;
  /** One sentence that names the host or file. */
  title: (facts: Facts) => string;
  /** What to do, best first. */
  remedies: (facts: Facts) => readonly Remedy[];
}
