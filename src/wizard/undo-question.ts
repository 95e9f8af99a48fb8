import { said, t } from '../language/translate.ts';
import { localMinute } from '../support/text/local-time.ts';
import type { UndoTarget } from './functions.ts';
import type { PanelLine } from './panels/panel.ts';

export const UNDO_CHOICES = [
  { id: 'switch', label: 'Switch to it' },
  { id: 'back', label: 'Back' },
] as const;

/** What an undo would switch from and to. */
export function undoLines({ from, to }: UndoTarget): PanelLine[] {
  return [
    { text: from === null ? t`Now: none that works` : t`Now: ${sideWords(from)}` },
    { text: t`After switching: ${sideWords(to)}` },
    { text: '' },
    { text: 'It is tested before it is used. Nothing is downloaded, and you can undo this too.' },
  ];
}

function sideWords({ features, installedAt, environmentDir }: UndoTarget['to']): string {
  const names = features.map(said).join(' + ');
  return t`${names}, installed ${localMinute(installedAt)}, in ${environmentDir}`;
}

export function undoTitle({ direction, to }: UndoTarget): string {
  const minute = localMinute(to.installedAt);
  return direction === 'back'
    ? t`Go back to the environment of ${minute}?`
    : t`Go forward to the environment of ${minute}?`;
}
