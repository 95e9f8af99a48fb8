import { describe, expect, it } from 'vitest';
import { UV_CAUSES } from '../../src/failure/causes/uv-causes.ts';
import { describeFailure } from '../../src/failure/failure.ts';
import { joinFailures } from '../../src/network/errors/joined-failures.ts';
import { NetworkFailure } from '../../src/network/errors/network-failure.ts';
import { SettingError } from '../../src/network/settings/profile.ts';
import { SetupError } from '../../src/support/errors.ts';
import { otherRemedy } from '../../src/support/remedies.ts';
import { UvCommandError } from '../../src/uv/runner.ts';

const report = (error: unknown) => describeFailure(error, { step: 'packages', untouched: '', logPath: '/l' });
const uv = (stderr: string) => new UvCommandError(['pip', 'install'], '', stderr, '/l');
const coded = (code: string) => Object.assign(new Error(`${code}: no`), { code, path: '/x/y' });

describe('what uv prints', () => {
  it.each<[string, string, string]>([
    ['error: failed to write `/x`: No space left on device (os error 28)', 'disk-full', 'disk'],
    ['error: Failed to extract archive\n  Caused by: Plus de place (os error 28)', 'disk-full', 'disk'],
    ['Caused by: Read-only file system (os error 30)', 'read-only', 'permission'],
    [
      'Operation did not complete successfully because the file contains a virus',
      'quarantined',
      'permission',
    ],
    ['failed to open file `/x`: Permission denied (os error 13)', 'no-permission', 'permission'],
    ['  × Failed to read `click`\n  ╰─▶ Hash mismatch for `click==8.5.1`', 'other-bytes', 'verification'],
    ['invalid peer certificate: UnknownIssuer', 'tls-interception', 'network'],
    ['Caused by: tunnel error: unsuccessful', 'proxy-refused', 'network'],
    ['error: HTTP status client error (401 Unauthorized) for url', 'login', 'network'],
    ['returned a 403 Forbidden error', 'forbidden', 'network'],
    [
      'error: Failed to fetch: `https://a.example/x.whl`\n  Caused by: HTTP status client error (451 Unavailable For Legal Reasons) for url',
      'legal-reasons',
      'network',
    ],
    ['HTTP status server error (503 Service Unavailable)', 'server-error', 'network'],
    ['Could not connect, are you offline?', 'dns', 'network'],
    ['client error (Connect)\ndns error: failed to lookup address information', 'dns', 'network'],
    ['Failed to download distribution due to network timeout.', 'no-answer', 'network'],
    ['error: Failed to fetch: `https://a.example/`', 'no-connection', 'network'],
    ['error: Failed to extract archive: x.whl', 'damaged-package', 'verification'],
    ['No interpreter found for Python 3.13 in managed installations', 'unusable-python', 'platform'],
    ['hint: but we only found wheels for `numpy`', 'wrong-platform', 'platform'],
    ['Timeout (300s) when waiting for lock on `/x`', 'busy', 'conflict'],
    ['Caused by: Network connectivity is disabled, but the requested data', 'offline', 'network'],
    ['error: An offline Python installation was requested, but x.tar.gz is missing', 'offline', 'network'],
    ['something new', 'unknown', 'internal'],
  ])('%s', (stderr, cause, failureClass) => {
    const found = report(uv(stderr));
    expect([found.cause, found.failureClass]).toEqual([cause, failureClass]);
    expect(found.evidence[0]).toBe('uv pip install failed');
    expect(found.remedies?.length).toBeGreaterThan(0);
    expect(found.nextSteps).toHaveLength(found.remedies!.length);
  });
});

describe('what the system says', () => {
  it.each([
    ['ENOSPC', 'disk-full', 'disk'],
    ['EDQUOT', 'quota', 'disk'],
    ['EACCES', 'no-permission', 'permission'],
    ['EPERM', 'refused-by-system', 'permission'],
    ['EBUSY', 'held-by-another-program', 'conflict'],
    ['EROFS', 'read-only', 'permission'],
    ['ENOTDIR', 'file-in-the-way', 'conflict'],
    ['ENAMETOOLONG', 'path-too-long', 'platform'],
    ['EMFILE', 'too-many-files', 'conflict'],
    ['EWHATEVER', 'unknown', 'internal'],
  ])('%s', (code, cause, failureClass) => {
    const found = report(coded(code));
    expect([found.cause, found.failureClass]).toEqual([cause, failureClass]);
    if (cause !== 'unknown') expect(found.title).toContain('/x/y');
  });
});

