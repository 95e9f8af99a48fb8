import { Box, useApp, useInput, usePaste, useWindowSize } from 'ink';
import { useEffect, useRef, useSyncExternalStore } from 'react';
import { t } from '../src/language/translate.ts';
import type { LogStore } from '../src/present/log-store.ts';
import { commandFor, type KeyName, keyPresses } from '../src/wizard/keys.ts';
import type { Wizard } from '../src/wizard/run-effects.ts';
import type { WizardState } from '../src/wizard/state.ts';
import { CheckScreen } from './check.tsx';
import { Frame, Help } from './components/frame.tsx';
import { Line } from './components/text.tsx';
import { FailureScreen } from './failure.tsx';
import { FeaturesScreen } from './features.tsx';
import { InstallScreen } from './install.tsx';
import { isTiny, type Size } from './layout/layout.ts';
import { pressed } from './layout/pressed.ts';
import { statusLine } from './layout/status-line.ts';
import { PanelScreen } from './panel.tsx';
import { PlanScreen } from './plan.tsx';
import { ReadyScreen } from './ready.tsx';
import { type Theme, ThemeContext } from './style/theme.ts';

export interface AppProps {
  wizard: Pick<Wizard, 'getSnapshot' | 'subscribe' | 'dispatch'>;
  logStore: Pick<LogStore, 'getSnapshot' | 'subscribe'>;
  theme: Theme;
  terminal?: TerminalKeys;
  handover?: Handover;
  now: () => number;
}

/** Actions of a few keys on the terminal itself, on every screen. */
export interface TerminalKeys {
  suspend(): void;
  repaint(): void;
}

/** Set by the screen: hands over keyboard and screen until the work is done. */
export interface Handover {
  lend: ((work: () => Promise<void>) => Promise<void>) | null;
}

/** The whole user interface: one Ink instance and one key handler from the first screen to the last. */
export function App({ wizard, logStore, theme, terminal, handover, now }: AppProps) {
  const { suspendTerminal, waitUntilRenderFlush } = useApp();
  const state = useSyncExternalStore(wizard.subscribe, wizard.getSnapshot);
  const log = useSyncExternalStore(logStore.subscribe, logStore.getSnapshot);
  const size: Size = useWindowSize();
  const waiting = useRef<KeyName[]>([]);
  const press = (name: KeyName): void => {
    const context = { size, log: logStore.getSnapshot(), homeDir: theme.homeDir, nowMs: now() };
    const event = pressed(wizard.getSnapshot(), name, context);
    if (event) wizard.dispatch(event);
  };
  const pressWaiting = (): void => {
    while (waiting.current.length > 0 && isReadingKeys(wizard.getSnapshot(), waiting.current)) {
      press(waiting.current.shift() as KeyName);
    }
  };
  useInput((input, key) => {
    // Simultaneous keys are handled one by one, each in the state left by the one before.
    for (const name of keyPresses(input, key)) {
      if (name === 'ctrl+z') terminal?.suspend();
      else if (name === 'ctrl+l') terminal?.repaint();
      else if (name === 'ctrl+c') press(name);
      else waiting.current.push(name);
    }
    pressWaiting();
    // A key is answered at once, also just after a frame that the log has caused.
    void waitUntilRenderFlush();
  });
  // Pasted text goes into the open field and never acts as keys.
  usePaste((text) => {
    if (!isTiny(size)) wizard.dispatch({ type: 'text', text });
  });
  useEffect(() => {
    if (handover) handover.lend = suspendTerminal;
  }, [handover, suspendTerminal]);
  const isLoading = state.screen === 'loading';
  // biome-ignore lint/correctness/useExhaustiveDependencies: only the end of loading lets waiting keys go
  useEffect(pressWaiting, [isLoading]);
  return <View state={state} size={size} log={log} theme={theme} />;
}

interface ViewProps extends BodyProps {
  theme: Theme;
}

/** The screen of a state. Needs no instance, so the first screen can be drawn before Ink is loaded. */
export function View({ state, size, log, theme }: ViewProps) {
  return (
    <ThemeContext value={theme}>
      {isTiny(size) ? (
        <Tiny state={state} size={size} />
      ) : (
        <Frame state={state} size={size}>
          {state.isHelpOpen ? (
            <Help state={state} size={size} />
          ) : (
            <Body state={state} size={size} log={log} />
          )}
        </Frame>
      )}
    </ThemeContext>
  );
}

/**
 * There is no question yet while the first screen loads, so keys are queued in order. A lone `q` leaves even
 * then.
 */
function isReadingKeys(state: WizardState, [first, ...others]: readonly KeyName[]): boolean {
  return state.screen !== 'loading' || (others.length === 0 && commandFor(state, first ?? '') !== null);
}

interface BodyProps {
  state: WizardState;
  size: Size;
  log: ReturnType<LogStore['getSnapshot']>;
}

function Body({ state, size, log }: BodyProps) {
  switch (state.screen) {
    case 'loading':
      return <Line tone="faint">{t`Checking what is already installed …`}</Line>;
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
      return <CheckScreen state={state} size={size} log={log} />;
    case 'panel':
      return <PanelScreen state={state} size={size} />;
    case 'left':
      return <Line tone="faint">{t`Stopping what is still running …`}</Line>;
  }
}

/** For a window too small for a screen: shows what is running and how to leave. */
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
