import { declaredEmbedder } from '../core/embedder.ts';
import { programVersion } from '../core/program-version.ts';
import type { KtxCliIo } from '../embed/io.ts';
import { programName } from '../support/program-name.ts';

export { configureKtxSetup, type FeatureWords, type KtxEmbedder } from '../core/embedder.ts';

/**
 * The commands `setup`, `doctor`, `admin`, `bundle` and `embed` as those of the program that embeds this library: its wheel, its
 * name, its version, as `configureKtxSetup` or its package.json declares them. Resolves with the exit code; never ends the process.
 * @param argv without the interpreter and the script. Default: those of this process.
 * @throws Error for a declaration that cannot be understood.
 */
export async function runSetupCli(
  argv: readonly string[] = process.argv.slice(2),
  io: KtxCliIo = process,
): Promise<number> {
  declaredEmbedder();
  if (argv.length === 1 && (argv[0] === '--version' || argv[0] === '-v')) {
    io.stdout.write(`${programName()} ${programVersion()}\n`);
    return 0;
  }
  const { main } = await import('./main.ts');
  return main(argv, io);
}
