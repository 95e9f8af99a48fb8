import { Box } from 'ink';
import { useContext } from 'react';
import { said, t } from '../src/language/translate.ts';
import { DISK_HEADROOM_BYTES } from '../src/setup/plan/headroom.ts';
import { programName } from '../src/support/program-name.ts';
import { formatBytes, formatDuration, tildePath } from '../src/support/text/format.ts';
import type { FeatureOffer, SetupOverview } from '../src/wizard/functions.ts';
import type { FeaturesState } from '../src/wizard/state.ts';
import { Cell, Gap, Line, Paragraph, Row } from './components/text.tsx';
import { isNarrow, isShort, type Size } from './layout/layout.ts';
import { GLYPH, ThemeContext } from './style/theme.ts';
import { featureWords, shortHome } from './style/words.ts';

export function FeaturesScreen({ state, size }: { state: FeaturesState; size: Size }) {
  const { overview } = state;
  return (
    <>
      <Line isBold>{t`What should ${programName()} be able to do on this machine?`}</Line>
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
      {state.featureReason === null ? null : <Line tone="accent">{said(state.featureReason)}</Line>}
      <Here overview={overview} size={size} />
      <Paragraph tone="faint">{statusWords(state, useContext(ThemeContext).homeDir)}</Paragraph>
    </>
  );
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
            ? sizeWords(offer, mayFetchPython)
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
function sizeWords(offer: FeatureOffer, mayFetchPython: boolean): string {
  const parts = [downloadWords(offer.downloadBytes, mayFetchPython)];
  if (offer.diskBytes !== null) parts.push(t`${formatBytes(offer.diskBytes)} on disk`);
  if (offer.expectedMs !== null) parts.push(timeWords(offer.expectedMs));
  return parts.join(' · ');
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

/** Which components are already here, and that a Python of the system may do. */
function Here({ overview, size }: { overview: SetupOverview; size: Size }) {
  const { here, mayFetchPython } = overview;
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
  return (
    <>
      {here.length === 0 ? null : <Paragraph>{parts.join(' · ')}</Paragraph>}
      {!mayFetchPython ? null : isShort(size) ? (
        <Line>{t`Python too, unless this system has one.`}</Line>
      ) : (
        <Paragraph>{t`Python is downloaded too, unless one of this system fits.`}</Paragraph>
      )}
    </>
  );
}

/** The current runtime, and that it stays untouched: the new one is built next to it. */
function statusWords({ overview, feature }: FeaturesState, homeDir: string): string {
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
    return t`A runtime for ${programName()} ${other.cliVersion} (${featureWords(other.features)}) is installed and stays as it is.`;
  }
  return t`Everything goes into ${tildePath(overview.runtimeRoot, homeDir)}; nothing else is touched.`;
}
