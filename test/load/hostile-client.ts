// Hostile clients of some kinds. Arguments: port, seconds, kinds. Says when it is ready and begins when it is told to.
import { HOSTILE_KINDS, type HostileKind } from './hostile-kinds.ts';

const [port, seconds, ...kinds] = process.argv.slice(2) as [string, string, ...HostileKind[]];
process.once('message', async () => {
  const signal = AbortSignal.timeout(Number(seconds) * 1000);
  await Promise.all(kinds.map((kind) => HOSTILE_KINDS[kind](Number(port), signal).catch(() => {})));
  process.exit();
});
process.send!('ready');
