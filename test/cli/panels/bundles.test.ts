import { rm, writeFile } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { expect, it } from 'vitest';
import { watchBundles } from '../../../src/cli/panels/bundles.ts';
import { packageVersion } from '../../../src/core/program-version.ts';
import type { PanelAnswer } from '../../../src/wizard/panels/panels.ts';
import { writeSmallBundle } from '../../fixtures/small-bundle.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';

type Facts = Extract<PanelAnswer, { type: 'bundles' }>['facts'];

/** Watches a folder, and waits for what is told of it. */
function watching(cwd: string) {
  const stop = new AbortController();
  const told: Facts[] = [];
  let heard = (): void => {};
  const watched = watchBundles(
    {
      setup: { cliVersion: packageVersion(), features: ['core'], runtimeRoot: cwd, signal: stop.signal },
      tell: (answer) => {
        if (answer.type === 'bundles') told.push(answer.facts);
        heard();
      },
      lendTerminal: (work) => work(),
    },
    { projectDir: cwd, cwd },
  );
  const until = async (isTold: (facts: Facts) => boolean): Promise<void> => {
    while (!told.some(isTold)) {
      const news = new Promise<void>((resolve) => {
        heard = resolve;
      });
      await Promise.race([news, watched]);
    }
  };
  return { told, until, stop, watched };
}

it('a file that is taken away is no longer told of', async () => {
  const cwd = await temporaryFolder();
  const bundle = await writeSmallBundle(cwd);
  const { told, until, stop, watched } = watching(cwd);
  await until(({ candidates }) => candidates.some(({ path }) => path === bundle));
  const count = told.length;
  await rm(bundle);
  await until(
    (facts) => told.indexOf(facts) >= count && facts.candidates.every(({ path }) => path !== bundle),
  );
  stop.abort();
  await expect(watched).rejects.toMatchObject({ name: 'CancelledError' });
});

it('nor is one that came and went meanwhile', async () => {
  const cwd = await temporaryFolder();
  const { told, until, stop, watched } = watching(cwd);
  await until(() => true);
  const broken = join(cwd, (await writeSmallBundle(await temporaryFolder())).split(sep).at(-1)!);
  await writeFile(broken, 'not a bundle');
  const isThere = (facts: Facts) => facts.candidates.some(({ path }) => path === broken);
  await until(isThere);
  const count = told.length;
  await rm(broken);
  await until((facts) => told.indexOf(facts) >= count && !isThere(facts));
  stop.abort();
  await expect(watched).rejects.toMatchObject({ name: 'CancelledError' });
});
