import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { readShippedFile } from '../shipped/shipped-file.ts';
import { CancelledError, errorCode, errorMessage, SetupError } from '../support/errors.ts';
import { withStopSignals } from '../support/stop-signals.ts';
import { findContradictions } from './check-assets.ts';
import { readAssetsConfig } from './config.ts';
import { describeLock } from './describe-lock.ts';
import { makeAssets, writeAssets } from './make-assets.ts';
import type { MakerWork } from './toolbox.ts';

const USAGE = `Usage: ktx-setup-assets [folder] [options]

Makes the asset directory of a program that embeds ktx-setup: the wheel, its requirements pinned by digest,
lock.json with the wheels of every platform and Python, and manifest.json. What to make is in the
package.json of the folder, under "ktx-setup". Needs Python 3.11 or newer, and a package index.

Options:
  --upgrade           take newer releases; without it the pins of the last making stay
  --check             change nothing: make everything again and compare; exit code 1 when something differs
  --scratch <folder>  downloads and tools; default: node_modules/.cache/ktx-setup-assets
  --python <path>     the Python that runs the tools; default: python3
  -h, --help          print this help
`;

/** The outputs of the command. */
interface MakerIo {
  stdout: { write(text: string): unknown };
  stderr: { write(text: string): unknown };
}

/** Runs `ktx-setup-assets`; resolves with its exit code: 0, 1 on failure, 2 for an invalid command line. */
export async function runMaker(argv: readonly string[], io: MakerIo = process): Promise<number> {
  let parsed: ReturnType<typeof parse>;
  try {
    parsed = parse(argv);
  } catch (error) {
    io.stderr.write(`${errorMessage(error)}\n\n${USAGE}`);
    return 2;
  }
  const { values, positionals } = parsed;
  if (values.help) {
    io.stdout.write(USAGE);
    return 0;
  }
  const folder = resolve(positionals[0] ?? '.');
  try {
    return await withStopSignals(async (signal) => {
      const work: MakerWork = {
        scratchDir: resolve(values.scratch ?? join(folder, 'node_modules/.cache/ktx-setup-assets')),
        ...(values.python === undefined ? {} : { python: values.python }),
        signal,
        tell: (line) => io.stderr.write(`${line}\n`),
      };
      return await make(folder, work, values, io);
    });
  } catch (error) {
    return failed(error, io);
  }
}

function parse(argv: readonly string[]) {
  const parsed = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      upgrade: { type: 'boolean' },
      check: { type: 'boolean' },
      scratch: { type: 'string' },
      python: { type: 'string' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (parsed.positionals.length > 1) throw new Error('Name one folder.');
  if (parsed.values.check && parsed.values.upgrade)
    throw new Error('--check and --upgrade cannot be combined.');
  return parsed;
}

async function make(
  folder: string,
  work: MakerWork,
  flags: { upgrade?: boolean; check?: boolean },
  io: MakerIo,
): Promise<number> {
  const config = await readAssetsConfig(folder);
  const problems = flags.check ? await findContradictions(config.assetDir) : [];
  // Inconsistent assets cannot be up to date; reporting that needs no index.
  if (problems.length > 0) return reported(problems, io);
  const made = await makeAssets(config, work, { shouldUpgrade: flags.upgrade === true });
  if (!flags.check) {
    await writeAssets(config.assetDir, made);
    io.stdout.write(
      [...describeLock(made.lock), `Made ${config.assetDir}`].map((line) => `${line}\n`).join(''),
    );
    return 0;
  }
  for (const [name, bytes] of made.files) {
    const found = await readShippedFile(join(config.assetDir, name)).catch(() => null);
    if (!found?.equals(bytes)) problems.push(`${name} is not what is made from the sources now`);
  }
  if (problems.length > 0) return reported(problems, io);
  io.stdout.write(`${config.assetDir} is up to date\n`);
  return 0;
}

function reported(problems: readonly string[], io: MakerIo): number {
  const next = 'Make the assets again: ktx-setup-assets';
  io.stderr.write([...problems, `  next     ${next}`].map((line) => `${line}\n`).join(''));
  return 1;
}

function failed(error: unknown, io: MakerIo): number {
  if (error instanceof CancelledError) return 130;
  if (!(error instanceof SetupError)) {
    // A read-only folder or a full disk: the system's message suffices, and a stack trace would not help.
    if (errorCode(error) === undefined) throw error;
    io.stderr.write(`${errorMessage(error)}\n`);
    return 1;
  }
  const lines = [error.message, ...error.evidence.map((fact) => `  ${fact}`)];
  const steps = error.remedies.map(({ label }, index) => `  ${index === 0 ? 'next' : '    '}     ${label}`);
  io.stderr.write([...lines, ...steps].map((line) => `${line}\n`).join(''));
  return 1;
}
