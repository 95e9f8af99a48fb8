/**
 * A stand-in for React in a program that draws once and has no state: `jsx` creates plain objects, and
 * components are plain function calls. The build substitutes it for `react` and `react/jsx-runtime` in the
 * first screen, which uses the same components as Ink later. Hooks that need an instance throw.
 */
export interface PaintElement {
  type: unknown;
  props: Record<string, unknown> & { children?: unknown };
}

export const Fragment = Symbol.for('ktx.fragment');

export function jsx(type: unknown, props: PaintElement['props']): PaintElement {
  return { type, props };
}

export const jsxs = jsx;

interface PaintContext {
  isContext: true;
  value: unknown;
}

export function createContext(value: unknown): PaintContext {
  return { isContext: true, value };
}

export function useContext(context: PaintContext): unknown {
  return context.value;
}

function notHere(): never {
  throw new Error('The first screen is drawn without an instance: this hook is not supported there.');
}

export const useEffect = notHere;
export const useRef = notHere;
export const useState = notHere;
export const useMemo = notHere;
export const useSyncExternalStore = notHere;

function isContext(type: unknown): type is PaintContext {
  return typeof type === 'object' && type !== null && (type as PaintContext).isContext === true;
}

function isElement(node: unknown): node is PaintElement {
  return typeof node === 'object' && node !== null && 'type' in node && 'props' in node;
}

/**
 * Calls components until only primitives (string types) and texts are left, depth first, and visits each
 * within its surrounding contexts.
 */
export function eachChild(node: unknown, visit: (child: PaintElement | string) => void): void {
  if (node === null || node === undefined || typeof node === 'boolean') return;
  if (Array.isArray(node)) {
    for (const child of node) eachChild(child, visit);
  } else if (typeof node === 'string' || typeof node === 'number') {
    visit(String(node));
  } else if (!isElement(node)) {
    throw new TypeError(`The first screen cannot draw ${String(node)}`);
  } else if (node.type === Fragment) {
    eachChild(node.props.children, visit);
  } else if (typeof node.type === 'function') {
    eachChild((node.type as (props: unknown) => unknown)(node.props), visit);
  } else if (isContext(node.type)) {
    const context = node.type;
    const outer = context.value;
    context.value = node.props['value'];
    try {
      eachChild(node.props.children, visit);
    } finally {
      context.value = outer;
    }
  } else {
    visit(node);
  }
}
