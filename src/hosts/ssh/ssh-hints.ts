import { shellQuoted } from './remote-ops.ts';
import type { SshTarget } from './types.ts';

interface Hint {
  pattern: RegExp;
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
    pattern: /No space left on device|Disk quota exceeded/,
    steps: ({ host }) => [`Free space on ${host}; if the file was damaged, restore the backup then`],
  },
  {
    pattern: /spawn ssh ENOENT/,
    steps: () => ['Install the OpenSSH client, so that ssh is found on PATH'],
  },
];

/** What a person can do about a command that failed on the way to the host or on it. Pure. */
export function sshHints(target: SshTarget, stderr: string): string[] {
  return HINTS.find(({ pattern }) => pattern.test(stderr))?.steps(target) ?? [];
}

/** How to restore a backup by hand. */
export function restoreByHand(backupPath: string, configPath: string): string {
  return `cp ${shellQuoted(backupPath)} ${shellQuoted(configPath)}, then restart the service`;
}
