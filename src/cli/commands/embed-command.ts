import { resolve } from 'node:path';
import { programVersion } from '../../core/program-version.ts';
import type { DaemonAddress } from '../../daemon/http/post-json.ts';
import { ensureManagedPythonCommandRuntime } from '../../embed/install-policy.ts';
import type { KtxCliIo } from '../../embed/io.ts';
import { assertGivenFile, OUTPUT_FILE, outputPathOf } from '../../support/fs/given-path.ts';
import { readRegularFile } from '../../support/fs/regular-file.ts';
import { withStopSignals } from '../../support/stop-signals.ts';
import { embedTexts } from '../../vectors/embed-texts.ts';
import { readTexts, type TextItem, type Texts } from '../../vectors/read-texts.ts';
import { jsonLine, VectorFile } from '../../vectors/vector-file.ts';
import type { EmbedArgs } from './embed-program.ts';

/** Texts are held in memory; larger inputs must be split. */
const MAX_INPUT_BYTES = 1024 * 1024 * 1024;
/** Prevents adding vectors of another model to a partial file. */
const MODEL = 'all-MiniLM-L6-v2@1110a243fdf4';
const PROGRESS_INTERVAL_MS = 200;

export interface EmbedCommandDeps {
  cwd: string;
  projectDir: string;
  stdin?: AsyncIterable<Uint8Array>;
  isStderrTty?: boolean;
}

/**
 * Runs `ktx embed`. Vectors go to the file or to stdout, everything else to stderr.
 * @returns the exit code.
 * @throws SetupError naming the line, file or service; CancelledError, after which the same command resumes.
 */
export async function runEmbedCommand(
  args: EmbedArgs,
  io: KtxCliIo,
  deps: EmbedCommandDeps,
): Promise<number> {
  // Validate the input before anything is installed or started.
  const texts = await textsOf(args, deps);
  const outputPath =
    args.outputPath === null ? null : await outputPathOf(resolve(deps.cwd, args.outputPath), OUTPUT_FILE);
  const key = { inputSha256: texts.sha256, format: args.format, model: MODEL };
  return withStopSignals(async (signal) => {
    const file = outputPath === null ? null : await VectorFile.open(outputPath, key);
    const progress = progressOn(io, deps, texts.items.length, file?.count ?? 0);
    try {
      if (file && file.count > 0) io.stderr.write(`Continuing after ${file.count} vectors\n`);
      let printed = 0;
      const onVectors = async (items: readonly TextItem[], vectors: readonly Buffer[]) => {
        if (file) await file.append(items, vectors);
        else
          for (const [at, vector] of vectors.entries())
            io.stdout.write(jsonLine(printed + at, items[at]!, vector));
        printed += vectors.length;
        progress.show(printed);
      };
      await withDaemon(args, io, deps, signal, (daemon) =>
        embedTexts(daemon, texts.items, file?.count ?? 0, onVectors, signal),
      );
      await file?.finish();
      progress.end();
      if (file) io.stderr.write(`${file.count} vectors in ${outputPath}\n`);
      return 0;
    } catch (error) {
      progress.end();
      await file?.close().catch(() => {});
      if (file && file.count > 0)
        io.stderr.write(`${file.count} vectors are kept; run the same command to continue\n`);
      throw error;
    }
  });
}

async function textsOf(args: EmbedArgs, deps: EmbedCommandDeps): Promise<Texts> {
  const { inputPath } = args;
  if (inputPath === null) {
    // A text may contain line breaks, unlike a line of a file.
    const lines = args.texts.map((text) => JSON.stringify(text)).join('\n');
    return readTexts(Buffer.from(lines), 'the command line', 'jsonl');
  }
  // The same by another name; it is a pipe, which is not read as a file.
  if (inputPath === '-' || inputPath === '/dev/stdin') {
    const chunks: Uint8Array[] = [];
    for await (const chunk of deps.stdin ?? process.stdin) chunks.push(chunk);
    return readTexts(Buffer.concat(chunks), 'standard input', 'lines');
  }
  const path = resolve(deps.cwd, inputPath);
  await assertGivenFile(path, { what: 'file', flag: '--input <file>' });
  const bytes = await readRegularFile(path, { maxBytes: MAX_INPUT_BYTES, links: 'follow' });
  return readTexts(bytes, inputPath, /\.(jsonl|ndjson|json)$/i.test(inputPath) ? 'jsonl' : 'lines');
}

/** The project's daemon, started if necessary, or one that ends with the work. */
async function withDaemon(
  args: EmbedArgs,
  io: KtxCliIo,
  deps: EmbedCommandDeps,
  signal: AbortSignal,
  work: (daemon: DaemonAddress) => Promise<void>,
): Promise<void> {
  const cliVersion = programVersion();
  const { installPolicy } = args;
  const feature = 'local-embeddings';
  const { layout, manifest } = await ensureManagedPythonCommandRuntime({
    cliVersion,
    installPolicy,
    io,
    feature,
  });
  if (!args.isDaemonUsed) {
    const { withPrivateDaemon } = await import('../../vectors/private-daemon.ts');
    return withPrivateDaemon({ manifest, cliVersion, runtimeRoot: layout.runtimeRoot, signal }, work);
  }
  const { startManagedPythonDaemon } = await import('../../embed/start-daemon.ts');
  const { projectDir } = deps;
  const { state } = await startManagedPythonDaemon({ cliVersion, projectDir, features: [feature], signal });
  const { readManagedPythonDaemonToken } = await import('../../daemon/secret.ts');
  const token = await readManagedPythonDaemonToken({ cliVersion, projectDir });
  return work({ port: state.port, ...(token === null ? {} : { token }) });
}

function progressOn(io: KtxCliIo, deps: EmbedCommandDeps, total: number, before: number) {
  const isShown = (deps.isStderrTty ?? process.stderr.isTTY === true) && io.stdout !== process.stderr;
  const startedAt = performance.now();
  let shownAt = 0;
  return {
    show(done: number) {
      const now = performance.now();
      if (!isShown || now - shownAt < PROGRESS_INTERVAL_MS) return;
      shownAt = now;
      const rate = Math.round((done / (now - startedAt)) * 1000);
      io.stderr.write(`\r\x1b[K${before + done} of ${total} texts, ${rate} a second`);
    },
    end() {
      if (shownAt > 0) io.stderr.write('\r\x1b[K');
    },
  };
}
