import { expect, it } from 'vitest';
import { missingForSsh } from '../fixtures/ssh-server.ts';
import { diskObstacle, hostFaultRows, hostFaultTable } from './model-host.ts';

const missing = missingForSsh();
const title = 'whatever happens to a change of a model host, the old or the new file is there, or its backup';

/** The short form; `npm run test:faults hosts` has the long one. */
it.skipIf(missing !== null)(missing === null ? title : `${title} (left out: ${missing})`, async () => {
  const rows = await hostFaultRows({ changes: 10, seed: 1 });
  console.log(hostFaultTable(rows));
  if (diskObstacle !== null) console.log(`no full disk: ${diskObstacle}`);
  expect(rows.flatMap(({ fault, problems }) => problems.map((problem) => `${fault}: ${problem}`))).toEqual(
    [],
  );
});
