import { type Instance, type RenderOptions, render } from 'ink';
import { App, type AppProps } from '../../../screens/app.tsx';

/** The one place that calls Ink's `render`. Loaded when the wizard runs already: Ink costs most of a start. */
export function mountApp(props: AppProps, streams: Pick<RenderOptions, 'stdin' | 'stdout'>): Instance {
  return render(<App {...props} />, {
    ...streams,
    alternateScreen: true,
    incrementalRendering: true,
    exitOnCtrlC: false,
    // Whether to come here was decided by the caller; Ink's own guess would take `CI` for an answer.
    interactive: true,
    maxFps: 60,
  });
}
