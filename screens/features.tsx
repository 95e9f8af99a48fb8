import { Box } from 'ink';
import { useContext } from 'react';
import { said, t } from '../src/language/translate.ts';
import { DISK_HEADROOM_BYTES } from '../src/setup/plan/headroom.ts';
import { programName } from '../src/support/program-name.ts';
import { columnsOf } from '../src/support/text/columns.ts';
import { formatBytes, formatDuration, tildePath } from '../src/support/text/format.ts';
import { wrapWords } from '../src/support/text/wrap-words.ts';
import type { FeatureOffer, SetupOverview } from '../src/wizard/functions.ts';
import type { FeaturesState } from '../src/wizard/state.ts';
import { Cell, Gap, Line, Paragraph, Row } from './components/text.tsx';
import { bodyRows, contentColumns, isNarrow, isShort, type Size } from './layout/layout.ts';
import { cutLines } from './layout/room.ts';
import { GLYPH, ThemeContext, type Tone } from './style/theme.ts';
import { featureWords, shortHome } from './style/words.ts';

export function FeaturesScreen({ state, size }: { state: FeaturesState; size: Size }) {
  const { overview } = state;
  const notes = fittingNotes(state, size, useContext(ThemeContext).homeDir);
  return (
    <>
      <Line isBold>
        {isNarrow(size)
          ? t`What should ${programName()} do on this machine?`
          : t`What should ${programName()} be able to do on this machine?`}
      </Line>
      <Gap isHidden={isShort(size)} />
      {overview.offers.map((offer) => (
        <Offer
          key={offer.feature}
          offer={offer}
          isChosen={offer.feature === state.feature}
          mayFetchPython={overview.mayFetchPython}
          freeBytes={overview.freeBytes}
          size={size}
        />
      ))}
      {notes.map(({ name, tone, lines }) => (
        <Paragraph key={name} tone={tone}>
          {lines.join('\n')}
        </Paragraph>
      ))}
    </>
  );
}

interface Note {
  name: string;
  tone: Tone;
  lines: string[];
}

/** What stands below the features: whole notes by weight, the last one cut with a mark if it has to be. */
function fittingNotes(state: FeaturesState, size: Size, homeDir: string): Note[] {
  const { overview, featureReason } = state;
  const columns = contentColumns(size);
  const note = (name: string, tone: Tone, text: string | null): Note[] =>
    text === null ? [] : [{ name, tone, lines: wrapWords(text, columns) }];
  const all = [
    ...note('reason', 'accent', featureReason === null ? null : said(featureReason)),
    ...note('here', 'plain', hereWords(overview)),
    ...note('python', 'plain', pythonWords(overview, size)),
    ...note('status', 'faint', statusWords(state, homeDir, isNarrow(size))),
  ];
  let room = bodyRows(size) - (isShort(size) ? 1 : 2);
  for (const offer of overview.offers)
    room -= 2 + (isTooLarge(offer, overview.freeBytes) ? 1 : 0) + (isShort(size) ? 0 : 1);
  const kept = new Map<string, Note>();
  for (const name of ['reason', 'status', 'here', 'python']) {
    const wanted = all.find((each) => each.name === name);
    if (wanted === undefined || room <= 0) continue;
    const lines = cutLines(wanted.lines, room, columns);
    kept.set(name, { ...wanted, lines });
    room -= lines.length;
  }
  return all.flatMap(({ name }) => kept.get(name) ?? []);
}

interface OfferProps {
  offer: FeatureOffer;
  isChosen: boolean;
  mayFetchPython: boolean;
  freeBytes: number | null;
  size: Size;
}

function Offer({ offer, isChosen, mayFetchPython, freeBytes, size }: OfferProps) {
  const isAvailable = offer.unavailableReason === null;
  const tone = !isAvailable ? 'faint' : isChosen ? 'accent' : 'plain';
  return (
    <Box flexDirection="column" width="100%" flexShrink={0}>
      <Row>
        <Cell width={isNarrow(size) ? 34 : 31} tone={tone} isBold={isChosen && isAvailable}>
          {isChosen && isAvailable ? GLYPH.pointer : ' '}{' '}
          {isChosen && isAvailable ? GLYPH.chosen : isAvailable ? GLYPH.later : GLYPH.skipped}{' '}
          {said(offer.title)}
        </Cell>
        {isNarrow(size) ? null : (
          <Cell tone={isAvailable ? 'plain' : 'faint'}>{said(offer.description)}</Cell>
        )}
      </Row>
      <Row indent={4}>
        <Cell tone="faint">
          {offer.unavailableReason === null
            ? sizeWords(offer, mayFetchPython, contentColumns(size) - 4)
            : t`not available: ${said(offer.unavailableReason)}`}
        </Cell>
      </Row>
      {isTooLarge(offer, freeBytes) ? (
        <Row indent={4}>
          <Cell width={2} tone="warning">
            {GLYPH.warning}
          </Cell>
          <Cell>{t`${formatBytes(freeBytes ?? 0)} free there: too little`}</Cell>
        </Row>
      ) : null}
      <Gap isHidden={isShort(size)} />
    </Box>
  );
}

