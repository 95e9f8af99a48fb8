import * as z from 'zod/mini';
import { endingText } from '../../process/ending.ts';
import { runProcess } from '../../process/run-process.ts';
import { interpreterEnvironment } from '../../python/system-python.ts';

const answerSchema = z.object({ version: z.string(), prefix: z.string(), base: z.string() });
export type InterpreterAnswer = z.infer<typeof answerSchema>;

/** Isolated and without bytecode. `site` is kept: before Python 3.14 it locates the environment. */
const ARGS = [
  '-I',
  '-B',
  '-c',
  'import json,sys;print(json.dumps({"version":"%d.%d.%d"%sys.version_info[:3],"prefix":sys.prefix,"base":sys.base_prefix}))',
];

/** An answer takes half a second on a busy machine; after this long the interpreter hangs. */
const SILENT_AFTER_MS = 15_000;

/** Runs the interpreter and queries its properties. @throws Error with the reason it did not answer. */
export async function probeInterpreter(
  pythonPath: string,
  options: { env: NodeJS.ProcessEnv; signal: AbortSignal },
): Promise<InterpreterAnswer> {
  const env = { ...interpreterEnvironment(options.env), PYTHONDONTWRITEBYTECODE: '1' };
  const silence = AbortSignal.timeout(SILENT_AFTER_MS);
  const signal = AbortSignal.any([options.signal, silence]);
  const outcome = await runProcess({ command: pythonPath, args: ARGS, env, signal }).catch(
    (error: unknown) => {
      if (silence.aborted && !options.signal.aborted)
        throw new Error(`no answer within ${SILENT_AFTER_MS / 1000} s`);
      throw error;
    },
  );
  if (outcome.exitCode !== 0) {
    const last = outcome.stderr.trim().split('\n').at(-1) ?? '';
    throw new Error([`it ${endingText(outcome.exitCode, outcome.signal)}`, last].filter(Boolean).join(': '));
  }
  try {
    return answerSchema.parse(JSON.parse(outcome.stdout));
  } catch {
    throw new Error('it does not answer as Python does');
  }
}
