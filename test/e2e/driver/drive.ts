import { spawn } from 'node:child_process';
import { appendFile, readFile } from 'node:fs/promises';
import { homedir } from 'node:os';

/** A remedy as `ktx setup --print-schema` describes it. */
interface Remedy {
  id: string;
  argv: string[] | null;
  afterwards: string[] | null;
  env: Record<string, string>;
  append: { file: string; line: string } | null;
  placeholders: { token: string; name: string }[];
  changes: boolean;
}

interface Ending {
  exitCode: number | null;
  isReady: boolean;
  failure: { cause?: string; title: string; remedies: Remedy[] } | null;
}

export interface Journey {
  isReady: boolean;
  /** What it failed of first; `null`: it did not fail. */
  firstCause: string | null;
  /** `<cause>: <remedy>`, as they were carried out, and what it failed of at last. */
  steps: string[];
  /** Remedies that were never carried out: a person's, or without a value. */
  left: string[];
}

const MAX_REMEDIES = 8;

/** A program that knows nothing of ktx but its JSON: runs a setup, and while it fails carries out the first remedy that can be. */
export async function drive(
  argv: readonly string[],
  given: NodeJS.ProcessEnv,
  values: Readonly<Record<string, string>>,
): Promise<Journey> {
  const env = { ...given };
  const tried = new Set<string>();
  const canDo = ({ argv: words, append, changes, placeholders }: Remedy) =>
    changes && (words ?? append) !== null && placeholders.every(({ name }) => values[name] !== undefined);
  const keyOf = (remedy: Remedy) => JSON.stringify([last.failure?.cause, remedy.id, remedy.argv]);
  let last = await run(argv, env);
  const journey: Journey = { isReady: false, firstCause: last.failure?.cause ?? null, steps: [], left: [] };
  while (last.failure !== null && journey.steps.length < MAX_REMEDIES) {
    const { cause, remedies } = last.failure;
    const remedy = remedies.find((each) => canDo(each) && !tried.has(keyOf(each)));
    if (remedy === undefined) break;
    tried.add(keyOf(remedy));
    journey.steps.push(`${cause}: ${remedy.id}`);
    const filled = (text: string) =>
      remedy.placeholders.reduce((all, { token, name }) => all.replaceAll(token, values[name]!), text);
    for (const [name, value] of Object.entries(remedy.env)) env[name] = filled(value);
    if (remedy.append !== null)
      await appendFile(
        remedy.append.file.replace(/^~/, env['HOME'] ?? homedir()),
        `\n${filled(remedy.append.line)}\n`,
        { mode: 0o600 },
      );
    for (const words of [remedy.argv, remedy.afterwards]) {
      if (words === null) continue;
      const ending = await run(words.map(filled), env);
      if (ending.isReady || ending.failure !== null) last = ending;
      else if (ending.exitCode !== 0) break;
    }
  }
  journey.isReady = last.isReady;
  if (last.failure !== null) {
    journey.steps.push(`${last.failure.cause}: ${last.failure.title}`);
    journey.left = last.failure.remedies.filter((each) => !canDo(each)).map(({ id }) => id);
  }
  return journey;
}

/** The last event of a run decides; what is no setup has none. */
function run(argv: readonly string[], env: NodeJS.ProcessEnv): Promise<Ending> {
  const [command = '', ...args] = argv;
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { env, stdio: ['ignore', 'pipe', 'ignore'] });
    let printed = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      printed += text;
    });
    child.once('error', reject);
    child.once('close', (exitCode) => {
      const lines = printed.split('\n').filter((line) => line.startsWith('{'));
      const events = lines.flatMap((line) => {
        try {
          return [JSON.parse(line)];
        } catch {
          return [];
        }
      });
      const final = events.findLast(({ type }) => type === 'done' || type === 'failure');
      resolve({ exitCode, isReady: final?.type === 'done', failure: final?.failure ?? null });
    });
  });
}

/** `node drive.ts <values.json> <command…>`: prints the journey. */
if (import.meta.filename === process.argv[1]) {
  const [valuesFile = '', ...argv] = process.argv.slice(2);
  const journey = await drive(argv, process.env, JSON.parse(await readFile(valuesFile, 'utf8')));
  console.log(JSON.stringify(journey));
}
