// `string-width` for the bundle: simple text is measured by its length. The library reads its emoji table on
// load (8 ms) and compiles it at the first non-ASCII character (25 ms), so it is loaded only for other text,
// with `require`, since this function is synchronous.
import { COLOUR, SIMPLE_COLOURED_TEXT, SIMPLE_TEXT } from './simple-text.mjs';

export default function stringWidth(text, options) {
  if (typeof text === 'string' && !options?.countAnsiEscapeCodes) {
    if (SIMPLE_TEXT.test(text)) return text.length;
    if (SIMPLE_COLOURED_TEXT.test(text)) return text.replace(COLOUR, '').length;
  }
  return require('ktx-real:string-width').default(text, options);
}
