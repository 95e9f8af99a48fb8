import chalk from 'chalk';
import { type Instance, type RenderOptions, render } from 'ink';
import { App, type AppProps, type Handover } from '../../../screens/app.tsx';
import { createHarmlessView } from '../../support/harmless.ts';
import { personText } from '../person-text.ts';

const HOME_AND_ERASE = '\u001b[H\u001b[2J';

export interface MountedApp extends Instance {
  /** Draws the whole frame again, onto an empty screen. */
  redraw(): void;
  /** Gives keyboard and screen to somebody else until the work is done, then draws again. */
  lend<T>(work: () => Promise<T>): Promise<T>;
}

/** The one place that calls Ink's `render`. Loaded when the wizard runs already: Ink costs most of a start. */
export function mountApp(
  props: AppProps,
  { hasStyles = true, ...streams }: Pick<RenderOptions, 'stdin' | 'stdout'> & { hasStyles?: boolean },
): MountedApp {
  chalk.level = hasStyles ? 1 : 0;
  const handover: Handover = { lend: null };
  const app = { ...props, handover, wizard: harmlessWizard(props.wizard) };
  const instance = render(<App {...app} />, {
    ...streams,
    // The caller enters it: Ink's own way leaves the cursor where the normal screen had it.
    alternateScreen: false,
    incrementalRendering: true,
    exitOnCtrlC: false,
    // Whether to come here was decided by the caller; Ink's own guess would take `CI` for an answer.
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

/** Whatever a state holds, no terminal obeys it. What the wizard itself works with stays as it is. */
function harmlessWizard({ getSnapshot, subscribe, dispatch }: AppProps['wizard']): AppProps['wizard'] {
  const view = createHarmlessView(personText);
  return { subscribe, dispatch, getSnapshot: () => view(getSnapshot()) };
}
