import { declaredEmbedder } from '../core/embedder.ts';
import type { KtxCliIo } from '../embed/io.ts';

export { configureKtxSetup, type FeatureWords, type KtxEmbedder } from '../core/embedder.ts';

/**
 * The commands `setup`, `doctor`, `admin`, `bundle` and `embed` for a program that embeds this library, with
 * the wheel, name and version that its `configureKtxSetup` call or package.json declares. Resolves with the
 * exit code; never ends the process.
 * @param argv without the interpreter and the script. Default: those of this process.
 * @throws Error for an invalid declaration.
 */
export async function runSetupCli(
  argv: readonly string[] = process.argv.slice(2),
  io: KtxCliIo = process,
): Promise<number> {
  declaredEmbedder();
  const { main } = await import('./main.ts');
  return main(argv, io);
}
