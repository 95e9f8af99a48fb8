import { type Command, InvalidArgumentError } from 'commander';
import { requireValue } from './setup-flags.ts';

/** Parsed arguments of `ktx bundle …`. Paths as given. */
export type BundleArgs = { isJson: boolean } & (
  | {
      command: 'create';
      platforms: readonly string[];
      features: readonly string[];
      python: string;
      output: string;
      pythonArchives: readonly string[];
      isWithApp: boolean;
      nodeArchives: readonly string[];
      indexUrl: string | null;
      isOffline: boolean;
      runtimeRoot: string | null;
      since: string | null;
      signKey: string | null;
      splitBytes: number | null;
    }
  | {
      command: 'verify';
      file: string;
      trust: string | null;
      isSignatureRequired: boolean;
      receipt: string | null;
    }
  | { command: 'inspect'; file: string }
  | { command: 'diff'; older: string; newer: string }
);

interface CreateFlags {
  platform?: string[];
  feature?: string[];
  python?: string;
  output: string;
  pythonArchive?: string[];
  withApp?: boolean;
  nodeArchive?: string[];
  indexUrl?: string;
  offline?: boolean;
  runtimeRoot?: string;
  since?: string;
  signKey?: string;
  split?: number;
  json?: boolean;
}

/** Adds the commands; their code is imported when one of them runs. */
export function addBundle(program: Command, run: (args: BundleArgs) => Promise<void>): void {
  const bundle = program
    .command('bundle')
    .description('carry an install to a machine without a network in one file');
  const collect = (value: string, previous: string[] = []) => [...previous, value];
  bundle
    .command('create')
    .description('make a bundle: uv, Python, packages and model, every byte checked')
    .requiredOption('--output <file>', 'the file to write')
    .option(
      '--platform <name>',
      'linux-x64, linux-arm64, darwin-arm64, darwin-x64, win32-x64 or win32-arm64 (repeatable; this machine)',
      collect,
    )
    .option('--feature <name>', 'core or local-embeddings (repeatable; core)', collect)
    .option(
      '--python <choice>',
      'managed: the pinned Python comes along; none: the target has one',
      'managed',
    )
    .option(
      '--python-archive <file>',
      'the archive of the pinned Python, where it cannot be fetched (repeatable)',
      collect,
    )
    .option('--with-app', 'bring ktx and a Node along, for machines that have neither')
    .option(
      '--node-archive <file>',
      'the wheel or the binary of the pinned Node, where it cannot be fetched (repeatable)',
      collect,
    )
    .option('--index-url <url>', 'the package index to fetch from')
    .option('--offline', 'use only what is in the store')
    .option('--runtime-root <dir>', 'the runtime folder [env: KTX_RUNTIME_ROOT; default: ~/.ktx/runtime]')
    .option('--since <file>', 'leave out what this earlier bundle holds')
    .option('--sign-key <file>', 'sign it with this SSH key (ssh-keygen)')
    .option('--split <size>', 'write parts of at most this size, such as 2GB', parseSize)
    .option('--json', 'print JSON')
    .action((flags: CreateFlags) =>
      run({
        command: 'create',
        platforms: flags.platform ?? [],
        features: flags.feature ?? ['core'],
        python: flags.python ?? 'managed',
        output: requireValue('--output', flags.output),
        pythonArchives: flags.pythonArchive ?? [],
        isWithApp: flags.withApp === true || flags.nodeArchive !== undefined,
        nodeArchives: flags.nodeArchive ?? [],
        indexUrl: flags.indexUrl ?? null,
        isOffline: flags.offline === true,
        runtimeRoot:
          flags.runtimeRoot === undefined ? null : requireValue('--runtime-root', flags.runtimeRoot),
        since: flags.since ?? null,
        signKey: flags.signKey ?? null,
        splitBytes: flags.split ?? null,
        isJson: flags.json === true,
      }),
    );
  bundle
    .command('verify <file>')
    .description('check every byte of a bundle, offline, and print a receipt')
    .option('--trust <file>', 'the trusted signers, in the format of allowed_signers')
    .option('--require-signature', 'refuse a bundle that is not signed by one of them')
    .option('--receipt <file>', 'save the receipt as JSON')
    .option('--json', 'print the receipt as JSON')
    .action(
      (
        file: string,
        flags: { trust?: string; requireSignature?: boolean; receipt?: string; json?: boolean },
      ) =>
        run({
          command: 'verify',
          file,
          trust: flags.trust ?? null,
          isSignatureRequired: flags.requireSignature === true,
          receipt: flags.receipt ?? null,
          isJson: flags.json === true,
        }),
    );
  bundle
    .command('inspect <file>')
    .description('list what a bundle contains, without verifying it')
    .option('--json', 'print JSON')
    .action((file: string, flags: { json?: boolean }) =>
      run({ command: 'inspect', file, isJson: flags.json === true }),
    );
  bundle
    .command('diff <older> <newer>')
    .description('compare two bundles')
    .option('--json', 'print JSON')
    .action((older: string, newer: string, flags: { json?: boolean }) =>
      run({ command: 'diff', older, newer, isJson: flags.json === true }),
    );
}

const UNITS: Record<string, number> = { kb: 1e3, mb: 1e6, gb: 1e9 };

function parseSize(text: string): number {
  const match = /^(\d+)\s*(kb|mb|gb)$/i.exec(text);
  const bytes = match ? Number(match[1]) * (UNITS[match[2]!.toLowerCase()] ?? 1) : 0;
  if (!Number.isSafeInteger(bytes) || bytes < 1e6)
    throw new InvalidArgumentError('It takes a size of at least 1MB, such as 700MB or 2GB.');
  return bytes;
}
