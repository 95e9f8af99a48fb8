import { switchOver } from '../../src/runtime/switchover.ts';

const switchover = JSON.parse(process.argv[2]!);
process.send?.('starts');
await switchOver({ ...switchover, journal: { write() {} }, note() {} });
process.disconnect?.();
