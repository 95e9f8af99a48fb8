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

/** An `exec` that keeps what it was asked, and answers as told: by the first pattern that matches, else with success. */
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

/** Answers of a server, one a request; the last one is repeated. */
export function answeringFetcher(...statuses: number[]) {
  const requests: string[] = [];
  const fetcher: typeof fetch = async (input) => {
    const status = statuses[Math.min(requests.length, statuses.length - 1)]!;
    requests.push(String(input));
    return new Response('{"data":[]}', { status });
  };
  return { fetcher, requests };
}
