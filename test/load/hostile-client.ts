// One kind of hostile client. Arguments: kind, port, seconds.
import { HOSTILE_KINDS, type HostileKind } from './hostile-kinds.ts';

const [kind, port, seconds] = process.argv.slice(2) as [HostileKind, string, string];
await HOSTILE_KINDS[kind](Number(port), AbortSignal.timeout(Number(seconds) * 1000)).catch(() => {});
process.exit();
