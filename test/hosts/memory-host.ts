import type { ExecResult, SshExec, SshTarget } from '../../src/hosts/ssh/types.ts';

export const TARGET: SshTarget = { host: 'models.internal', user: 'llama', keyPath: '/keys/models' };
export const CONFIG_PATH = '/etc/llama-swap/config.yaml';
export const OLD_CONFIG = 'models:\n  a:\n    cmd: serve a\n';
export const NEW_CONFIG = 'models:\n  a:\n    cmd: serve a\n  b:\n    cmd: serve b\n';
export const RESTART = 'systemctl restart llama-swap';

export interface Call {
  command: string;
  stdin: string | undefined;
}

type Answer = Partial<ExecResult> | Error;

/** An `exec` that records its calls and answers by the first matching pattern, otherwise with success. */
export function recordedExec(answers: readonly (readonly [pattern: RegExp, answer: Answer])[] = []) {
  const calls: Call[] = [];
  const exec: SshExec = async (_target, command, stdin) => {
    calls.push({ command, stdin });
    const answer = answers.find(([pattern]) => pattern.test(command))?.[1];
    if (answer instanceof Error) throw answer;
    const stdout = /^(?:cat '|read$)/.test(command) ? OLD_CONFIG : '';
    return { code: 0, stdout, stderr: '', ...answer };
  };
  return { exec, calls, commands: () => calls.map(({ command }) => command) };
}

/** A server's answers, one per request; the last one repeats. */
export function answeringFetcher(...statuses: number[]) {
  const requests: string[] = [];
  const fetcher: typeof fetch = async (input) => {
    const status = statuses[Math.min(requests.length, statuses.length - 1)]!;
    requests.push(String(input));
    return new Response('{"data":[]}', { status });
  };
  return { fetcher, requests };
}

/**
 * A host with files, for tests that do not need a real one. `fetcher` lists the models from the last restart.
 */
export function memoryHost(options: { answers?: readonly (readonly [RegExp, Answer])[] } = {}) {
  const files = new Map([[CONFIG_PATH, OLD_CONFIG]]);
  const commands: string[] = [];
  let served = OLD_CONFIG;
  const exec: SshExec = async (_target, command, stdin = '') => {
    commands.push(command);
    const answer = options.answers?.find(([pattern]) => pattern.test(command))?.[1];
    if (answer instanceof Error) throw answer;
    if (answer) return { code: 0, stdout: '', stderr: '', ...answer };
    if (command === 'true') return { code: 0, stdout: '', stderr: '' };
    if (command === 'read') return { code: 0, stdout: files.get(CONFIG_PATH)!, stderr: '' };
    if (command === 'write') files.set(CONFIG_PATH, stdin);
    if (/^(?:write|backup)$/.test(command)) return { code: 0, stdout: '/copy\n', stderr: '' };
    if (command === 'restart') {
      served = files.get(CONFIG_PATH)!;
      return { code: 0, stdout: '', stderr: '' };
    }
    const [path = '', copy = ''] = [...command.matchAll(/'([^']*)'/g)].map(([, word]) => word!);
    const text = files.get(path);
    const isMissing = !command.startsWith('cat >') && text === undefined && command !== RESTART;
    if (isMissing) return { code: 1, stdout: '', stderr: `cat: ${path}: No such file or directory\n` };
    if (command.startsWith("cat '")) return { code: 0, stdout: text!, stderr: '' };
    if (command.startsWith('cat >')) files.set(path, stdin);
    if (command.startsWith('cp')) files.set(copy, text!);
    if (command === RESTART) served = files.get(CONFIG_PATH)!;
    return { code: 0, stdout: '', stderr: '' };
  };
  const fetcher: typeof fetch = async () => {
    const ids = [...served.matchAll(/^ {2}(\w+):$/gm)].map(([, id]) => ({ id }));
    return new Response(JSON.stringify({ object: 'list', data: ids }));
  };
  return { exec, fetcher, files, commands };
}
