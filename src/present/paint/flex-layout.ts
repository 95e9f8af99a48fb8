import { eachChild, type PaintElement } from './elements.ts';
import { type Look, lookOf, rowsOf, type StyledText, styledText, type Wrap } from './styled-text.ts';

/**
 * The subset of flexbox that the components use, laid out like Yoga: rows and columns, fixed sizes, growing
 * and shrinking, padding, clipping. Any other property throws rather than being drawn wrong.
 */
interface BoxStyle {
  flexDirection?: 'row' | 'column';
  width?: number | string;
  height?: number;
  minHeight?: number;
  flexGrow?: number;
  flexShrink?: number;
  flexBasis?: number;
  paddingLeft?: number;
  paddingRight?: number;
  justifyContent?: 'flex-start' | 'flex-end';
  overflow?: 'hidden' | 'visible';
}

const KNOWN = new Set([
  'children',
  'flexDirection',
  'width',
  'height',
  'minHeight',
  'flexGrow',
  'flexShrink',
  'flexBasis',
  'paddingX',
  'paddingLeft',
  'paddingRight',
  'justifyContent',
  'overflow',
]);

type Node =
  | { kind: 'box'; style: BoxStyle; children: Node[] }
  | { kind: 'text'; text: StyledText; wrap: Wrap; outer: Look };

/** A positioned text. Fractional cells are rounded when drawn. */
export interface PlacedRow extends StyledText {
  x: number;
  y: number;
  clip: Clip;
}

export interface Clip {
  left: number;
  top: number;
  right: number;
  bottom: number;
}

/** All texts of a tree in a terminal with this many columns, in drawing order. */
export function layOut(root: unknown, columns: number): PlacedRow[] {
  const tree: Node = { kind: 'box', style: { flexDirection: 'column' }, children: nodesOf(root) };
  const placed: PlacedRow[] = [];
  const { height } = measured(tree, columns);
  const everywhere = { left: 0, top: 0, right: Number.POSITIVE_INFINITY, bottom: Number.POSITIVE_INFINITY };
  place(tree, { x: 0, y: 0, width: columns, height }, everywhere, placed);
  return placed;
}

function nodesOf(element: unknown): Node[] {
  const nodes: Node[] = [];
  eachChild(element, (child) => {
    if (typeof child === 'string') throw new Error(`"${child}" is not in a <Text>`);
    if (child.type === 'text') {
      const wrap = (child.props['wrap'] ?? 'wrap') as Wrap;
      if (child.props.children === undefined || child.props.children === null) return;
      nodes.push({ kind: 'text', text: styledText(child), wrap, outer: lookOf(child) });
    } else {
      nodes.push({ kind: 'box', style: styleOf(child), children: nodesOf(child.props.children) });
    }
  });
  return nodes;
}

function styleOf({ props }: PaintElement): BoxStyle {
  const unknown = Object.keys(props).find((name) => !KNOWN.has(name));
  if (unknown !== undefined) throw new Error(`The first screen cannot lay out ${unknown}`);
  const { paddingX, children, ...style } = props as BoxStyle & { paddingX?: number; children?: unknown };
  return { paddingLeft: paddingX, paddingRight: paddingX, ...style };
}

interface Extent {
  width: number;
  height: number;
}

/** `width` is the available width: a box with its own width takes that, a text only what it needs. */
function measured(node: Node, width: number): Extent {
  if (node.kind === 'text') {
    const natural = naturalWidth(node);
    if (natural <= width) return { width: natural, height: node.text.text.split('\n').length };
    const rows = rowsOf(node.text, Math.ceil(width), node.wrap, node.outer);
    const widest = Math.max(0, ...rows.map(({ text }) => text.length));
    return { width: node.wrap === 'wrap' ? widest : width, height: rows.length };
  }
  const { style } = node;
  const own = definiteWidth(style, width) ?? Math.min(width, naturalWidth(node));
  return { width: own, height: style.height ?? contentHeight(node, definiteWidth(style, width) ?? width) };
}

function contentHeight(node: Extract<Node, { kind: 'box' }>, width: number): number {
  const inner = Math.max(0, width - padding(node.style));
  if (node.style.flexDirection === 'column')
    return sum(node.children.map((child) => columnBasis(child, inner)));
  const widths = rowWidths(node, inner);
  return Math.max(0, ...node.children.map((child, index) => heightAt(child, widths[index]!)));
}

