import { type Instance, type RenderOptions, render } from 'ink';
import { App, type AppProps } from '../../../screens/app.tsx';
import { createHarmlessView } from '../../support/harmless.ts';

/** The one place that calls Ink's `render`. Loaded when the wizard runs already: Ink costs most of a start. */
export function mountApp(props: AppProps, streams: Pick<RenderOptions, 'stdin' | 'stdout'>): Instance {
  return render(<App {...props} wizard={harmlessWizard(props.wizard)} />, {
    ...streams,
    alternateScreen: true,
    incrementalRendering: true,
    exitOnCtrlC: false,
    // Whether to come here was decided by the caller; Ink's own guess would take `CI` for an answer.
    interactive: true,
    maxFps: 60,
  });
}

/** Whatever a state holds, no terminal obeys it. What the wizard itself works with stays as it is. */
function harmlessWizard({ getSnapshot, subscribe, dispatch }: AppProps['wizard']): AppProps['wizard'] {
  const view = createHarmlessView();
  return { subscribe, dispatch, getSnapshot: () => view(getSnapshot()) };
}
