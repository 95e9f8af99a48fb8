import { Box } from 'ink';
import { formatBytes } from '../src/support/format.ts';
import type { FeatureOffer, SetupOverview } from '../src/wizard/functions.ts';
import type { FeaturesState } from '../src/wizard/state.ts';
import { Cell, Gap, Ink, Line, Row } from './components/text.tsx';
import { isNarrow, isShort, type Size } from './layout.ts';
import { GLYPH, usePath } from './theme.ts';
import { featureWords } from './words.ts';

export function FeaturesScreen({ state, size }: { state: FeaturesState; size: Size }) {
  const { overview } = state;
  return (
    <>
      <Line isBold>What should ktx be able to do on this machine?</Line>
      <Gap isHidden={isShort(size)} />
      {overview.offers.map((offer) => (
        <Offer key={offer.feature} offer={offer} isChosen={offer.feature === state.feature} size={size} />
      ))}
      {state.featureReason === null ? null : <Line tone="accent">{state.featureReason}</Line>}
      <Here overview={overview} />
      <Line tone="faint">{statusWords(overview, usePath(overview.runtimeRoot))}</Line>
    </>
  );
}

function Offer({ offer, isChosen, size }: { offer: FeatureOffer; isChosen: boolean; size: Size }) {
  const isAvailable = offer.unavailableReason === null;
  const tone = !isAvailable ? 'faint' : isChosen ? 'accent' : 'plain';
  return (
    <Box flexDirection="column" width="100%" flexShrink={0}>
      <Row>
        <Cell width={isNarrow(size) ? 34 : 31} tone={tone} isBold={isChosen && isAvailable}>
          {isChosen && isAvailable ? GLYPH.pointer : ' '}{' '}
          {isChosen && isAvailable ? GLYPH.chosen : isAvailable ? GLYPH.later : GLYPH.skipped} {offer.title}
        </Cell>
        {isNarrow(size) ? null : <Cell tone={isAvailable ? 'plain' : 'faint'}>{offer.description}</Cell>}
      </Row>
      <Row indent={4}>
        <Cell tone="faint">{isAvailable ? sizeWords(offer) : `not here: ${offer.unavailableReason}`}</Cell>
      </Row>
      <Gap isHidden={isShort(size)} />
    </Box>
  );
}

function sizeWords(offer: FeatureOffer): string {
  const download =
    offer.downloadBytes === null
      ? 'download size unknown'
      : offer.downloadBytes === 0
        ? 'nothing to download'
        : `${formatBytes(offer.downloadBytes)} to download`;
  return offer.diskBytes === null ? download : `${download} · ${formatBytes(offer.diskBytes)} on disk`;
}

function Here({ overview }: { overview: SetupOverview }) {
  const here = overview.here.filter(({ isHere }) => isHere);
  if (here.length === 0) return null;
  return (
    <Line>
      <Ink tone="faint">Already here: </Ink>
      {here.map(({ label }, index) => (
        <Ink key={label}>
          {index === 0 ? '' : '   '}
          {label} <Ink tone="good">{GLYPH.done}</Ink>
        </Ink>
      ))}
    </Line>
  );
}

/** What is there, and that it is safe: the new runtime is built beside it. */
function statusWords(overview: SetupOverview, root: string): string {
  const { status, otherRuntimes } = overview;
  const other = otherRuntimes[0];
  if (status.kind === 'ready') {
    return `ktx ${overview.cliVersion} (${featureWords(status.features)}) works and stays until the new one is proven.`;
  }
  if (other) {
    return `A runtime for ktx ${other.cliVersion} (${featureWords(other.features)}) is here and stays as it is.`;
  }
  if (status.kind === 'missing') return `Everything goes into ${root}; nothing else is touched.`;
  return status.detail;
}
