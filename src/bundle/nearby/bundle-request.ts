import type { KtxRuntimeFeature } from '../../core/features.ts';
import type { RuntimeLock } from '../../shipped/lock.ts';
import { commandLine } from '../../support/remedy.ts';
import { formatBytes } from '../../support/text/format.ts';
import { type BundlePlatform, neededFiles } from '../pins.ts';

/** What to do on a machine with a network to get a bundle for this one. */
export interface BundleRequest {
  /** The words of the command; it works without an installed ktx. */
  argv: readonly string[];
  /** The same command as one line, to type or photograph. */
  command: string;
  /** The file that the command creates. */
  fileName: string;
  /** Its approximate size; sizes missing in the lock are estimated. */
  sizeBytes: number;
  /** The request in a few lines, for paper or a chat. */
  text: readonly string[];
}

/** Archives of Python have 20 to 35 MB; the lock does not record their sizes. */
const PYTHON_ARCHIVE_BYTES = 32_000_000;

/** The command for the connected machine, with this machine's platform and features filled in. Pure. */
export function bundleRequest(options: {
  cliVersion: string;
  lock: RuntimeLock;
  platform: BundlePlatform;
  features: readonly KtxRuntimeFeature[];
  /** `none` when this machine has a Python that ktx supports. */
  python: 'managed' | 'none';
}): BundleRequest {
  const { cliVersion, platform, features, python } = options;
  const fileName = `ktx-${cliVersion}-${platform}.bundle`;
  const argv = [
    ...['npx', `ktx-setup@${cliVersion}`, 'bundle', 'create'],
    ...['--platform', platform],
    ...features.filter((feature) => feature !== 'core').flatMap((feature) => ['--feature', feature]),
    ...(python === 'none' ? ['--python', 'none'] : []),
    ...['--output', fileName],
  ];
  const sizeBytes = neededFiles({ ...options, platforms: [platform] })
    .flatMap(({ alternatives }) => alternatives[0] ?? [])
    .reduce((sum, file) => sum + (file.sizeBytes ?? PYTHON_ARCHIVE_BYTES), 0);
  const command = commandLine(argv);
  return {
    argv,
    command,
    fileName,
    sizeBytes,
    text: [
      'On a machine with internet and Node:',
      command,
      `It makes ${fileName}, about ${formatBytes(sizeBytes)}. Carry it to this machine.`,
    ],
  };
}
