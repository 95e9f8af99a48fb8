#!/usr/bin/env node
// A program with commands of its own; the rest (setup, doctor, admin, bundle) is this library under the program's name.
import { runSetupCli } from 'ktx-setup/cli';

if (process.argv[2] === 'ask') {
  // Headless: the runtime is installed on first use, then its command is run.
  const { ensureManagedPythonCommandRuntime } = await import('ktx-setup');
  const { execFileSync } = await import('node:child_process');
  const { manifest } = await ensureManagedPythonCommandRuntime({
    cliVersion: '2.1.0',
    installPolicy: process.argv.includes('--yes') ? 'auto' : 'prompt',
    io: process,
  });
  process.stdout.write(
    execFileSync(manifest.python.daemonExecutable, ['ask', process.argv[3] ?? ''], { encoding: 'utf8' }),
  );
} else {
  process.exitCode = await runSetupCli();
}
