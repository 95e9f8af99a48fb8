import { Resvg } from '@resvg/resvg-js';
import type { IBufferCell, Terminal } from '@xterm/headless';

const FONT_SIZE = 14;
const CELL_WIDTH = FONT_SIZE * 0.602;
const CELL_HEIGHT = 19;
const PADDING = 18;
const BAR_HEIGHT = 34;
const FONTS = "'DejaVu Sans Mono', Menlo, Consolas, 'Liberation Mono', monospace";

interface Colours {
  background: string;
  chrome: string;
  foreground: string;
  /** The 16 named colours; a program that respects the terminal's palette uses no others. */
  palette: readonly string[];
}

const DARK: Colours = {
  background: '#11151c',
  chrome: '#1a202b',
  foreground: '#d5dbe6',
  palette: [
    ...['#262c38', '#f2777a', '#8fd18b', '#f0c674', '#7aa6f0', '#c79bf0', '#5ccfe6', '#c5ccd8'],
    ...['#5b6577', '#ff9a9d', '#b3e6ae', '#ffe0a0', '#a3c4ff', '#ddbdff', '#95e6f5', '#ffffff'],
  ],
};

/** xterm's own palette on white. */
const LIGHT: Colours = {
  background: '#ffffff',
  chrome: '#e4e7ec',
  foreground: '#000000',
  palette: [
    ...['#000000', '#cd0000', '#00cd00', '#cdcd00', '#0000ee', '#cd00cd', '#00cdcd', '#e5e5e5'],
    ...['#7f7f7f', '#ff0000', '#00ff00', '#ffff00', '#5c5cff', '#ff00ff', '#00ffff', '#ffffff'],
  ],
};

export interface PictureOptions {
  /** Shown in the window's title bar; without it no window is drawn around the text. */
  title?: string;
  /** Dark text on white. */
  isLight?: boolean;
}

/** One frame of a recording: the rows of the screen as SVG, and how long they were shown. */
export interface PictureFrame {
  rows: readonly string[];
  shownMs: number;
}

interface Style {
  colour: string;
  background: string | null;
  opacity: number;
  isBold: boolean;
  isUnderlined: boolean;
}

interface Run extends Style {
  column: number;
  width: number;
  text: string;
}

/** The terminal's current screen as a self-contained SVG. */
export function terminalSvg(terminal: Terminal, options: PictureOptions = {}): string {
  return windowSvg(terminal, options, terminalRows(terminal, options));
}

/** The same as an animation that loops: rows that do not change are drawn once. */
export function animatedSvg(
  terminal: Pick<Terminal, 'cols' | 'rows'>,
  frames: readonly PictureFrame[],
  options: PictureOptions = {},
): string {
  const totalMs = frames.reduce((total, { shownMs }) => total + shownMs, 0);
  const rows = Array.from({ length: terminal.rows }, (_, row) => {
    const times = new Map<string, [number, number][]>();
    let atMs = 0;
    for (const { rows: drawn, shownMs } of frames) {
      const text = drawn[row] ?? '';
      const spans = times.get(text) ?? [];
      const last = spans.at(-1);
      if (last?.[1] === atMs) last[1] = atMs + shownMs;
      else spans.push([atMs, atMs + shownMs]);
      times.set(text, spans);
      atMs += shownMs;
    }
    return [...times]
      .filter(([text]) => text !== '')
      .map(([text, spans]) => `<g>${text}${visibility(spans, totalMs)}</g>`)
      .join('\n');
  });
  return windowSvg(terminal, options, rows);
}

/** Visible during these time spans, hidden in between. */
function visibility(spans: readonly [number, number][], totalMs: number): string {
  if (spans.length === 1 && spans[0]![0] === 0 && spans[0]![1] === totalMs) return '';
  const points = new Map<number, string>([[0, 'hidden']]);
  for (const [fromMs, toMs] of spans) {
    points.set(fromMs, 'visible');
    if (toMs < totalMs) points.set(toMs, 'hidden');
  }
  const keyTimes = [...points.keys()].map((ms) => fixed(ms / totalMs, 4)).join(';');
  const values = [...points.values()].join(';');
  return `<animate attributeName="visibility" calcMode="discrete" dur="${fixed(totalMs / 1000)}s" repeatCount="indefinite" values="${values}" keyTimes="${keyTimes}"/>`;
}

/** The terminal's current rows, each as positioned SVG; an empty row is empty. */
export function terminalRows(terminal: Terminal, options: PictureOptions = {}): string[] {
  const top = topOf(options);
  return Array.from({ length: terminal.rows }, (_, row) =>
    runsOf(terminal, row, coloursOf(options))
      .map((run) => runSvg(run, top + row * CELL_HEIGHT))
      .join(''),
  );
}

function coloursOf({ isLight = false }: PictureOptions): Colours {
  return isLight ? LIGHT : DARK;
}

function topOf({ title }: PictureOptions): number {
  return title === undefined ? PADDING : BAR_HEIGHT + PADDING / 2;
}

function windowSvg(
  terminal: Pick<Terminal, 'cols' | 'rows'>,
  options: PictureOptions,
  rows: readonly string[],
): string {
  const width = Math.ceil(terminal.cols * CELL_WIDTH + 2 * PADDING);
  const height = Math.ceil(terminal.rows * CELL_HEIGHT + topOf(options) + PADDING);
  const { background, chrome } = coloursOf(options);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">`,
    `<rect width="${width}" height="${height}" rx="10" fill="${background}"/>`,
    options.title === undefined ? '' : titleBar(options.title, width, chrome),
    `<g font-family="${FONTS}" font-size="${FONT_SIZE}">`,
    ...rows.filter((row) => row !== ''),
    '</g>',
    '</svg>',
    '',
  ].join('\n');
}

