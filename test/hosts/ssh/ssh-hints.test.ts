import { describe, expect, it } from 'vitest';
import { restoreByHand, sshHints } from '../../../src/hosts/ssh/ssh-hints.ts';
import { TARGET } from '../memory-host.ts';

const KEY_CHANGED = [
  'The host key of models.internal is not the one that ssh knows. If the host was reinstalled: ssh-keygen -R models.internal',
  'Otherwise ask its administrator: another machine may be answering in its place',
];
const UNREACHABLE = ['Check that models.internal is up, and that its SSH port can be reached from here'];
const FULL = ['Free space on models.internal; if the file was damaged, restore the backup then'];

/** What OpenSSH, a command on the host, or this machine says, and what a person is told. */
const MESSAGES: [stderr: string, hints: string[]][] = [
  ['@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @', KEY_CHANGED],
  ['Host key verification failed.', KEY_CHANGED],
  [
    'WARNING: UNPROTECTED PRIVATE KEY FILE!\nllama@models.internal: Permission denied (publickey).',
    ['Make the key readable for you alone: chmod 600 /keys/models'],
  ],
  [
    'Warning: Identity file /keys/models not accessible: No such file or directory.\nPermission denied (publickey).',
    ['There is no key at /keys/models: name another one with --key <file>'],
  ],
  [
    'llama@models.internal: Permission denied (publickey).',
    [
      'models.internal does not accept the key /keys/models for llama: check both, and authorized_keys on the host',
      'A key with a passphrase cannot be used here, because ktx does not ask for it',
    ],
  ],
  [
    'ssh: Could not resolve hostname models.internal: Name or service not known',
    ['Check the name models.internal, and the DNS of this machine'],
  ],
  ['ssh: connect to host models.internal port 22: Connection refused', UNREACHABLE],
  ['ssh: connect to host models.internal port 22: Connection timed out', UNREACHABLE],
  ['ssh: connect to host models.internal port 22: No route to host', UNREACHABLE],
  ['ssh: connect to host models.internal port 22: Network is unreachable', UNREACHABLE],
  ['cp: error writing /etc/x.bak: No space left on device', FULL],
  ['cat: write error: Disk quota exceeded', FULL],
  ['spawn ssh ENOENT', ['Install the OpenSSH client, so that ssh is found on PATH']],
  // The host's own file permissions: nothing about keys.
  [
    'cat: /etc/x.yaml: Permission denied',
    [
      'Let llama read and write the file and its folder on models.internal; the backup is written beside it',
      'Or bind the key to a forced command that may do so, and use --mode wrapper',
    ],
  ],
  ['', []],
];

it.each(MESSAGES)('%s', (stderr, hints) => {
  expect(sshHints(TARGET, { code: stderr.startsWith('spawn') ? 127 : 255, stderr })).toEqual(hints);
});

it('a backup is restored by a command that can be pasted, whatever the path', () => {
  expect(restoreByHand("/srv/it's.bak", '/srv/a b')).toBe(
    "cp '/srv/it'\\''s.bak' '/srv/a b', then restart the service",
  );
});

describe('what to do about a failed command', () => {
  const hints = (code: number, stderr: string) => sshHints(TARGET, { code, stderr }).join(' ');

  it('does not blame the connection for a message of a program on the host', () => {
    for (const message of ['Failed to connect to bus: Connection refused', 'operation timed out']) {
      expect(hints(1, message)).toBe('');
      expect(hints(255, message)).toContain('models.internal is up');
    }
  });

  it.each([
    ['sudo: a password is required', 'NOPASSWD'],
    ['sudo: a terminal is required to read the password', 'NOPASSWD'],
    ['sh: 1: cannot create /etc/x.yaml: Permission denied', 'Let llama read and write'],
    ['cat: write error: Operation not permitted', 'Let llama read and write'],
    ['sh: 1: cannot create /etc/x.yaml: Read-only file system', 'writable'],
    ['cat: write error: No space left on device', 'Free space on models.internal'],
  ])('%s', (message, hint) => {
    expect(hints(1, message)).toContain(hint);
  });

  it('tells a rejected key from a file that may not be read', () => {
    expect(hints(255, 'llama@models.internal: Permission denied (publickey).')).toContain('/keys/models');
  });
});
