import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { beforeEach, describe, expect, it, test, vi } from 'vitest';
import { managedPythonRuntimeLayout } from '../../src/core/layout.ts';
import { reportText, type SetupReport } from '../../src/report/report.ts';
import { SetupError } from '../../src/support/errors.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';

const fake = vi.hoisted(() => ({ open: vi.fn(), ask: vi.fn(), lock: vi.fn(), close: vi.fn() }));
vi.mock('../../src/setup/session/network-session.ts', () => ({ openNetworkSession: fake.open }));
vi.mock('../../src/setup/session/source-probes.ts', () => ({ askEverySource: fake.ask }));
vi.mock('../../src/shipped/locked-asset.ts', async (original) => ({
  ...(await original<object>()),
  readLockedAsset: fake.lock,
}));
const { collectReport } = await import('../../src/report/report.ts');

const REPORT: SetupReport = {
  createdAt: '2026-01-02T03:04:05.000Z',
  versions: { ktx: '0.3.0', uv: '0.11.21' },
  runtime: { root: '/r', status: 'missing', detail: 'none' },
  network: {
    lines: [{ name: 'index', value: 'https://i.example', origin: 'pip.conf' }] as never,
    logins: [{ host: 'i.example', origin: 'netrc' }],
    warnings: ['an ignored one'],
    storedPath: '/s',
    stored: {} as never,
  },
  probes: [
    { place: 'your index', file: 'a.whl', verdict: 'answers', hosts: ['i.example', 'f.example'] },
    { place: 'a folder', file: 'a.whl', verdict: 'no | why', hosts: [] },
  ],
  egress: [{ host: 'i.example', bytes: 1500 }],
  log: { path: '/log', text: 'first\nsecond\n\n', isCut: true },
  failure: { path: '/f', text: 'it failed\nso\n' },
};

describe('the text of a report', () => {
  it('has all that IT needs to know', () => {
    expect(reportText(REPORT)).toBe(
      [
        'ktx setup report of 2026-01-02T03:04:05.000Z',
        'Passwords and tokens are masked as ****. Host names, paths and the log are not: read it before you send it.',
        '',
        'Versions',
        '  ktx     0.3.0',
        '  uv      0.11.21',
        '',
        'Runtime',
        '  missing: none',
        '  root: /r',
        '',
        'Last failed setup /f',
        '  it failed',
        '  so',
        '',
        'Network settings',
        '  index: https://i.example   (from pip.conf)',
        '  login for i.example   (from netrc)',
        '  note: an ignored one',
        '',
        'Would they answer?',
        '  your index: answers',
        '      for a.whl, by way of i.example, f.example',
        '  a folder: no | why',
        '      for a.whl',
        '',
        'Bytes received for this report',
        '  i.example: 1.5 kB',
        '',
        'Log /log (its end)',
        '  first',
        '  second',
        '',
      ].join('\n'),
    );
  });

  it('says what there is none of', () => {
    const text = reportText({ ...REPORT, failure: null, log: null, egress: [] });
    expect(text).not.toContain('Last failed setup');
    expect(text).toContain('\nBytes received for this report\n  none\n\nLog\n  there is none\n');
    expect(reportText({ ...REPORT, log: { ...REPORT.log!, isCut: false } })).toContain('\nLog /log\n');
  });
});

describe('collecting one', () => {
  let root: string;
  let options: Parameters<typeof collectReport>[0];
  const logPath = () => managedPythonRuntimeLayout(options).installLogPath;
  const writeLog = async (text: string) => {
    await mkdir(dirname(logPath()), { recursive: true });
    await writeFile(logPath(), text);
  };
  beforeEach(async () => {
    root = await temporaryFolder();
    options = { cliVersion: '0.3.0', env: {}, homeDir: root, runtimeRoot: root };
    for (const each of Object.values(fake)) each.mockReset();
    fake.lock.mockRejectedValue(new Error('no lock'));
    fake.open.mockResolvedValue({
      redactor: { redact: (text: string) => text.replaceAll('s3cret', '****') },
      egress: () => [{ host: 'i.example', bytes: 7 }],
      close: fake.close,
    });
  });

  it('names versions, runtime and what was received, and asks nobody without a lock', async () => {
    const report = await collectReport(options);
    expect(report).toMatchObject({
      createdAt: expect.stringMatching(/^\d{4}-/),
      versions: {
        ktx: '0.3.0',
        uv: expect.stringMatching(/^\d/),
        node: process.version,
        system: expect.stringContaining(process.platform),
      },
      runtime: { root, status: 'missing' },
      probes: [],
      egress: [{ host: 'i.example', bytes: 7 }],
      log: null,
      failure: null,
    });
    expect(fake.ask).not.toHaveBeenCalled();
    expect(fake.open).toHaveBeenCalledWith(expect.objectContaining({ lock: null, runtimeRoot: root }));
    expect(fake.close).toHaveBeenCalledOnce();
  });

  it('asks every source for one file of each kind', async () => {
    const { readLockedAsset } = await vi.importActual<typeof import('../../src/shipped/locked-asset.ts')>(
      '../../src/shipped/locked-asset.ts',
    );
    fake.lock.mockImplementation(readLockedAsset);
    const failure = new SetupError('not there', { failureClass: 'network', evidence: ['one', 's3cret'] });
    fake.ask.mockResolvedValue([
      { label: 'first', hosts: ['a', 'a', 'b'], failure: null },
      { label: 'second', hosts: [], failure },
    ]);
    const { probes } = await collectReport(options);
    const kinds = fake.ask.mock.calls.map(([, { kind }]) => kind);
    expect(kinds.sort()).toEqual(['python', 'uv', 'uv', 'wheel'].sort());
    expect(probes).toHaveLength(8);
    expect(probes.slice(0, 2)).toEqual([
      { place: 'first', file: expect.any(String), verdict: 'answers', hosts: ['a', 'b'] },
      { place: 'second', file: expect.any(String), verdict: 'not there | one | ****', hosts: [] },
    ]);
  });

  it('masks its log, and takes the end of a long one from a whole line on', async () => {
    await writeLog('first s3cret\nsecond\n');
    expect((await collectReport(options)).log).toEqual({
      path: logPath(),
      text: 'first ****\nsecond\n',
      isCut: false,
    });
    const MB = 1024 * 1024;
    await writeLog(`${'x'.repeat(MB - 1)}\n`);
    expect((await collectReport(options)).log).toMatchObject({ isCut: false });
    await writeLog(`${'half a s3cret '.repeat(10)}\n${'y'.repeat(MB - 20)}\nlast\n`);
    const { log } = await collectReport(options);
    expect(log).toMatchObject({ isCut: true, text: expect.stringMatching(/^y+\nlast\n$/) });
  });

  it('is closed when something fails', async () => {
    fake.open.mockResolvedValue({
      egress: () => {
        throw new Error('broken');
      },
      close: fake.close,
    });
    await expect(collectReport(options)).rejects.toThrow('broken');
    expect(fake.close).toHaveBeenCalledOnce();
  });
});

test('a log that cannot be read costs no report: it says why', async () => {
  const root = await temporaryFolder();
  const options = { cliVersion: '0.3.0', env: {}, homeDir: root, runtimeRoot: root };
  fake.open.mockResolvedValue({
    redactor: { redact: (text: string) => text },
    egress: () => [],
    close: fake.close,
  });
  const path = managedPythonRuntimeLayout(options).installLogPath;
  await mkdir(path, { recursive: true });
  const text = `The log cannot be read: ${path} is a folder, not a file.`;
  expect((await collectReport(options)).log).toEqual({ path, text, isCut: false });
});
