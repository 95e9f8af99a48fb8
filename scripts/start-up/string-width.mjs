// `string-width` for the bundle: simple text is measured by its length. The library compiles its table of emoji at the
// first character beyond ASCII, which costs the first screen 25 ms; it is asked only for what is not simple.
import realStringWidth from 'ktx-real:string-width';
import { COLOUR, SIMPLE_COLOURED_TEXT, SIMPLE_TEXT } from './simple-text.mjs';

export default function stringWidth(text, options) {
  if (typeof text === 'string' && !options?.countAnsiEscapeCodes) {
    if (SIMPLE_TEXT.test(text)) return text.length;
    if (SIMPLE_COLOURED_TEXT.test(text)) return text.replace(COLOUR, '').length;
  }
  return realStringWidth(text, options);
}
