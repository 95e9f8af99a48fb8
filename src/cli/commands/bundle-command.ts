import { resolve } from 'node:path';
import type { BundleContents } from '../../bundle/archive/bundle-schema.ts';
import { type BundleDifference, compareBundles } from '../../bundle/compare.ts';
import { createBundle } from '../../bundle/create.ts';
import { BUNDLE_PLATFORMS, type BundlePlatform } from '../../bundle/pins.ts';
import { progressTeller } from '../../bundle/progress-words.ts';
import { readBundleTrust } from '../../bundle/read-trust.ts';
import { receiptLines, receiptOf } from '../../bundle/receipt.ts';
import { signContents } from '../../bundle/sign.ts';
import { readBundleContents, verifyBundle } from '../../bundle/verify.ts';
import { eventEmitter } from '../../core/events.ts';
import { type KtxRuntimeFeature, RUNTIME_FEATURES } from '../../core/features.ts';
import { shippedAssetDir } from '../../core/layout.ts';
import { programVersion } from '../../core/program-version.ts';
import type { KtxCliIo } from '../../embed/io.ts';
import { createLinePresenter } from '../../present/lines.ts';
import { jsonText, writeFileAtomic } from '../../support/fs/atomic-file.ts';
import { assertGivenFile, outputPathOf } from '../../support/fs/given-path.ts';
import { homeFolder } from '../../support/home/home-folder.ts';
import { withStopSignals } from '../../support/stop-signals.ts';
import { formatBytes } from '../../support/text/format.ts';
import { printFailureEvent, thrownFailure } from '../output/failure-event.ts';
import { printError } from '../output/print-error.ts';
import type { BundleArgs } from './bundle-program.ts';

interface BundleCommandDeps {
  env?: NodeJS.ProcessEnv;
  cwd: string;
  isDebug?: boolean;
}

/** Runs `ktx bundle …` and resolves with its exit code: 0 done, 1 failed or refused, 130 interrupted. */
export async function runBundleCommand(
  args: BundleArgs,
  io: KtxCliIo,
  deps: BundleCommandDeps,
): Promise<number> {
  return withStopSignals(async (signal) => {
    try {
      await run(args, io, deps, signal);
      return 0;
    } catch (error) {
      if (signal.aborted) io.stderr.write('Stopped. No incomplete bundle was left.\n');
      else if (args.isJson) printFailureEvent(io, await thrownFailure(error, 'Nothing was changed.'));
      else printError(io, error, deps.isDebug);
      return signal.aborted ? 130 : 1;
    }
  });
}

async function run(
  args: BundleArgs,
  io: KtxCliIo,
  deps: BundleCommandDeps,
  signal: AbortSignal,
): Promise<void> {
  const print = (lines: readonly string[]) => void io.stdout.write(lines.map((line) => `${line}\n`).join(''));
  const at = (path: string) => resolve(deps.cwd, path);
  const cliVersion = programVersion();
  const assetDir = shippedAssetDir();
  switch (args.command) {
    case 'create':
      return create(args, { io, deps, signal, print, at, cliVersion, assetDir });
    case 'verify': {
      // Before the bundle is read.
      const receiptPath =
        args.receipt === null
          ? null
          : await outputPathOf(at(args.receipt), { what: 'file', flag: '--receipt <file>' });
      const trust = await readBundleTrust({
        cliVersion,
        assetDir,
        trustFile: args.trust === null ? undefined : at(args.trust),
        isSignatureRequired: args.isSignatureRequired,
      });
      const verified = await verifyBundle(at(args.file), trust, {
        signal,
        onBytes: progressTeller((text) => {
          if (!args.isJson) print([`[verify] ${text}`]);
        }),
      });
      const receipt = receiptOf(at(args.file), verified, cliVersion, new Date());
      if (receiptPath !== null) await writeFileAtomic(receiptPath, jsonText(receipt));
      print(args.isJson ? [JSON.stringify(receipt)] : receiptLines(receipt));
      return;
    }
    case 'inspect': {
      const contents = await readBundleContents(at(args.file), signal);
      print(args.isJson ? [JSON.stringify(contents)] : contentsLines(contents));
      return;
    }
    case 'diff': {
      const [older, newer] = [
        await readBundleContents(at(args.older), signal),
        await readBundleContents(at(args.newer), signal),
      ];
      const difference = compareBundles(older, newer);
      print(args.isJson ? [JSON.stringify(difference)] : differenceLines(difference));
    }
  }
}

