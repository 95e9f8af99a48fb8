import { declaredEmbedder } from '../core/embedder.ts';
import type { KtxCliIo } from '../embed/io.ts';

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
  const { main } = await import('./main.ts');
  return main(argv, io);
}
