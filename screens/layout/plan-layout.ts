import type { PlanSummary } from '../../src/core/events.ts';
import { said, t } from '../../src/language/translate.ts';
import { formatBytes, formatCount, tildePath } from '../../src/support/text/format.ts';
import { wrapWords } from '../../src/support/text/wrap-words.ts';
import { bodyRows, contentColumns, isNarrow, isShort, type Size } from './layout.ts';
import { moreLines, roomOf, rowsOf } from './room.ts';

/** The part of a plan that fits above the choices. */
export interface PlanRoom {
  /** What the user agrees to: bytes, folder and hosts, as lines. */
  bytes: readonly string[];
  hosts: readonly string[];
  hasHeading: boolean;
  hasGap: boolean;
  /** Number of visible table rows. */
  rowCount: number;
  /** Each note as its lines. */
  notes: readonly (readonly string[])[];
  /** That nothing needs the sources passed over, as lines; empty when there are none. */
  verdict: readonly string[];
  /** Why each source was passed over, as its lines: each reason once. */
  reasons: readonly (readonly string[])[];
  /** `… 3 more lines`; empty when nothing is omitted. */
  more: string;
  /** True when everything that the user agrees to is visible. */
  isConsentWhole: boolean;
}

/** Columns before a reason: indentation and mark. */
export const REASON_INDENT = 4;

/**
 * Allocates the rows by priority: what the user agrees to, the table, the notes, that other sources are not
 * needed; then the heading, and last why they were passed over. Pure.
 */
export function planRoom(
  summary: PlanSummary,
  where: { runtimeRoot: string; homeDir: string },
  size: Size,
): PlanRoom {
  const width = contentColumns(size);
  const bytes = wrapSizes(bytesWords(summary, tildePath(where.runtimeRoot, where.homeDir)), width);
  const hosts = wrapWords(hostWords(summary, isShort(size) && isNarrow(size)), width);
  const consent = [...bytes, ...hosts];
  const rowsOfLine = (line: string) => rowsOf(line, width);
  const rowsOfLines = (lines: readonly string[]) => lines.reduce((sum, line) => sum + rowsOfLine(line), 0);
  const choiceRows = isShort(size) ? 1 : 2;
  const free = bodyRows(size) - choiceRows;
  const isConsentWhole = rowsOfLines(consent) <= free;
  // If it does not fit, a separate line says so.
  const room = roomOf(isConsentWhole ? free : free - 1);
  const seen = room.takeSome(consent, rowsOfLine).length;
  const rowCount = room.takeSome(summary.rows, () => 1).length;
  const allNotes = summary.notes.map((note) => wrapWords(said(note), width));
  const notes = room.takeSome(allNotes, rowsOfLines);
  const passedOver = [...new Set(summary.rows.flatMap((row) => row.rejected))];
  const wholeVerdict = passedOver.length === 0 ? [] : wrapWords(verdictWords(passedOver.length), width);
  const verdict = room.take(wholeVerdict.length) ? wholeVerdict : [];
  const hasHeading = room.take(1);
  const hasGap = room.take(1);
  const allReasons = passedOver.map((reason) => wrapWords(said(reason), width - REASON_INDENT));
  const reasons = verdict.length === 0 ? [] : room.takeSome(allReasons, (lines) => lines.length);
  const hidden =
    consent.length -
    seen +
    (summary.rows.length - rowCount) +
    allNotes.slice(notes.length).flat().length +
    (wholeVerdict.length - verdict.length) +
    allReasons.slice(reasons.length).flat().length;
  return {
    bytes: bytes.slice(0, seen),
    hosts: hosts.slice(0, Math.max(0, seen - bytes.length)),
    hasHeading,
    hasGap,
    rowCount,
    notes,
    verdict,
    reasons,
    more: moreLines(hidden),
    isConsentWhole,
  };
}

function verdictWords(count: number): string {
  return count === 1
    ? t`${count} other source was passed over; nothing in this plan needs it.`
    : t`${count} other sources were passed over; nothing in this plan needs them.`;
}

/** Keeps a number together with its unit. */
function wrapSizes(text: string, width: number): string[] {
  const lines = wrapWords(text.replaceAll(/(\d) (?=\w?B )/g, '$1\u00a0'), width);
  return lines.map((line) => line.replaceAll('\u00a0', ' '));
}

/** `182 MB to download · 420 MB on disk in ~/.ktx/runtime · 61 GB free` */
function bytesWords(summary: PlanSummary, folder: string): string {
  const { downloadBytes, diskBytes, freeBytes } = summary;
  return [
    downloadBytes === null
      ? t`Download size unknown`
      : downloadBytes === 0
        ? t`Nothing to download`
        : t`${formatBytes(downloadBytes)} to download`,
    diskBytes === null ? t`everything in ${folder}` : t`${formatBytes(diskBytes)} on disk in ${folder}`,
    ...(freeBytes === null ? [] : [t`${formatBytes(freeBytes)} free`]),
  ].join(' · ');
}

function hostWords({ hosts, hasOpenHosts }: PlanSummary, isBrief: boolean): string {
  const named = hosts.join(', ');
  if (hasOpenHosts) return t`Will be contacted: ${[...hosts, t`hosts that uv finds by itself`].join(', ')}`;
  if (hosts.length === 0) return t`No host will be contacted.`;
  if (hosts.length === 1)
    return isBrief ? t`Only this host: ${named}` : t`Only this host will be contacted: ${named}`;
  const count = said(formatCount(hosts.length, 'host'));
  return isBrief ? t`Only these ${count}: ${named}` : t`Only these ${count} will be contacted: ${named}`;
}
