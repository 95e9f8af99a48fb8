import type { KeyName } from '../../wizard/keys.ts';

export interface FrameSize {
  columns: number;
  rows: number;
}

/** A frame drawn for one size that stretches to any larger one, at a gap in the header and above the footer. */
export interface ElasticFrame {
  size: FrameSize;
  rows: readonly string[];
  /** Where extra columns go in the first row. */
  gapAt: number;
  /** The row before which extra rows go. */
  footerAt: number;
}

/** Where the build puts the frames of a platform and language. */
export function frameFile(platform: string, language: string): string {
  return `first-frames-${platform}${language === 'en' ? '' : `-${language}`}.json`;
}

/** How a terminal shows text: the theme and its colours. */
export type LookName = 'dark' | 'light' | 'dark-plain' | 'light-plain';

export function lookName(isLight: boolean, hasColour: boolean): LookName {
  return `${isLight ? 'light' : 'dark'}${hasColour ? '' : '-plain'}`;
}

/**
 * The first screen on a machine without a runtime, prerendered by the build. Screens are numbered from the
 * initial one; keys lead from one to another, as in the wizard's reducer.
 */
export interface FirstFrames {
  looks: Record<LookName, readonly ElasticFrame[]>;
  /** For each screen: the bytes of a key, its name, and the screen that it leads to. */
  moves: readonly (readonly (readonly [bytes: string, key: KeyName, screen: number])[])[];
}

/** The smallest terminal that the frames are drawn for. */
export const SMALLEST: FrameSize = { columns: 80, rows: 24 };

/** Stretches a frame to a terminal of at least its own size. Pure. */
export function stretched(frame: ElasticFrame, { columns, rows }: FrameSize): string[] {
  const [header = '', ...others] = frame.rows;
  const gap = ' '.repeat(columns - frame.size.columns);
  const all = [header.slice(0, frame.gapAt) + gap + header.slice(frame.gapAt), ...others];
  const empty = new Array<string>(rows - frame.size.rows).fill('');
  return [...all.slice(0, frame.footerAt), ...empty, ...all.slice(frame.footerAt)];
}
