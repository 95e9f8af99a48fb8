// A stand-in for `Intl.Segmenter` in the bundle that splits simple text by code unit. Ink segments every
// frame, and creating the real one costs the first screen 10 ms; it is created only when a text needs it.
import { SIMPLE_COLOURED_TEXT } from './simple-text.mjs';

const RealSegmenter = globalThis.Intl['Segmenter'];

export class GraphemeSegmenter {
  #arguments;
  #real;

  constructor(...args) {
    this.#arguments = args;
  }

  segment(input) {
    // The escape character is a control: it never joins a cluster.
    if (!SIMPLE_COLOURED_TEXT.test(input)) {
      this.#real ??= new RealSegmenter(...this.#arguments);
      return this.#real.segment(input);
    }
    return new CodeUnits(input);
  }
}

/**
 * The same result as the real one for text in which every code unit is a cluster: iterable, and with
 * `containing`.
 */
class CodeUnits {
  #input;

  constructor(input) {
    this.#input = input;
  }

  containing(at = 0) {
    const index = Math.trunc(at) || 0;
    const segment = index < 0 ? '' : this.#input.charAt(index);
    return segment === '' ? undefined : { segment, index, input: this.#input };
  }

  *[Symbol.iterator]() {
    for (let index = 0; index < this.#input.length; index++) yield this.containing(index);
  }
}
