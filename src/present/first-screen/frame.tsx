import { View } from '../../../screens/app.tsx';
import type { Size } from '../../../screens/layout/layout.ts';
import type { Theme } from '../../../screens/style/theme.ts';
import { createHarmlessView } from '../../support/harmless.ts';
import type { WizardState } from '../../wizard/state.ts';
import type { LogSnapshot } from '../log-store.ts';
import { paint } from '../paint/paint.ts';
import { personText } from '../person-text.ts';

const harmless = createHarmlessView(personText);

/**
 * The rows of a state's screen, as Ink would draw them.
 * @throws when the state needs something that only Ink can draw.
 */
export function frameRows(
  state: WizardState,
  size: Size,
  theme: Theme,
  hasStyles: boolean,
  log: LogSnapshot,
): string[] {
  const tree = <View state={harmless(state)} size={size} log={log} theme={theme} />;
  return paint(tree, { ...size, hasStyles });
}
