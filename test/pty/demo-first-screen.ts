// The first screen of the demo, before the wizard is loaded: what a quick look would have found on the demo's machine.
import { showFirstScreen } from '../../src/present/first-screen/show.ts';
import type { FirstScreen } from '../../src/present/terminal/first-screen.ts';
import { reduce } from '../../src/wizard/reduce.ts';
import { startWizard } from '../../src/wizard/state.ts';
import { DEMO_OVERVIEW, DEMO_READY_OVERVIEW } from './demo-data.ts';

export function begin(onLeave: (exitCode: number) => void): FirstScreen {
  const { stdin, stdout, env } = process;
  const nowMs = Date.now();
  const { next } = startWizard({ nowMs, hasProject: true });
  const overview = env['DEMO_SCENARIO'] === 'ready' ? DEMO_READY_OVERVIEW : DEMO_OVERVIEW;
  const isUnknown = env['DEMO_GUESS'] === 'nothing';
  const begin = isUnknown ? next : reduce(next, { type: 'overview', runId: 1, overview, nowMs }).next;
  return showFirstScreen({ stdin, stdout, env, homeDir: '/home/ada', begin, onLeave });
}
