import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { PACKAGE_ROOT } from '../../src/support/package-root.ts';

/** A checkout of the ktx CLI with its dependencies installed. */
const checkout = process.env['KTX_CLI_CHECKOUT'] ?? '';
const isHere = existsSync(join(checkout, 'packages/cli/src'));

it.skipIf(!isHere)(
  `the ktx CLI runs on this library${isHere ? '' : ' (KTX_CLI_CHECKOUT names no checkout of it)'}`,
  async () => {
    const script = join(PACKAGE_ROOT, 'scripts/drop-in.mjs');
    const child = spawn(process.execPath, [script, checkout], { stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text;
      });
    }
    const exitCode = await new Promise((resolve) => child.once('close', resolve));
    expect(output).toContain('ok    ktx --version');
    expect(output).not.toMatch(/^FAIL/m);
    expect(exitCode, output).toBe(0);
  },
  1_200_000,
);
