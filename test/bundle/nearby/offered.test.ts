import { join } from 'node:path';
import { expect, it } from 'vitest';
import { bundleExpectation } from '../../../src/bundle/nearby/judge-bundle.ts';
import { packageVersion } from '../../../src/core/program-version.ts';
import { PACKAGE_ROOT } from '../../../src/support/package-root.ts';
import { plainEnvironment, runProgram } from '../../fixtures/program.ts';
import { writeSmallBundle } from '../../fixtures/small-bundle.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';

it('a setup that reaches no host names the bundle that lies beside it', async () => {
  const folder = await temporaryFolder();
  const wanted = (await bundleExpectation({
    cliVersion: packageVersion(),
    assetDir: join(PACKAGE_ROOT, 'assets', 'python'),
    features: ['core'],
  }))!;
  const { lockSha256, wheelSha256, platform } = wanted;
  const contents = { lockSha256, wheelSha256, platforms: [platform] };
  const bundle = await writeSmallBundle(join(folder, 'here'), { contents });
  const args = [
    'setup',
    '--yes',
    '--json',
    '--index-url',
    'http://127.0.0.1:9/simple',
    '--allow-host',
    'a.example',
  ];
  const { stdout } = await runProgram(args, { env: plainEnvironment(folder), cwd: join(folder, 'here') });
  const { failure } = JSON.parse(stdout.trim().split('\n').at(-1)!);
  const offered = failure.remedies.find(({ id }: { id: string }) => id === 'use-bundle');
  expect(offered.argv.slice(-5)).toEqual(['setup', '--yes', '--json', '--bundle', bundle]);
});
