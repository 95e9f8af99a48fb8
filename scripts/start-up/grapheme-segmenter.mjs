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
    return Array.from(input, (segment, index) => ({ segment, index, input }));
  }
}
