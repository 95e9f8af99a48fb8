// `string-width` for the bundle: simple text is measured by its length. The library reads its table of emoji when it is
// loaded, 8 ms, and compiles it at the first character beyond ASCII, 25 ms; it is loaded only for what is not simple,
// by `require`, since this has to answer at once.
import { COLOUR, SIMPLE_COLOURED_TEXT, SIMPLE_TEXT } from './simple-text.mjs';

export default function stringWidth(text, options) {
  if (typeof text === 'string' && !options?.countAnsiEscapeCodes) {
    if (SIMPLE_TEXT.test(text)) return text.length;
    if (SIMPLE_COLOURED_TEXT.test(text)) return text.replace(COLOUR, '').length;
  }
  return require('ktx-real:string-width').default(text, options);
}
