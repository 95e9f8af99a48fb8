// `npm run test:load [part…]`: many clients, good and hostile ones, each figure with its limit. Every part takes less than five
// minutes. KTX_BENCH_DAEMON and KTX_EMBEDDINGS_MODEL_DIR name an installed runtime for `hostile` and `kinds`; otherwise one is installed.
import { spawnSync } from 'node:child_process';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { PACKAGE_ROOT } from '../../src/support/package-root.ts';

const REQUESTS = { KTX_LOAD_REQUESTS: '10000', KTX_LOAD_STATEMENTS: '10000' };

const PARTS: Record<string, () => Promise<boolean>> = {
  requests: async () => isGreen('embeddings-load'),
  statements: async () => isGreen('sql-load'),
  async hostile() {
    const [{ withRig, rowText }, { hostileRows }] = await Promise.all([
      import('../fixtures/embeddings-rig.ts'),
      import('./hostile.ts'),
    ]);
    let isMet = true;
    await withRig(async (rig) => {
      for (const row of await hostileRows(rig)) {
        console.log(rowText(row));
        isMet &&= row.isMet !== false;
      }
    });
    return isMet;
  },
  async kinds() {
    const [{ withRig, rowText }, { kindRows }] = await Promise.all([
      import('../fixtures/embeddings-rig.ts'),
      import('./kinds.ts'),
    ]);
    await withRig((rig) => kindRows(rig, (row) => console.log(rowText(row))));
    return true;
  },
};

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !(name in PARTS));
if (unknown.length > 0) {
  console.error(`No part ${unknown.join(', ')}. There are: ${Object.keys(PARTS).join(', ')}`);
  process.exitCode = 1;
} else {
  for (const [name, part] of Object.entries(PARTS)) {
    if (wanted.length > 0 && !wanted.includes(name)) continue;
    console.log(`${name} (load ${loadavg()[0]!.toFixed(1)} at its start)`);
    if (!(await part())) process.exitCode = 1;
  }
}

function isGreen(name: string): boolean {
  const vitest = join(PACKAGE_ROOT, 'node_modules', '.bin', 'vitest');
  const { status } = spawnSync(vitest, ['run', `test/e2e/${name}.test.ts`], {
    cwd: PACKAGE_ROOT,
    env: { ...process.env, ...REQUESTS },
    stdio: 'inherit',
  });
  return status === 0;
}
