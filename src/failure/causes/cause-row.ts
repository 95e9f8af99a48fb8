import type { FailureClass } from '../../support/errors.ts';
import type { Remedy } from '../../support/remedy.ts';

/**
 * One thing that can go wrong, whoever notices it: all that is told of it is derived from its row. `Facts` is what was seen of it.
 * A table of rows is typed so that a row without a title or a remedy does not compile.
 */
export interface CauseRow<Facts> {
  /** What programs know it by; several rows may be of one cause. */
  cause: string;
  failureClass: FailureClass;
  /** One sentence that names the host or file. */
  title: (facts: Facts) => string;
  /** What to do, best first. */
  remedies: (facts: Facts) => readonly Remedy[];
}
