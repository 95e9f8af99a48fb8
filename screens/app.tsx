import { Box, useInput, useWindowSize } from 'ink';
import { useSyncExternalStore } from 'react';
import type { LogStore } from '../src/present/log-store.ts';
import { planChoices } from '../src/wizard/choices.ts';
import { commandFor, keyPresses } from '../src/wizard/keys.ts';
import type { Wizard } from '../src/wizard/run-effects.ts';
import type { Command, WizardState } from '../src/wizard/state.ts';
import { CheckScreen } from './check.tsx';
import { Frame, Help } from './components/frame.tsx';
import { Line } from './components/text.tsx';
import { FailureScreen } from './failure.tsx';
import { FeaturesScreen } from './features.tsx';
import { InstallScreen } from './install.tsx';
import { isShort, isTiny, type Size, viewSize } from './layout/layout.ts';
import { planRoom } from './layout/plan-layout.ts';
import { statusLine } from './layout/status-line.ts';
import { PlanScreen } from './plan.tsx';
import { ReadyScreen } from './ready.tsx';
import { type Theme, ThemeContext } from './style/theme.ts';

export interface AppProps {
  wizard: Pick<Wizard, 'getSnapshot' | 'subscribe' | 'dispatch'>;
  logStore: Pick<LogStore, 'getSnapshot' | 'subscribe'>;
  theme: Theme;
  now: () => number;
}

/** The whole program as a person sees it: one Ink instance and one key handler from the first screen to the last. */
export function App({ wizard, logStore, theme, now }: AppProps) {
  const state = useSyncExternalStore(wizard.subscribe, wizard.getSnapshot);
  const log = useSyncExternalStore(logStore.subscribe, logStore.getSnapshot);
  const size: Size = useWindowSize();
  useInput((input, key) => {
    // Keys that came together are read one by one, each in the state that the one before it has left.
    for (const name of keyPresses(input, key)) {
      const current = wizard.getSnapshot();
      const command = commandFor(current, name);
      if (command === null || (isTiny(size) && !isBlindCommand(command))) continue;
      if (isConfirmingUnseen(current, command, size, theme.homeDir)) continue;
      const view = viewSize(current, size, logStore.getSnapshot(), theme.homeDir);
      wizard.dispatch({ type: 'command', command, view, nowMs: now() });
    }
  });
  return (
    <ThemeContext value={theme}>
      {isTiny(size) ? (
        <Tiny state={state} size={size} />
      ) : (
        <Frame state={state} size={size}>
          {state.isHelpOpen ? (
            <Help state={state} isTight={isShort(size)} />
          ) : (
            <Body state={state} size={size} log={log} />
          )}
        </Frame>
      )}
    </ThemeContext>
  );
}

/** What may be done in a window that shows no choices: nobody confirms what they cannot see. */
function isBlindCommand(command: Command): boolean {
  return command === 'quit' || command === 'interrupt' || command === 'stop-yes' || command === 'stop-no';
}

/** The plan in a window that is too small for all that one agrees to. */
function isConfirmingUnseen(state: WizardState, command: Command, size: Size, homeDir: string): boolean {
  if (command !== 'confirm' || state.screen !== 'plan' || state.summary === null) return false;
  const { runtimeRoot } = state.overview;
  const isAgreeing = planChoices(state)[state.cursor]?.id === 'install';
  return isAgreeing && !planRoom(state.summary, { runtimeRoot, homeDir }, size).isConsentWhole;
}

interface BodyProps {
  state: WizardState;
  size: Size;
  log: ReturnType<LogStore['getSnapshot']>;
}

function Body({ state, size, log }: BodyProps) {
  switch (state.screen) {
    case 'loading':
      return <Line tone="faint">Looking at what is here already …</Line>;
    case 'ready':
      return <ReadyScreen state={state} size={size} />;
    case 'features':
      return <FeaturesScreen state={state} size={size} />;
    case 'plan':
      return <PlanScreen state={state} size={size} />;
    case 'installing':
      return <InstallScreen state={state} size={size} log={log} />;
    case 'failure':
      return <FailureScreen state={state} size={size} log={log} />;
    case 'check':
      return <CheckScreen state={state} size={size} />;
    case 'left':
      return <Line tone="faint">Stopping what still runs …</Line>;
  }
}

/** A window too small for a screen: what happens goes on, and it says what that is and how to leave. */
function Tiny({ state, size }: { state: WizardState; size: Size }) {
  const { status, hints } = statusLine(state, size.columns);
  return (
    <Box flexDirection="column" width="100%" flexShrink={0}>
      <Line>{status}</Line>
      {hints.slice(0, Math.max(1, size.rows - 2)).map((hint) => (
        <Line key={hint} tone="faint" cut="middle">
          {hint}
        </Line>
      ))}
    </Box>
  );
}
