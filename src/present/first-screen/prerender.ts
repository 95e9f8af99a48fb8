import { pressed } from '../../../screens/layout/pressed.ts';
import { LANGUAGES, type Language } from '../../language/choose.ts';
import { speakLanguage } from '../../language/load.ts';
import { isTranslating } from '../../language/translate.ts';
import type { RuntimeLock } from '../../shipped/lock.ts';
import type { HostPlatform } from '../../shipped/target.ts';
import { reduce } from '../../wizard/reduce.ts';
import { type FeaturesState, startWizard, type WizardState } from '../../wizard/state.ts';
import {
  type ElasticFrame,
  type FirstFrames,
  type FrameSize,
  lookName,
  SMALLEST,
  stretched,
} from './elastic-frame.ts';
import { frameRows } from './frame.tsx';
import { readKeys } from './key-bytes.ts';
import { quickLook } from './quick-look.ts';

export { frameFile } from './elastic-frame.ts';
export { LANGUAGES };

const LOG = { version: 0, lines: [], hiddenCount: 0 };
const HOME = '/home/nobody-at-all';
/** Keys commonly pressed on a list; keys without a meaning here are left to the wizard. */
const BYTES = ['\u001b[A', '\u001b[B', '\u001bOA', '\u001bOB', '\u001b[H', '\u001b[F', 'j', 'k', '\t', ' '];
/** Sizes at which stretched frames are compared with drawn ones. */
const COMPARED: readonly FrameSize[] = [
  { columns: 81, rows: 24 },
  { columns: 100, rows: 30 },
  { columns: 132, rows: 43 },
  { columns: 237, rows: 71 },
];

/**
 * Draws the first screen in a language for every look and every choice, for a machine of this platform
 * without a runtime. Called by the build.
 * @param platform a key such as `linux-x64-gnu`
 * @returns `null` when no feature is available on it
 * @throws Error when a frame does not stretch, because its layout depends on the size in an unsupported way
 */
export function prerender(
  platform: string,
  cliVersion: string,
  lock: RuntimeLock,
  language: Language = 'en',
): FirstFrames | null {
  speakLanguage(language, { hasUnicode: true });
  if (isTranslating() !== (language !== 'en')) throw new Error(`The catalogue of ${language} cannot be read`);
  // The complete lock: an earlier build may have left a partial one in its place.
  const overview = quickLook({ cliVersion, env: {}, homeDir: HOME, host: hostOf(platform), lock });
  const { next: loading } = startWizard({ nowMs: 0 });
  if (overview === null || overview.offers.some(({ unavailableReason }) => unavailableReason !== null))
    return null;
  const begin = reduce(loading, { type: 'overview', runId: loading.runId, overview, nowMs: 0 }).next;
  if (begin.screen !== 'features') return null;
  const states: FeaturesState[] = [begin];
  const moves: FirstFrames['moves'][number][] = [];
  // The list grows during iteration.
  for (const state of states) {
    moves.push(
      BYTES.flatMap((bytes) => {
        const { keys } = readKeys(bytes);
        const after = keys.length === 1 ? afterKey(state, keys[0]!) : null;
        if (after === null) return [];
        const known = states.findIndex(({ feature }) => feature === after.feature);
        if (known === -1) states.push(after);
        return [[bytes, keys[0]!, known === -1 ? states.length - 1 : known] as const];
      }),
    );
  }
  const looks = Object.fromEntries(
    [false, true].flatMap((isLight) =>
      [true, false].map((hasColour) => {
        const draw = (state: WizardState) => (size: FrameSize) =>
          frameRows(state, size, { hasColour, isLight, homeDir: HOME }, true, LOG);
        return [lookName(isLight, hasColour), states.map((state) => elastic(draw(state)))];
      }),
    ),
  ) as unknown as FirstFrames['looks'];
  return { looks, moves };
}

/** The same screen with another choice; `null` when the key does anything else. */
function afterKey(state: FeaturesState, key: string): FeaturesState | null {
  const event = pressed(state, key, { size: SMALLEST, log: LOG, homeDir: HOME, nowMs: 0 });
  if (event === null) return null;
  const { next, effects } = reduce(state, event);
  return next.screen === 'features' && !next.isHelpOpen && effects.length === 0 ? next : null;
}

function elastic(draw: (size: FrameSize) => string[]): ElasticFrame {
  const rows = draw(SMALLEST);
  const [header = ''] = rows;
  const wider = draw({ ...SMALLEST, columns: SMALLEST.columns + 1 })[0] ?? '';
  const gapAt = [...header].findIndex((character, index) => character !== wider[index]);
  const footerAt = rows.findLastIndex((row) => row !== '');
  const frame = { size: SMALLEST, rows, gapAt, footerAt };
  for (const size of COMPARED) {
    const drawn = draw(size);
    const isSame = stretched(frame, size).every((row, index) => row === drawn[index]);
    if (!isSame) throw new Error(`The first screen does not stretch to ${size.columns} x ${size.rows}`);
  }
  return frame;
}

function hostOf(key: string): HostPlatform {
  const [platform = '', arch = '', libc = null] = key.split('-');
  return {
    platform: platform as NodeJS.Platform,
    arch,
    libc: libc as HostPlatform['libc'],
    glibcVersion: null,
    macosVersion: null,
    missingProcessorFlags: [],
  };
}
