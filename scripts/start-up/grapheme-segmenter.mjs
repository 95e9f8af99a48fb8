// `Intl.Segmenter` for the bundle: simple text is split by code unit. Ink segments every frame, and making the real one
// costs the first screen 10 ms; it is made when the first text comes that needs it.
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

/** What the real one gives, for text whose every code unit is a cluster: something to walk through, or to ask. */
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
