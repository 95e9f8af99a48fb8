import { expect, it } from 'vitest';
import { findInterpreters } from '../kernel/interpreters.ts';
import { kernelRun, kernelTable } from './kernel.ts';
import { seeded } from './kill.ts';

/** The short form of `npm run test:faults kernel`. */
for (const { minor, path } of findInterpreters()) {
  if (path === null) continue;
  it(`requests that are interrupted at random lose nothing in Python ${minor}`, async () => {
    const run = await kernelRun({
      pythonPath: path,
      requests: 200,
      random: seeded(Number(minor.split('.')[1])),
    });
    console.log(kernelTable([run]));
    expect(run.problems).toEqual([]);
    expect(run.stopped).toBeGreaterThan(0);
  });
}
