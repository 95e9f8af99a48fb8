import { expect, it, test } from 'vitest';
import { BundleError } from '../../src/bundle/archive/bundle-error.ts';
import { UstarError } from '../../src/bundle/archive/ustar.ts';
import { NotPutBackError } from '../../src/doctor/repair-run.ts';
import { ManagedPythonDaemonStartError } from '../../src/embed/spawn-daemon.ts';
import { UnsupportedCodexModelError } from '../../src/models/codex/model-ids.ts';
import { CodexSdkMissingError } from '../../src/models/codex/sdk-runner.ts';
import { ListedDigestError } from '../../src/network/index/package-index.ts';
import { ExecError } from '../../src/process/exec.ts';
import { NoSourceError } from '../../src/store/sources.ts';
import { DigestMismatchError } from '../../src/store/store.ts';
import { CancelledError, KtxExpectedError, NewerFormatError, SetupError } from '../../src/support/errors.ts';
import { UnusableFileError } from '../../src/support/fs/regular-file.ts';
import { UvCommandError } from '../../src/uv/runner.ts';

const digest = (letter: string) => letter.repeat(64);

/** Logs, JSON and programs that cannot import the class know an error by its name. */
test.each([
  [new KtxExpectedError('x'), 'KtxExpectedError', 'x'],
  [new SetupError('x', { failureClass: 'disk' }), 'KtxExpectedError', 'x'],
  [new CancelledError(), 'CancelledError', 'Operation cancelled.'],
  [
    new NewerFormatError('/f', null),
    'NewerFormatError',
    '/f was written by a newer ktx. Nothing was changed.',
  ],
  [
    new NewerFormatError('/f', 'ktx 9'),
    'NewerFormatError',
    '/f was written by a newer ktx, ktx 9. Nothing was changed.',
  ],
  [new UnusableFileError('/f', 'is a pipe'), 'UnusableFileError', '/f is a pipe.'],
  [new NoSourceError('a.whl'), 'NoSourceError', 'There is no source for a.whl.'],
  [new DigestMismatchError('a', 'b', 3), 'DigestMismatchError', 'expected sha256 a, got b over 3 bytes'],
  [new UstarError('x'), 'UstarError', 'x'],
  [new BundleError('altered' as never, 'x'), 'BundleError', expect.stringContaining('x')],
  [new UnsupportedCodexModelError('m'), 'UnsupportedCodexModelError', expect.stringContaining('"m"')],
  [
    new CodexSdkMissingError(new Error('not found\nstack')),
    'CodexSdkMissingError',
    '@openai/codex-sdk cannot be loaded (not found). Install it next to ktx: npm install @openai/codex-sdk',
  ],
  [
    new ManagedPythonDaemonStartError('it ended', '/log'),
    'ManagedPythonDaemonStartError',
    'ktx daemon failed to start: it ended. stderr: /log',
  ],
  [
    new UvCommandError(['venv'], ' out ', ' err ', '/log'),
    'UvCommandError',
    'Python runtime install failed.\nerr\nout\nInstall log: /log',
  ],
  [
    new UvCommandError([], '', '', '/log'),
    'UvCommandError',
    'Python runtime install failed. Install log: /log',
  ],
  [new ExecError('x', { stdout: '', stderr: '', exitCode: 1, signal: null }), 'ExecError', 'x'],
  [
    new NotPutBackError(new Error('broken'), 'no room', '/b'),
    'NotPutBackError',
    'broken. Not everything could be put back: no room',
  ],
])('%s is named %s', (error, name, message) => {
  expect(error.name).toBe(name);
  expect(error.message).toEqual(message);
});

it('what caused an error stays with it, and nothing is made up where there was none', () => {
  const cause = new SetupError('cause', { failureClass: 'disk' });
  expect(new ManagedPythonDaemonStartError('x', '/log', cause).cause).toBe(cause);
  expect('cause' in new ManagedPythonDaemonStartError('x', '/log')).toBe(false);
  expect(new UvCommandError([], '', '', '/log', cause).cause).toBe(cause);
  expect('cause' in new UvCommandError([], '', '', '/log')).toBe(false);
  expect('cause' in new SetupError('x', { failureClass: 'disk' })).toBe(false);
});

test.each([1, 3, 4, 9])('an index that lists %i other digests', (count) => {
  const listed = Array.from({ length: count }, (_, index) => digest(String(index)));
  const error = new ListedDigestError('i.example', 'a.whl', digest('a'), listed);
  expect(error.name).toBe('ListedDigestError');
  expect(error).toMatchObject({ failureClass: 'verification', host: 'i.example' });
  const [host, file, expected, ...others] = error.evidence;
  expect([host, file, expected]).toEqual([
    'host: i.example',
    'file: a.whl',
    `expected sha256 ${digest('a')}`,
  ]);
  const shown = others.filter((line) => line.startsWith('listed sha256 '));
  expect(others.slice(shown.length)).toEqual(
    shown.length === count ? [] : [`and ${count - shown.length} others`],
  );
  expect(shown.length).toBeGreaterThan(0);
});
