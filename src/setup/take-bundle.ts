import { importBundle } from '../bundle/import-bundle.ts';
import { readBundleTrust } from '../bundle/read-trust.ts';
import { eventEmitter } from '../core/events.ts';
import { managedPythonRuntimeLayout } from '../core/layout.ts';
import type { PrepareOptions } from './request/install-types.ts';
import type { SetupOptions } from './request/setup-options.ts';

/** Verifies a bundle and loads it into the store. @throws BundleError, with nothing changed; CancelledError. */
export async function takeBundle(
  bundle: NonNullable<SetupOptions['bundle']>,
  options: PrepareOptions,
): Promise<void> {
  const { assetDir, runtimeRoot } = managedPythonRuntimeLayout(options);
  const trust = await readBundleTrust({ cliVersion: options.cliVersion, assetDir, ...bundle });
  await importBundle({
    path: bundle.path,
    trust,
    runtimeRoot,
    platform: `${process.platform}-${process.arch}`,
    emit: eventEmitter(options.onEvent),
    signal: options.signal,
  });
}
