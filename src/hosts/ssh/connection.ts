import { hasControlCharacter } from '../../support/text/control-characters.ts';
import { createRedactor } from '../../support/text/redaction.ts';
import type { SshMode, SshTarget } from './types.ts';

/** Everything needed to change a model host's configuration. */
export interface ModelHostConnection extends SshTarget {
  configPath: string;
  mode: SshMode;
  /** Absent in wrapper mode. */
  restartCmd?: string;
  baseUrl: string;
}

/** Characters with a meaning in a shell, which a `ProxyCommand` may run. */
const SHELL_CHARACTER = /['"`$\\;&|<>(){}*?!#]/;

/** What is wrong with a connection, one sentence per field; empty when it is valid. Pure. */
export function connectionProblems(connection: ModelHostConnection): { field: string; problem: string }[] {
  const { host, user, keyPath, configPath, mode, restartCmd, baseUrl } = connection;
  const found: [field: string, problem: string | null][] = [
    ['host', nameProblem(host)],
    ['user', nameProblem(user)],
    ['keyPath', pathProblem(keyPath)],
    ['configPath', pathProblem(configPath) ?? tildeProblem(configPath)],
    ['restartCmd', mode === 'shell' ? commandProblem(restartCmd) : null],
    ['baseUrl', addressProblem(baseUrl)],
  ];
  return found.flatMap(([field, problem]) => (problem === null ? [] : [{ field, problem }]));
}

/** Fields that contain a secret, which must not be stored in the project folder. Pure. */
export function secretFields(connection: ModelHostConnection): string[] {
  const { redact } = createRedactor();
  return Object.entries(connection).flatMap(([field, value]) => (redact(value) === value ? [] : [field]));
}

function nameProblem(name: string): string | null {
  if (name === '') return 'is empty';
  if (name.startsWith('-')) return 'starts with -, which ssh would take for an option';
  if (/\s/.test(name) || hasControlCharacter(name)) return 'contains a space or a control character';
  return SHELL_CHARACTER.test(name) ? 'contains a character that is special to a shell' : null;
}

function pathProblem(path: string): string | null {
  if (path.trim() === '') return 'is empty';
  return hasControlCharacter(path) ? 'contains a control character' : null;
}

/** The path is quoted on the host, so its shell does not expand the tilde. */
function tildeProblem(path: string): string | null {
  return /^~(?:\/|$)/.test(path) ? 'starts with ~; write the whole path' : null;
}

function commandProblem(command: string | undefined): string | null {
  if (command === undefined || command.trim() === '')
    return 'is missing; it restarts the service on the host';
  return command.includes('\0') ? 'contains a NUL' : null;
}

function addressProblem(address: string): string | null {
  const url = URL.canParse(address) ? new URL(address) : null;
  if (url === null || !/^https?:$/.test(url.protocol)) return 'is not an http or https address';
  return url.username === '' && url.password === '' ? null : 'contains a login; leave it out';
}
