import { type Command, Option } from 'commander';
import { VECTOR_FORMATS, type VectorFormat } from '../../vectors/formats.ts';
import { requireValue } from './setup-flags.ts';

/** Parsed arguments of `ktx embed`. */
export interface EmbedArgs {
  /** Texts on the command line; empty when they come from `inputPath`. */
  texts: readonly string[];
  /** A file, `-` for standard input, `null` when texts were given. */
  inputPath: string | null;
  /** `null`: standard output. */
  outputPath: string | null;
  format: VectorFormat;
  isDaemonUsed: boolean;
  installPolicy: 'prompt' | 'auto';
}

interface EmbedFlags {
  input?: string;
  output?: string;
  format?: VectorFormat;
  daemon?: boolean;
  yes?: boolean;
}

/** Adds the command; its code is imported when it runs. */
export function addEmbed(program: Command, run: (args: EmbedArgs) => Promise<void>): void {
  program
    .command('embed [texts...]')
    .description('turn texts into vectors of 384 numbers, on this machine')
    .option('--input <file>', 'one text a line, or a .jsonl file; - is standard input')
    .option('--output <file>', 'write here; a run that was stopped is continued by the same command')
    .addOption(new Option('--format <format>', 'jsonl, or npy for numpy').choices([...VECTOR_FORMATS]))
    .option('--no-daemon', 'do not start a daemon')
    .option('--yes', 'install local embeddings without being asked')
    .addHelpText(
      'after',
      '\nExamples:\n  ktx embed "monthly revenue by region"\n  ktx embed --input texts.txt --output vectors.npy\n',
    )
    .action((texts: string[], flags: EmbedFlags) => run(parseEmbed(texts, flags)));
}

/** `-` is standard input, and no missing value. */
function inputOf(value: string | undefined): string | null {
  if (value === undefined || value === '-') return value ?? null;
  return requireValue('--input', value);
}

/** @throws Error naming the missing or conflicting flag. */
function parseEmbed(texts: readonly string[], flags: EmbedFlags): EmbedArgs {
  const inputPath = inputOf(flags.input);
  const outputPath = flags.output === undefined ? null : requireValue('--output', flags.output);
  if (texts.length > 0 && inputPath !== null) throw new Error('Give texts or --input, not both.');
  if (texts.length === 0 && inputPath === null)
    throw new Error('Give a text, or a file with --input. For standard input: ktx embed --input -');
  const format = flags.format ?? (outputPath?.endsWith('.npy') ? 'npy' : 'jsonl');
  if (format === 'npy' && outputPath === null)
    throw new Error('--format npy needs a file: --output vectors.npy');
  return {
    texts,
    inputPath,
    outputPath,
    format,
    isDaemonUsed: flags.daemon !== false,
    installPolicy: flags.yes ? 'auto' : 'prompt',
  };
}
