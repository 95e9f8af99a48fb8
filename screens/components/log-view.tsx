import { Box } from 'ink';
import { said, t } from '../../src/language/translate.ts';
import type { LogSnapshot } from '../../src/present/log-store.ts';
import { formatCount } from '../../src/support/text/format.ts';
import { linesBelow } from '../../src/wizard/log-scroll.ts';
import type { LogPosition, LogWindow } from '../../src/wizard/state.ts';
import { type LogRow, visibleLogRows } from '../layout/log-rows.ts';
import type { Tone } from '../style/theme.ts';
import { Ink, Line, Row } from './text.tsx';

/** Longer than any terminal is wide; clipped by the row. */
const RULE = '─'.repeat(400);

interface LogViewProps {
  log: LogSnapshot;
  position: LogPosition;
  view: LogWindow;
  columns: number;
  isWrapped?: boolean;
  find?: { text: string; isTyping: boolean } | null;
  /** Nothing is added any more: there is nothing to follow. */
  isEnded?: boolean;
}

/** Renders only the visible rows of the log: rendering all lines costs 144 ms of CPU per frame. */
export function LogView(props: LogViewProps) {
  const { log, position, view, columns, isWrapped = false, find = null, isEnded = false } = props;
  const rows = visibleLogRows(log, position, view, columns, isWrapped);
  const status = statusWords(position, linesBelow(position, view), isEnded);
  return (
    <Box flexDirection="column" width="100%" flexShrink={0}>
      <Row>
        {find ? (
          <Ink tone="accent">
            {'── '}
            {t`find: ${find.text}`}
            {find.isTyping ? '_' : ''}{' '}
          </Ink>
        ) : (
          <Ink tone="faint">{`── ${t`log`} `}</Ink>
        )}
        <Box flexGrow={1} flexShrink={1} flexBasis={0} height={1} overflow="hidden">
          <Box width={RULE.length} flexShrink={0}>
            <Ink tone="faint">{RULE}</Ink>
          </Box>
        </Box>
        {status === '' ? null : (
          <Box flexShrink={0}>
            <Ink tone={position.kind === 'follow' ? 'faint' : 'accent'}> {status} </Ink>
            <Ink tone="faint">──</Ink>
          </Box>
        )}
      </Row>
      {blocksOf(rows, columns, find).map((block) => (
        <Block key={block.row} block={block} />
      ))}
    </Box>
  );
}

/** Only a log that still grows is followed or paused. */
function statusWords(position: LogPosition, below: number, isEnded: boolean): string {
  const more = below === 0 ? '' : said(formatCount(below, 'more line'));
  if (isEnded) return more === '' ? '' : `${more} ↓`;
  if (position.kind === 'follow') return t`following`;
  return more === '' ? t`paused` : t`paused · ${more} ↓`;
}

function isFound(line: string, find: LogViewProps['find']): boolean {
  return Boolean(find?.text) && line.toLowerCase().includes(find!.text.toLowerCase());
}

/** Escaped, see the bundle's test: a single non-ASCII character here slows the first prompt by 3 %. */
const TONES: readonly [RegExp, Tone][] = [
  [/^\$ /, 'accent'],
  [/^\u2713 /, 'good'],
  [/^(\u2717 |error[:\s]|\u00d7)/i, 'bad'],
  [/^(! |warning[:\s])/i, 'warning'],
  [/^ [+~] /, 'good'],
  [/^ - /, 'bad'],
];

/** Rows that look alike are one text: a text costs as much as its rows, and a flood has nothing else. */
interface LogBlock {
  /** The first one's. */
  row: number;
  lines: string[];
  look: 'found' | 'faint' | readonly [RegExp, Tone];
  /** Every line is known to fit. */
  isFitting: boolean;
}

const PRINTABLE_ASCII = /^[\x20-\x7e]*$/;

function blocksOf(rows: readonly LogRow[], columns: number, find: LogViewProps['find']): LogBlock[] {
  const blocks: LogBlock[] = [];
  for (const [row, { text, isStart }] of rows.entries()) {
    const look = isFound(text, find)
      ? 'found'
      : ((isStart ? TONES.find(([pattern]) => pattern.test(text)) : undefined) ?? 'faint');
    const isFitting = look === 'faint' && PRINTABLE_ASCII.test(text);
    const line = isFitting ? cut(text, columns) : text;
    const before = blocks.at(-1);
    if (isFitting && before?.isFitting) before.lines.push(line || ' ');
    else blocks.push({ row, lines: [line || ' '], look, isFitting });
  }
  return blocks;
}

/** As the screen cuts printable ASCII, which takes it as long as all the rest of a row. */
function cut(line: string, columns: number): string {
  return line.length > columns ? `${line.slice(0, columns - 1)}\u2026` : line;
}

function Block({ block: { lines, look, isFitting } }: { block: LogBlock }) {
  if (isFitting) return <Ink tone="faint">{lines.join('\n')}</Ink>;
  const line = lines.join('');
  if (look === 'found') return <Line isBold>{line}</Line>;
  if (look === 'faint') return <Line tone="faint">{line}</Line>;
  return <MarkedLine line={line} look={look} />;
}

/** The mark at the start of a line is coloured, the text is not. */
function MarkedLine({ line, look: [pattern, tone] }: { line: string; look: readonly [RegExp, Tone] }) {
  const mark = pattern.exec(line)?.[0] ?? '';
  const from = line.indexOf('  from ');
  const origin = mark === '✓ ' && from !== -1 ? from : line.length;
  return (
    <Line>
      <Ink tone={tone}>{mark}</Ink>
      {line.slice(mark.length, origin)}
      <Ink tone="faint">{line.slice(origin)}</Ink>
    </Line>
  );
}
