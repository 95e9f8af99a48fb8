/** What the components import from `ink`; the build substitutes it in the first screen. */
export const Box = 'box';
export const Text = 'text';

function notHere(): never {
  throw new Error('The first screen reads its keys itself.');
}

export const useApp = notHere;
export const useInput = notHere;
export const usePaste = notHere;
export const useWindowSize = notHere;
