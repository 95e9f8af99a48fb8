import { said, t } from '../language/translate.ts';
import { localMinute } from '../support/text/local-time.ts';
import type { UndoTarget } from './functions.ts';
import type { PanelLine } from './panels/panel.ts';

export const UNDO_CHOICES = [
  { id: 'switch', label: 'Switch to it' },
  { id: 'back', label: 'Back' },
] as const;

/** What an undo would switch from and to. @param isBrief with the end of each folder only. */
export function undoLines({ from, to }: UndoTarget, isBrief = false): PanelLine[] {
  return [
    { text: from === null ? t`Now: none that works` : t`Now: ${sideWords(from, isBrief)}` },
    { text: t`After switching: ${sideWords(to, isBrief)}` },
    { text: '' },
    { text: 'It is tested before it is used. Nothing is downloaded, and you can undo this too.' },
  ];
}

function sideWords({ features, installedAt, environmentDir }: UndoTarget['to'], isBrief: boolean): string {
  const names = features.map(said).join(' + ');
  const folder = isBrief
    ? environmentDir.replace(/^.*(?=[\\/][^\\/]+[\\/][^\\/]+$)/, '\u2026')
    : environmentDir;
  return t`${names}, installed ${localMinute(installedAt)}, in ${folder}`;
}

export function undoTitle({ direction, to }: UndoTarget): string {
  const minute = localMinute(to.installedAt);
  return direction === 'back'
    ? t`Go back to the environment of ${minute}?`
    : t`Go forward to the environment of ${minute}?`;
}
