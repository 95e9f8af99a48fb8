import { said, saidValue, t } from '../../src/language/translate.ts';
import { formatBytes } from '../../src/support/text/format.ts';

/** `98 of 176 MB`: the unit only once when it is the same. */
export function shareOf(doneBytes: number, totalBytes: number): string {
  const done = formatBytes(doneBytes);
  const total = formatBytes(totalBytes);
  const [digits = '', unit] = saidValue(done).split(' ');
  return t`${total.endsWith(` ${unit}`) ? digits : saidValue(done)} of ${total}`;
}

/** `core, local embeddings` */
export function featureWords(features: readonly string[]): string {
  return features.map((feature) => said(feature.replace('-', ' '))).join(', ');
}

/** Shortens paths in the home folder, for display. */
export function shortHome(text: string, homeDir: string): string {
  return homeDir.length > 1 ? text.replaceAll(`${homeDir}/`, '~/') : text;
}
