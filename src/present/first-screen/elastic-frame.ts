import type { KeyName } from '../../wizard/keys.ts';

export interface FrameSize {
  columns: number;
  rows: number;
}

/** A frame drawn for one size that fits every larger one: the header has a gap that grows, and so has the space above the footer. */
export interface ElasticFrame {
  size: FrameSize;
  rows: readonly string[];
  /** Where more columns go, in the first row. */
  gapAt: number;
  /** The row before which more rows go. */
  footerAt: number;
}

/** Where the build lays the frames of a platform in a language. */
export function frameFile(platform: string, language: string): string {
  return `first-frames-${platform}${language === 'en' ? '' : `-${language}`}.json`;
}

/** How a terminal shows text: the theme and its colours. */
export type LookName = 'dark' | 'light' | 'dark-plain' | 'light-plain';

export function lookName(isLight: boolean, hasColour: boolean): LookName {
  return `${isLight ? 'light' : 'dark'}${hasColour ? '' : '-plain'}`;
}

/**
 * The first screen on a machine without a runtime, drawn when the program was built. Screens are numbered, the first one is
 * the one to begin with; a key leads from one to another, as the wizard's reducer says.
 */
export interface FirstFrames {
  looks: Record<LookName, readonly ElasticFrame[]>;
  /** For each screen the bytes of keys, what the key is called, and the screen that it leads to. */
  moves: readonly (readonly (readonly [bytes: string, key: KeyName, screen: number])[])[];
}

/** The smallest terminal that the frames are drawn for. */
export const SMALLEST: FrameSize = { columns: 80, rows: 24 };

/** The rows for a terminal of at least the frame's own size. Pure. */
export function stretched(frame: ElasticFrame, { columns, rows }: FrameSize): string[] {
  const [header = '', ...others] = frame.rows;
  const gap = ' '.repeat(columns - frame.size.columns);
  const all = [header.slice(0, frame.gapAt) + gap + header.slice(frame.gapAt), ...others];
  const empty = new Array<string>(rows - frame.size.rows).fill('');
  return [...all.slice(0, frame.footerAt), ...empty, ...all.slice(frame.footerAt)];
}
