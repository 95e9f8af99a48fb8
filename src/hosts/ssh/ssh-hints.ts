import { shellQuoted } from './remote-ops.ts';
import type { ExecResult, SshTarget } from './types.ts';

/** The end of a command: its exit code says whether `ssh` or a program on the host wrote the message. */
export type FailedCommand = Pick<ExecResult, 'code' | 'stderr'>;

interface Hint {
  pattern: RegExp;
  /** Of a command on the host; the others are messages of `ssh` itself. */
  isOnHost?: true;
  steps: (target: SshTarget) => string[];
}

/** Messages of OpenSSH and commands on the host, with what to do. First match wins. */
const HINTS: readonly Hint[] = [
  {
    pattern: /REMOTE HOST IDENTIFICATION HAS CHANGED|Host key verification failed/,
    steps: ({ host }) => [
      `The host key of ${host} is not the one that ssh knows. If the host was reinstalled: ssh-keygen -R ${host}`,
      'Otherwise ask its administrator: another machine may be answering in its place',
    ],
  },
  {
    pattern: /UNPROTECTED PRIVATE KEY FILE/,
    steps: ({ keyPath }) => [`Make the key readable for you alone: chmod 600 ${keyPath}`],
  },
  {
    pattern: /Identity file .* not accessible/,
    steps: ({ keyPath }) => [`There is no key at ${keyPath}: name another one with --key <file>`],
  },
  {
    pattern: /Permission denied \(/,
    steps: ({ host, user, keyPath }) => [
      `${host} does not accept the key ${keyPath} for ${user}: check both, and authorized_keys on the host`,
      'A key with a passphrase cannot be used here, because ktx does not ask for it',
    ],
  },
  {
    pattern: /Could not resolve hostname/,
    steps: ({ host }) => [`Check the name ${host}, and the DNS of this machine`],
  },
  {
    pattern: /Connection refused|timed out|No route to host|Network is unreachable/,
    steps: ({ host }) => [`Check that ${host} is up, and that its SSH port can be reached from here`],
  },
  {
    pattern: /spawn ssh ENOENT/,
    steps: () => ['Install the OpenSSH client, so that ssh is found on PATH'],
  },
  {
    isOnHost: true,
    pattern: /No space left on device|Disk quota exceeded/,
    steps: ({ host }) => [`Free space on ${host}; if the file was damaged, restore the backup then`],
  },
  {
    isOnHost: true,
    pattern: /sudo:.*(?:password|terminal|tty)|Interactive authentication required/,
    steps: ({ user }) => [
      `Let ${user} run the restart command without a password: a NOPASSWD line for it in sudoers`,
      'Or bind the key to a forced command that may restart the service, and use --mode wrapper',
    ],
  },
  {
    isOnHost: true,
    pattern: /Permission denied|Operation not permitted/,
    steps: ({ user, host }) => [
      `Let ${user} read and write the file and its folder on ${host}; the backup is written beside it`,
      'Or bind the key to a forced command that may do so, and use --mode wrapper',
    ],
  },
  {
    isOnHost: true,
    pattern: /Read-only file system/,
    steps: ({ host }) => [`Make the file system of the configuration on ${host} writable`],
  },
];

/** `ssh` itself failed, or could not be started. */
const SSH_FAILED: readonly number[] = [255, 127];

/** What a person can do about a command that failed on the way to the host or on it. Pure. */
export function sshHints(target: SshTarget, { code, stderr }: FailedCommand): string[] {
  const isOfSsh = SSH_FAILED.includes(code);
  const hint = HINTS.find(({ pattern, isOnHost }) => (isOnHost || isOfSsh) && pattern.test(stderr));
  return hint?.steps(target) ?? [];
}

/** How to restore a backup by hand. */
export function restoreByHand(backupPath: string, configPath: string): string {
  return `cp ${shellQuoted(backupPath)} ${shellQuoted(configPath)}, then restart the service`;
}