function isTooLarge({ diskBytes, unavailableReason }: FeatureOffer, freeBytes: number | null): boolean {
  if (diskBytes === null || freeBytes === null || unavailableReason !== null) return false;
  return diskBytes + DISK_HEADROOM_BYTES > freeBytes;
}

/** Approximate: sources and formats are only known after the hosts were probed for the plan. */
function sizeWords(offer: FeatureOffer, mayFetchPython: boolean, columns: number): string {
  const { downloadBytes, diskBytes, expectedMs } = offer;
  const disk = (words: (size: string) => string) =>
    diskBytes === null ? [] : [words(formatBytes(diskBytes))];
  const whole = [
    downloadWords(downloadBytes, mayFetchPython),
    ...disk((size) => t`${size} on disk`),
    ...(expectedMs === null ? [] : [timeWords(expectedMs)]),
  ];
  const brief = [
    downloadBytes ? t`${formatBytes(downloadBytes)} download` : downloadWords(downloadBytes, mayFetchPython),
    ...disk((size) => t`${size} on disk`),
  ];
  const texts = [whole, brief, brief.slice(0, 1)].map((parts) => parts.join(' · '));
  return texts.find((text) => columnsOf(text) <= columns) ?? texts[2]!;
}

function downloadWords(downloadBytes: number | null, mayFetchPython: boolean): string {
  if (downloadBytes === null) return t`download size unknown`;
  if (downloadBytes === 0) return mayFetchPython ? t`at most Python to download` : t`nothing to download`;
  return t`about ${formatBytes(downloadBytes)} to download`;
}

/** The speed of the link is unknown, so the time is given for a reference speed. */
function timeWords(expectedMs: number): string {
  const seconds = Math.max(1, Math.round(expectedMs / 1000));
  return t`${seconds < 60 ? `${seconds} s` : formatDuration(seconds * 1000)} at 100 Mbit/s`;
}

/** Which components are already here. */
function hereWords({ here }: SetupOverview): string | null {
  if (here.length === 0) return null;
  const named = (isWanted: boolean) =>
    here
      .filter(({ isHere }) => isHere === isWanted)
      .map(({ label }) => said(label))
      .join(', ');
  const missing = named(false);
  const present = named(true);
  const parts =
    present === ''
      ? [t`Already here: nothing yet`]
      : [t`Already here: ${present} ${GLYPH.done}`, ...(missing === '' ? [] : [t`not yet: ${missing}`])];
  return parts.join(' · ');
}

/** That a Python of the system may do. */
function pythonWords({ mayFetchPython }: SetupOverview, size: Size): string | null {
  if (!mayFetchPython) return null;
  return isShort(size)
    ? t`Python too, unless this system has one.`
    : t`Python is downloaded too, unless one of this system fits.`;
}

/** The current runtime, and that it stays untouched: the new one is built next to it. */
function statusWords({ overview, feature }: FeaturesState, homeDir: string, isBrief: boolean): string {
  const { status, otherRuntimes } = overview;
  const other = otherRuntimes[0];
  if (status.kind === 'ready') {
    const isLess = status.features.some((it) => it !== 'core' && it !== feature);
    const works = t`${programName()} ${overview.cliVersion} (${featureWords(status.features)}) works and stays until the new one is proven.`;
    return isLess ? `${works} ${t`It keeps what it can do now: choosing less removes nothing.`}` : works;
  }
  if (status.kind === 'broken' || status.kind === 'mismatched') {
    return t`What is installed does not work and will be replaced: ${shortHome(said(status.detail), homeDir)}`;
  }
  if (other) {
    if (isBrief)
      return t`${programName()} ${other.cliVersion} (${featureWords(other.features)}) stays as it is.`;
    return t`A runtime for ${programName()} ${other.cliVersion} (${featureWords(other.features)}) is installed and stays as it is.`;
  }
  const folder = tildePath(overview.runtimeRoot, homeDir);
  return isBrief
    ? t`Everything goes into ${folder}.`
    : t`Everything goes into ${folder}; nothing else is touched.`;
}