async function create(
  args: Extract<BundleArgs, { command: 'create' }>,
  context: {
    io: KtxCliIo;
    deps: BundleCommandDeps;
    signal: AbortSignal;
    print: (lines: readonly string[]) => void;
    at: (path: string) => string;
    cliVersion: string;
    assetDir: string;
  },
): Promise<void> {
  const { io, deps, signal, print, at, cliVersion, assetDir } = context;
  const env = deps.env ?? process.env;
  const presenter = createLinePresenter({ homeDir: homeFolder() });
  const emit = eventEmitter((event) => {
    if (!args.isJson) print(presenter.lines(event));
  });
  const tellProgress = (what: string) =>
    progressTeller((text) => {
      if (!args.isJson) io.stdout.write(`[${what}] ${text}\n`);
    });
  const since = args.since === null ? undefined : await readBundleContents(at(args.since), signal);
  const signKey = args.signKey === null ? null : at(args.signKey);
  if (signKey !== null) await assertGivenFile(signKey, { what: 'key', flag: '--sign-key <file>' });
  const written = await createBundle({
    cliVersion,
    assetDir,
    env,
    homeDir: homeFolder(),
    platforms: platformsOf(args.platforms),
    features: args.features.map(featureOf),
    python: pythonOf(args.python),
    output: at(args.output),
    isOffline: args.isOffline,
    pythonArchives: args.pythonArchives.map(at),
    isWithApp: args.isWithApp,
    nodeArchives: args.nodeArchives.map(at),
    emit,
    signal,
    ...(args.runtimeRoot !== null && { runtimeRoot: at(args.runtimeRoot) }),
    ...(args.indexUrl !== null && { indexUrl: args.indexUrl }),
    ...(since && { since }),
    ...(signKey !== null && { sign: (contents: Uint8Array) => signContents(contents, signKey, signal) }),
    ...(args.splitBytes !== null && { splitBytes: args.splitBytes }),
    onBytes: tellProgress('write'),
  });
  const { paths, sizeBytes, sha256, contents } = written;
  if (args.isJson) return print([JSON.stringify({ paths, sizeBytes, sha256, contents })]);
  print([
    `✓ ${paths.join(', ')}: ${contents.members.length} files, ${formatBytes(sizeBytes)}, sha256 ${sha256}`,
    `  check it     ktx bundle verify ${paths[0]}`,
    `  install it   ktx setup --bundle ${paths[0]}`,
  ]);
}

function platformsOf(names: readonly string[]): BundlePlatform[] {
  const wanted = names.length > 0 ? names : [`${process.platform}-${process.arch}`];
  return [...new Set(wanted)].map((name) => {
    const platform = BUNDLE_PLATFORMS.find((known) => known === name);
    if (!platform) throw new Error(`--platform takes ${BUNDLE_PLATFORMS.join(', ')}; got ${name}`);
    return platform;
  });
}

function featureOf(name: string): KtxRuntimeFeature {
  const feature = RUNTIME_FEATURES.find((known) => known === name);
  if (!feature) throw new Error(`--feature takes ${RUNTIME_FEATURES.join(' or ')}; got ${name}`);
  return feature;
}

function pythonOf(choice: string): 'managed' | 'none' {
  if (choice === 'managed' || choice === 'none') return choice;
  throw new Error(`--python takes managed or none; got ${choice}`);
}

function contentsLines(contents: BundleContents): string[] {
  return [
    `made by ktx ${contents.cliVersion} for ${contents.platforms.join(', ')}: ${contents.features.join(' and ')}`,
    contents.pythonVersion === null ? 'without a Python' : `with Python ${contents.pythonVersion}`,
    ...contents.members.map(
      ({ path, sizeBytes, licence, isOmitted }) =>
        `  ${path.split('/').at(-1)}  ${isOmitted ? 'left out' : formatBytes(sizeBytes)}  ${licence}`,
    ),
    'Listed, not checked. To check every byte: ktx bundle verify <file>',
  ];
}

function differenceLines({ added, removed, changed, newBytes }: BundleDifference): string[] {
  const name = ({ path }: { path: string }) => path.split('/').at(-1);
  const lines = [
    ...added.map((member) => `+ ${name(member)}  ${formatBytes(member.sizeBytes)}`),
    ...removed.map((member) => `- ${name(member)}`),
    ...changed.map(({ after }) => `~ ${name(after)}`),
  ];
  return lines.length === 0
    ? ['The two bundles are identical.']
    : [...lines, `${formatBytes(newBytes)} are new.`];
}