export function svgToPng(svg: string, zoom = 1.5): Buffer {
  const fonts = {
    loadSystemFonts: true,
    defaultFontFamily: 'DejaVu Sans Mono',
    monospaceFamily: 'DejaVu Sans Mono',
  };
  return new Resvg(svg, { font: fonts, fitTo: { mode: 'zoom', value: zoom } }).render().asPng();
}

function titleBar(title: string, width: number, chrome: string): string {
  const dots = ['#f2777a', '#f0c674', '#8fd18b'].map(
    (colour, index) => `<circle cx="${22 + index * 20}" cy="17" r="6" fill="${colour}"/>`,
  );
  return [
    `<path d="M0 10a10 10 0 0 1 10-10h${width - 20}a10 10 0 0 1 10 10v${BAR_HEIGHT - 10}h-${width}z" fill="${chrome}"/>`,
    ...dots,
    `<text x="${width / 2}" y="22" text-anchor="middle" font-family="${FONTS}" font-size="13" fill="#8b96a8">${escapeXml(title)}</text>`,
  ].join('\n');
}

/**
 * Adjacent cells with the same style, joined. A wide character stays separate, so that the following cells
 * keep their columns.
 */
function runsOf(terminal: Terminal, row: number, colours: Colours): Run[] {
  const buffer = terminal.buffer.active;
  const line = buffer.getLine(buffer.viewportY + row);
  const runs: Run[] = [];
  for (let column = 0; line && column < terminal.cols; column++) {
    const cell = line.getCell(column);
    if (!cell || cell.getWidth() === 0) continue;
    const text = cell.getChars() || ' ';
    const style = styleOf(cell, colours);
    const last = runs.at(-1);
    const canJoin =
      last &&
      isSameStyle(last, style) &&
      cell.getWidth() === 1 &&
      last.width === Array.from(last.text).length;
    if (canJoin) {
      last.text += text;
      last.width += 1;
    } else {
      runs.push({ ...style, column, width: cell.getWidth(), text });
    }
  }
  return runs.filter((run) => run.background !== null || run.text.trim() !== '');
}

function styleOf(cell: IBufferCell, { background: empty, foreground: plain, palette }: Colours): Style {
  const named = (value: number): string => palette[value] ?? plain;
  const foreground = colourOf(cell.isFgDefault(), cell.isFgRGB(), cell.getFgColor(), named) ?? plain;
  const background = colourOf(cell.isBgDefault(), cell.isBgRGB(), cell.getBgColor(), named);
  const isInverse = cell.isInverse() !== 0;
  return {
    colour: isInverse ? (background ?? empty) : foreground,
    background: isInverse ? foreground : background,
    opacity: cell.isDim() ? 0.58 : 1,
    isBold: cell.isBold() !== 0,
    isUnderlined: cell.isUnderline() !== 0,
  };
}

function colourOf(
  isDefault: boolean,
  isRgb: boolean,
  value: number,
  named: (value: number) => string,
): string | null {
  if (isDefault) return null;
  if (isRgb) return `#${value.toString(16).padStart(6, '0')}`;
  return named(value);
}

function isSameStyle(a: Style, b: Style): boolean {
  return (
    a.colour === b.colour &&
    a.background === b.background &&
    a.opacity === b.opacity &&
    a.isBold === b.isBold &&
    a.isUnderlined === b.isUnderlined
  );
}

const STROKES: Record<string, number> = { '━': 3, '─': 1.2 };

function runSvg(run: Run, y: number): string {
  const x = PADDING + run.column * CELL_WIDTH;
  const width = run.width * CELL_WIDTH;
  const parts: string[] = [];
  if (run.background !== null) {
    parts.push(
      `<rect x="${fixed(x)}" y="${y}" width="${fixed(width)}" height="${CELL_HEIGHT}" fill="${run.background}"/>`,
    );
  }
  const look = `fill="${run.colour}"${run.opacity === 1 ? '' : ` opacity="${run.opacity}"`}`;
  // Lines are drawn as shapes: as text, a font leaves gaps between the cells.
  for (const [text, offset] of splitStrokes(run.text)) {
    const left = x + offset * CELL_WIDTH;
    const length = Array.from(text).length * CELL_WIDTH;
    const stroke = STROKES[text[0] ?? ''];
    if (stroke !== undefined) {
      const middle = y + CELL_HEIGHT / 2 - stroke / 2;
      parts.push(
        `<rect x="${fixed(left)}" y="${fixed(middle)}" width="${fixed(length)}" height="${stroke}" ${look}/>`,
      );
    } else if (text.trim() !== '') {
      const weight = run.isBold ? ' font-weight="bold"' : '';
      const underline = run.isUnderlined ? ' text-decoration="underline"' : '';
      parts.push(
        `<text x="${fixed(left)}" y="${y + 14}" xml:space="preserve" textLength="${fixed(run.width === 2 ? width : length)}" ${look}${weight}${underline}>${escapeXml(text)}</text>`,
      );
    }
  }
  return parts.join('');
}

function splitStrokes(text: string): [string, number][] {
  const parts: [string, number][] = [];
  let offset = 0;
  for (const [part] of text.matchAll(/━+|─+|[^━─]+/g)) {
    const leading = part.length - part.trimStart().length;
    if (part.trim() !== '') parts.push([part.trim(), offset + leading]);
    offset += Array.from(part).length;
  }
  return parts;
}

function fixed(value: number, digits = 2): string {
  return value.toFixed(digits).replace(/\.?0+$/, '');
}

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
