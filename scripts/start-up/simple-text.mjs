// Text in which every code unit is one cluster and one column wide: ASCII, Latin-1, and the dashes, arrows,
// lines and marks that the screens use. A test compares the set, character by character, with the libraries
// that it replaces.
export const SIMPLE_CHARACTERS =
  '\\x20-\\x7e\\xa1-\\xac\\xae-\\xff\\u2010-\\u2027\\u2030-\\u203b\\u2190-\\u2193\\u2500-\\u259f\\u25a0-\\u25fc\\u2713\\u2717';

export const SIMPLE_TEXT = new RegExp(`^[${SIMPLE_CHARACTERS}]*$`);
/** The same with colours (SGR sequences) anywhere between. */
export const SIMPLE_COLOURED_TEXT = new RegExp(`^(?:[${SIMPLE_CHARACTERS}]|\\x1b\\[[\\d;:]*m)*$`);
export const COLOUR = /\x1b\[[\d;:]*m/g;
