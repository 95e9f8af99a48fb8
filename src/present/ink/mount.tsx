import chalk from 'chalk';
import { type Instance, type RenderOptions, render } from 'ink';
import { App, type AppProps, type Handover } from '../../../screens/app.tsx';
import { createHarmlessView } from '../../support/harmless.ts';
import { personText } from '../person-text.ts';

const HOME_AND_ERASE = '\u001b[H\u001b[2J';

export interface MountedApp extends Instance {
  /** Redraws the whole frame on an empty screen. */
  redraw(): void;
  /** Hands over keyboard and screen until the work is done, then redraws. */
  lend<T>(work: () => Promise<T>): Promise<T>;
}

/**
 * The only caller of Ink's `render`. Imported after the wizard has started: Ink is most of the start-up time.
 */
export function mountApp(
  props: AppProps,
  { hasStyles = true, ...streams }: Pick<RenderOptions, 'stdin' | 'stdout'> & { hasStyles?: boolean },
): MountedApp {
  chalk.level = hasStyles ? 1 : 0;
  const handover: Handover = { lend: null };
  const app = { ...props, handover, wizard: harmlessWizard(props.wizard) };
  const instance = render(<App {...app} />, {
    ...streams,
    // The caller enters it: Ink would leave the cursor at its position on the normal screen.
    alternateScreen: false,
    incrementalRendering: true,
    exitOnCtrlC: false,
    // The caller has decided; Ink's own guess depends on `CI`.
    interactive: true,
    maxFps: 60,
  });
  return {
    ...instance,
    redraw() {
      instance.clear();
      streams.stdout?.write(HOME_AND_ERASE);
      instance.rerender(<App {...app} />);
    },
    async lend(work) {
      if (handover.lend === null) return work();
      const results: Awaited<ReturnType<typeof work>>[] = [];
      await handover.lend(async () => {
        results.push(await work());
      });
      return results[0]!;
    },
  };
}

/** Removes terminal control characters from the displayed state; the wizard itself works with the original. */
function harmlessWizard({ getSnapshot, subscribe, dispatch }: AppProps['wizard']): AppProps['wizard'] {
  const view = createHarmlessView(personText);
  return { subscribe, dispatch, getSnapshot: () => view(getSnapshot()) };
}
