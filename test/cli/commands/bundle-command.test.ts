import { expect, it } from 'vitest';
import { runBundleCommand } from '../../../src/cli/commands/bundle-command.ts';
import { capturedIo } from '../../fixtures/captured-io.ts';
import { writeSmallBundle } from '../../fixtures/small-bundle.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';

it('inspects and verifies where there is no home', async () => {
  const folder = await temporaryFolder();
  const file = await writeSmallBundle(folder);
  const { HOME } = process.env;
  process.env['HOME'] = 'not/absolute';
  try {
    const inspected = capturedIo();
    expect(
      await runBundleCommand({ command: 'inspect', file, isJson: false }, inspected.io, { cwd: folder }),
    ).toBe(0);
    expect(inspected.printed.stdout).toContain('made by ktx 0.3.0 for linux-x64');
    const verified = capturedIo();
    const args = {
      command: 'verify' as const,
      file,
      trust: null,
      isSignatureRequired: false,
      receipt: null,
      isJson: true,
    };
    expect(await runBundleCommand(args, verified.io, { cwd: folder })).toBe(1);
    expect(JSON.parse(verified.printed.stdout.trim()).failure.title).toContain('another version of ktx');
  } finally {
    process.env['HOME'] = HOME;
  }
});
