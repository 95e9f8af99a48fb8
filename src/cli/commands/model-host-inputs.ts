import { resolve } from 'node:path';
import { modelHostSettingsPath, readModelHostSettings } from '../../hosts/project-files.ts';
import { connectionProblems, type ModelHostConnection } from '../../hosts/ssh/connection.ts';
import { errorMessage, SetupError } from '../../support/errors.ts';
import { readRegularFile } from '../../support/fs/regular-file.ts';
import { otherRemedy } from '../../support/remedies.ts';
import type { ModelHostArgs, ModelHostFlags } from './model-host-program.ts';

/** Where a command runs: relative paths are resolved against `cwd`. */
export interface CommandPlace {
  cwd: string;
  projectDir: string;
}

const MAX_FILE_BYTES = 16 * 1024 * 1024;

/** @throws Error naming a file that cannot be sent as it is. */
export async function localConfig(
  { config }: ModelHostFlags,
  command: ModelHostArgs['command'],
  place: CommandPlace,
): Promise<string> {
  if (config === undefined || config.trim() === '')
    throw new Error(`Name the configuration: ktx admin model-host ${command} --config <file>`);
  return readText(config, place);
}

async function readText(file: string, { cwd }: CommandPlace): Promise<string> {
  const path = resolve(cwd, file);
  try {
    const bytes = await readRegularFile(path, { maxBytes: MAX_FILE_BYTES, links: 'follow' });
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    const problem = error instanceof TypeError ? 'it is not UTF-8 text' : errorMessage(error);
    throw new SetupError(`${path} cannot be read: ${problem}`, {
      failureClass: 'conflict',
      remedies: [otherRemedy('Name another file')],
      cause: error,
    });
  }
}

/** @throws SetupError when the file is not a JSON object. */
export async function readSchema(file: string, place: CommandPlace): Promise<object> {
  const text = await readText(file, place);
  try {
    const schema: unknown = JSON.parse(text);
    if (typeof schema !== 'object' || schema === null) throw new Error('it is not a JSON object');
    return schema;
  } catch (error) {
    throw new SetupError(`${file} is not a JSON Schema: ${errorMessage(error)}`, {
      failureClass: 'conflict',
      remedies: [otherRemedy('Name the schema that llama-swap publishes, or leave --schema out')],
      cause: error,
    });
  }
}

/** Flags win over saved settings. @throws SetupError naming a missing or unusable one. */
export async function resolveConnection(
  flags: ModelHostFlags,
  place: CommandPlace,
): Promise<ModelHostConnection> {
  const saved = await readModelHostSettings(place.projectDir);
  const mode = flags.mode ?? saved?.mode ?? 'shell';
  const key =
    flags.key === undefined || flags.key.startsWith('~') ? flags.key : resolve(place.cwd, flags.key);
  const found = {
    host: flags.host ?? saved?.host,
    user: flags.user ?? saved?.user,
    keyPath: key ?? saved?.keyPath,
    configPath: flags.configPath ?? saved?.configPath,
    restartCmd: mode === 'shell' ? (flags.restartCmd ?? saved?.restartCmd) : undefined,
    baseUrl: flags.baseUrl ?? saved?.baseUrl,
    mode,
  };
  const required = Object.keys(FLAG_OF) as (keyof typeof FLAG_OF)[];
  const missing = required.filter((field) => found[field] === undefined && isNeeded(field, mode));
  if (missing.length > 0) {
    throw new SetupError(
      `The connection to the model host is incomplete: ${missing.map((field) => FLAG_OF[field]).join(', ')}`,
      {
        failureClass: 'conflict',
        remedies: [
          otherRemedy(`Give what is missing: ${missing.map((field) => `${FLAG_OF[field]} <…>`).join(' ')}`),
          otherRemedy('Add --save to keep the connection for this project'),
        ],
      },
    );
  }
  const connection = found as ModelHostConnection;
  const problems = connectionProblems(connection);
  if (problems.length === 0) return connection;
  throw new SetupError('The connection to the model host cannot be used.', {
    failureClass: 'conflict',
    evidence: problems.map(({ field, problem }) => `${FLAG_OF[field as keyof typeof FLAG_OF]} ${problem}`),
    remedies: [
      otherRemedy(`Correct it on the command line, or in ${modelHostSettingsPath(place.projectDir)}`),
    ],
  });
}

const FLAG_OF = {
  host: '--host',
  user: '--user',
  keyPath: '--key',
  configPath: '--config-path',
  restartCmd: '--restart-cmd',
  baseUrl: '--base-url',
} as const;

function isNeeded(field: keyof typeof FLAG_OF, mode: ModelHostConnection['mode']): boolean {
  return field !== 'restartCmd' || mode === 'shell';
}