function heightAt(node: Node, width: number): number {
  if (node.kind === 'text') return measured(node, width).height;
  return node.style.height ?? contentHeight(node, width);
}

/** Height of a column's child before growing or shrinking. */
function columnBasis(node: Node, width: number): number {
  if (node.kind === 'box' && node.style.flexBasis !== undefined) return node.style.flexBasis;
  return heightAt(node, node.kind === 'box' ? (definiteWidth(node.style, width) ?? width) : width);
}

/** The width without wrapping. */
function naturalWidth(node: Node): number {
  if (node.kind === 'text') return Math.max(0, ...node.text.text.split('\n').map((line) => line.length));
  const { style, children } = node;
  if (typeof style.width === 'number') return style.width;
  const widths = children.map((child) =>
    child.kind === 'box' && style.flexDirection !== 'column' && child.style.flexBasis !== undefined
      ? child.style.flexBasis
      : naturalWidth(child),
  );
  const content = style.flexDirection === 'column' ? Math.max(0, ...widths) : sum(widths);
  return content + padding(style);
}

function definiteWidth({ width }: BoxStyle, available: number): number | null {
  if (typeof width === 'number') return width;
  return width === undefined ? null : (Number.parseFloat(width) / 100) * available;
}

function padding({ paddingLeft = 0, paddingRight = 0 }: BoxStyle): number {
  return paddingLeft + paddingRight;
}

function rowWidths(node: Extract<Node, { kind: 'box' }>, inner: number): number[] {
  const bases = node.children.map((child) =>
    child.kind === 'box'
      ? (child.style.flexBasis ?? definiteWidth(child.style, inner) ?? naturalWidth(child))
      : naturalWidth(child),
  );
  return flexed(node.children, bases, inner);
}

/** Distributes the free space, or the excess, by the children's flex factors. */
function flexed(children: readonly Node[], bases: readonly number[], room: number): number[] {
  const free = room - sum(bases);
  if (free > 0) {
    const grows = children.map((child) => (child.kind === 'box' ? (child.style.flexGrow ?? 0) : 0));
    const total = sum(grows);
    return total === 0 ? [...bases] : bases.map((basis, index) => basis + (free * grows[index]!) / total);
  }
  const shrinks = children.map(
    (child, index) => (child.kind === 'box' ? (child.style.flexShrink ?? 1) : 1) * bases[index]!,
  );
  const total = sum(shrinks);
  return total === 0
    ? [...bases]
    : bases.map((basis, index) => Math.max(0, basis + (free * shrinks[index]!) / total));
}

interface Area {
  x: number;
  y: number;
  width: number;
  height: number;
}

function place(node: Node, area: Area, clip: Clip, placed: PlacedRow[]): void {
  if (node.kind === 'text') {
    const width = Math.ceil(area.width - 1e-4);
    rowsOf(node.text, width, node.wrap, node.outer).forEach((row, index) => {
      placed.push({ ...row, x: Math.floor(area.x + 1e-4), y: Math.round(area.y) + index, clip });
    });
    return;
  }
  const { style, children } = node;
  const own = style.overflow === 'hidden' ? intersection(clip, area) : clip;
  const inner = Math.max(0, area.width - padding(style));
  let x = area.x + (style.paddingLeft ?? 0);
  let { y } = area;
  if (style.flexDirection === 'column') {
    const heights = flexed(
      children,
      children.map((child) => columnBasis(child, inner)),
      area.height,
    );
    children.forEach((child, index) => {
      const height = heights[index]!;
      const width = child.kind === 'box' ? (definiteWidth(child.style, inner) ?? inner) : inner;
      place(child, { x, y, width, height }, own, placed);
      y += height;
    });
    return;
  }
  const widths = rowWidths(node, inner);
  if (style.justifyContent === 'flex-end') x += inner - sum(widths);
  children.forEach((child, index) => {
    const width = widths[index]!;
    const height = child.kind === 'box' ? (child.style.height ?? area.height) : area.height;
    place(child, { x, y, width, height }, own, placed);
    x += width;
  });
}

function intersection(clip: Clip, { x, y, width, height }: Area): Clip {
  return {
    left: Math.max(clip.left, Math.round(x)),
    top: Math.max(clip.top, Math.round(y)),
    right: Math.min(clip.right, Math.round(x + width)),
    bottom: Math.min(clip.bottom, Math.round(y + height)),
  };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