describe('what the client saw', () => {
  it('is not called by what it was made of: an unreachable host is no local fault', () => {
    const failure = new NetworkFailure('refused', { host: 'a.example', cause: coded('EACCES') });
    expect(report(joinFailures('Nothing.', [failure, failure]))).toMatchObject({
      cause: 'refused',
      host: 'a.example',
      failureClass: 'network',
    });
  });

  it('even where it does not know what it was', () => {
    const failure = new NetworkFailure('unknown', { host: 'a.example', cause: coded('EACCES') });
    expect(report(failure)).toMatchObject({ cause: 'network', host: 'a.example', failureClass: 'network' });
  });

  it('comes before the words of an error around it', () => {
    const cause = new NetworkFailure('untrusted-certificate', { host: 'a.example', issuer: 'Acme CA' });
    const error = new SetupError('No Python.', {
      failureClass: 'network',
      remedies: [otherRemedy('Name one')],
      cause,
    });
    const found = report(error);
    expect([found.cause, found.host]).toEqual(['tls-interception', 'a.example']);
    expect(found.nextSteps).toEqual(expect.arrayContaining(['Name one.']));
    expect(found.remedies?.map(({ id }) => id)).toEqual([
      'choose-ca-file',
      'other',
      'copy-store',
      'save-report',
    ]);
  });

  it('a setup that reaches no host can use a bundle: one that lies here, or one that has to be made', () => {
    const failure = () => new NetworkFailure('refused', { host: 'index.example' });
    const bundle = (path: string | null | undefined) =>
      describeFailure(failure(), { step: 'plan', untouched: '', logPath: null }, path).remedies?.find(
        ({ id }) => id === 'use-bundle',
      );
    expect(bundle(undefined)).toBeUndefined();
    expect(bundle('/media/stick/ktx.bundle')).toMatchObject({
      argv: expect.arrayContaining(['setup', '--bundle', '/media/stick/ktx.bundle']),
      placeholders: [],
    });
    expect(bundle(null)).toMatchObject({
      label: expect.stringContaining(`--platform ${process.platform}-${process.arch}`),
      afterwards: expect.arrayContaining(['setup', '--bundle', '<file>']),
      placeholders: [{ name: 'bundle-file', token: '<file>' }],
    });
  });

  it('a file that is refused for legal reasons comes from another index or a bundle, and not by trying again', () => {
    const error = new NetworkFailure('legal-reasons', {
      host: 'files.example',
      via: 'index.example',
      status: 451,
    });
    const found = describeFailure(error, { step: 'plan', untouched: '', logPath: null }, null);
    expect(found).toMatchObject({ cause: 'legal-reasons', host: 'files.example', failureClass: 'network' });
    expect(found.title).toBe('files.example refuses the file for legal reasons in this place (451).');
    // Nobody who runs this network can allow it.
    expect(found.remedies?.map(({ id }) => id)).toEqual([
      'use-index',
      'use-bundle',
      'copy-store',
      'save-report',
    ]);
  });

  it('a redirect that is blocked is one, and one that answers is not', () => {
    const of = (reason: 'refused' | 'not-found') =>
      report(new NetworkFailure(reason, { host: 'files.example', via: 'hub.example' }));
    expect(of('refused').cause).toBe('blocked-redirect');
    expect(of('refused').evidence).toContain('reached by a redirect of hub.example');
    expect(of('refused').nextSteps[0]).toContain('files.example, where hub.example keeps its files');
    expect(of('not-found').cause).toBe('not-found');
  });

  it('a setting that cannot be read is one, with what to do about it alone', () => {
    const found = report(
      new SettingError('HTTPS_PROXY', 'the value has quotes in it', 'an address', 'proxy'),
    );
    expect([found.cause, found.failureClass]).toEqual(['setting', 'network']);
    expect(found.nextSteps).toEqual([
      'Correct HTTPS_PROXY: an address.',
      'Give another HTTPS_PROXY, for this run: HTTPS_PROXY=<host:port> ktx setup',
      'See what is set and where: ktx admin network show',
    ]);
  });

  it('a plain error is ours, with its causes as evidence', () => {
    const error = new Error('outer', { cause: new Error('inner') });
    expect(report(error)).toMatchObject({
      failureClass: 'internal',
      title: 'outer',
      evidence: ['outer: inner'],
    });
    expect(report(error).remedies?.map(({ label }) => label)).toEqual([
      'Run it again',
      'If it happens again, report it with the install log',
    ]);
  });
});

it('no row says the same thing twice', () => {
  const keys = UV_CAUSES.map(({ cause, uv }) => `${cause}|${uv}`);
  expect(new Set(keys).size).toBe(keys.length);
});
