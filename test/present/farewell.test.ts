import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type FarewellOptions, farewellLines, startCommand } from '../../src/present/farewell.ts';
import { PACKAGE_ROOT } from '../../src/support/package-root.ts';
import { CHECK_NETWORK, COPY_STORE, USE_INDEX } from '../../src/support/remedies.ts';
import { remedyText } from '../../src/support/remedy.ts';
import type { Farewell } from '../../src/wizard/state.ts';
import { REPORT } from '../fixtures/wizard-states.ts';
import { DEMO_CHECKS, DEMO_RESULT } from '../pty/demo-data.ts';

const options: FarewellOptions = {
  homeDir: '/home/ada',
  columns: 80,
  paint: (_tone, text) => text,
  env: {},
  platform: 'linux',
};
const linesOf = (farewell: Farewell, more: Partial<FarewellOptions> = {}) =>
  farewellLines(farewell, { ...options, ...more });
const passed = DEMO_CHECKS.filter((check) => check.status === 'pass');
const broken = passed.map((check) =>
  check.id === 'daemon'
    ? { ...check, status: 'fail' as const, detail: 'is gone', fix: 'ktx setup --force' }
    : check,
);

describe('done', () => {
  it('names only commands that there are, with a daemon and without', () => {
    const known = readFileSync(join(PACKAGE_ROOT, 'docs', 'commands.md'), 'utf8');
    const answering = {
      ...passed[0]!,
      id: 'daemon-health',
      status: 'pass' as const,
      detail: 'http://127.0.0.1:1',
    };
    for (const checks of [passed, [...passed, answering]]) {
      const next = linesOf({ kind: 'done', result: DEMO_RESULT, checks }).find((line) =>
        line.startsWith('  next'),
      );
      const command = next?.slice('  next'.length).trim().replace(/ --.*/, '');
      expect(known.split('\n')).toContain(`## ${command}`);
    }
  });

  it('is one line that fills the window, and what comes next', () => {
    const lines = linesOf({ kind: 'done', result: DEMO_RESULT, checks: passed });
    expect(lines).toEqual([
      '✓ ktx 0.3.0 is ready: core, local embeddings          21 s · 182 MB from 3 hosts',
      '  python   ~/.ktx/runtime/0.3.0/envs/7f3c/bin/python',
      '  log      ~/.ktx/runtime/0.3.0/install.log',
      '  next     ktx admin runtime start --feature local-embeddings',
    ]);
    expect(lines[0]).toHaveLength(80);
  });
  it.each([
    ['a runtime that was there', { status: 'ready' as const }, 'was there already'],
    ['an installation from the store', { downloadedBytes: 0, egress: [] }, '21 s · nothing downloaded'],
    ['one host', { egress: DEMO_RESULT.egress.slice(0, 1) }, `from ${DEMO_RESULT.egress[0]!.host}`],
  ])('says it of %s', (_name, changes, words) => {
    expect(linesOf({ kind: 'done', result: { ...DEMO_RESULT, ...changes }, checks: null })[0]).toContain(
      words,
    );
  });
  it.each<[string, string, Partial<FarewellOptions>, string]>([
    ['elsewhere', '/srv/ktx', {}, 'KTX_RUNTIME_ROOT=/srv/ktx ktx admin'],
    ['elsewhere, with a space', "/srv/ada's ktx", {}, "KTX_RUNTIME_ROOT='/srv/ada'\\''s ktx' ktx admin"],
    ['elsewhere, on Windows', 'D:/ktx', { platform: 'win32' }, 'with KTX_RUNTIME_ROOT=D:/ktx set: ktx admin'],
    ['where the environment says', '/srv/ktx', { env: { KTX_RUNTIME_ROOT: '/srv/ktx' } }, ' ktx admin'],
  ])('what comes next finds a runtime %s', (_name, root, more, command) => {
    const result = { ...DEMO_RESULT, manifestPath: `${root}/0.3.0/manifest.json` };
    const lines = linesOf({ kind: 'done', result, checks: null }, more);
    expect(lines[3]).toContain(`next     ${command.trim()}`);
    // In another folder, what has to be set for good.
    const kept = lines.filter((line) => line.includes('shell profile: export KTX_RUNTIME_ROOT='));
    expect(kept).toHaveLength(command.startsWith('KTX_RUNTIME_ROOT=') ? 1 : 0);
  });
  it('names the checks that failed', () => {
    expect(linesOf({ kind: 'done', result: DEMO_RESULT, checks: broken }).slice(4)).toEqual([
      '✗ Daemon entry point: is gone',
      '  next     ktx setup --force',
    ]);
  });
});

describe('remedies that are longer than the terminal is wide', () => {
  const remedies = [CHECK_NETWORK, USE_INDEX, COPY_STORE];
  const report = { ...REPORT, evidence: [], remedies, nextSteps: remedies.map(remedyText) };

  it('are wrapped, and their command stands whole on its own line', () => {
    expect(linesOf({ kind: 'failed', report }, { columns: 66, shouldWrap: true }).slice(2)).toEqual([
      '  next     Check the network connection (cable, VPN, firewall).',
      '           Use an index or mirror that this network allows:',
      '             ktx setup --index-url <url>',
      '           Copy the folder uv/store of ~/.ktx/runtime from such a',
      '           machine with a network, where ktx setup ran, then run:',
      '             ktx setup --offline',
    ]);
  });

  it('nor are facts cut in the middle of a word', () => {
    const fact = 'The proxy 127.0.0.1:7407 requires a login (407) before it connects to the index.';
    expect(
      linesOf({ kind: 'failed', report: { ...report, evidence: [fact] } }, { columns: 66, shouldWrap: true }),
    ).toEqual(
      expect.arrayContaining([
        '  The proxy 127.0.0.1:7407 requires a login (407) before it',
        '    connects to the index.',
      ]),
    );
  });

  it('are one line each in a log', () => {
    expect(linesOf({ kind: 'failed', report }, { columns: 66 })).toHaveLength(5);
  });
});

it.each<[Farewell, string[]]>([
  [{ kind: 'left' }, []],
  [{ kind: 'checked', checks: passed }, ['✓ 10 checks: everything works']],
  [
    { kind: 'cancelled', logPath: '/home/ada/install.log' },
    ['Setup cancelled. Nothing was changed.', '  log      ~/install.log', '  next     ktx setup'],
  ],
  [
    { kind: 'failed', report: { ...REPORT, nextSteps: ['Set SSL_CERT_FILE', 'Ask for help'] } },
    [
      '✗ numpy could not be fetched',
      '  pypi.acme.internal: self-signed certificate in chain',
      '  Nothing was changed.',
      '  next     Set SSL_CERT_FILE',
      '           Ask for help',
    ],
  ],
])('%j', (farewell, expected) => {
  expect(linesOf(farewell)).toEqual(expected);
});

describe('a runtime in another folder', () => {
  const at = (root: string) => ({ ...DEMO_RESULT, manifestPath: `${root}/0.3.0/manifest.json` });
  const command = 'ktx admin runtime start --feature local-embeddings';
  it.each([
    ['/home/ada/.ktx/runtime', {}, 'linux', command],
    ['/srv/ktx', { KTX_RUNTIME_ROOT: '/srv/ktx' }, 'linux', command],
    ['/srv/ktx', {}, 'linux', `KTX_RUNTIME_ROOT=/srv/ktx ${command}`],
    ['/srv/k tx', {}, 'darwin', `KTX_RUNTIME_ROOT='/srv/k tx' ${command}`],
    ['/srv/ktx', {}, 'win32', `with KTX_RUNTIME_ROOT=/srv/ktx set: ${command}`],
    // A root that cannot be used is not the usual one.
    ['/srv/ktx', { KTX_RUNTIME_ROOT: 'relative' }, 'linux', `KTX_RUNTIME_ROOT=/srv/ktx ${command}`],
  ] as const)('%s, %j, on %s', (root, env, platform, expected) => {
    expect(startCommand(at(root), { homeDir: '/home/ada', env, platform })).toBe(expected);
  });

  it('is kept in the profile of a shell; not where it is the usual one, nor on Windows', () => {
    const kept = (root: string, platform: NodeJS.Platform = 'linux') =>
      linesOf({ kind: 'done', result: at(root), checks: [] }, { columns: 200, platform }).filter((line) =>
        line.includes('shell profile'),
      );
    expect(kept('/srv/ktx')).toEqual([expect.stringMatching(/export KTX_RUNTIME_ROOT=\/srv\/ktx$/)]);
    expect(kept('/home/ada/.ktx/runtime')).toEqual([]);
    expect(kept('/srv/ktx', 'win32')).toEqual([]);
  });
});

describe('what was done last', () => {
  const told = (isOk: boolean) => ({ isOk, title: 'The daemon is up', lines: ['in /home/ada/x'] });
  it.each([
    [true, '✓ The daemon is up', false],
    [false, '✗ The daemon is up', true],
  ])('is said after the rest: %s', (isOk, line, hasNext) => {
    const lines = linesOf({ kind: 'done', result: DEMO_RESULT, checks: passed, told: told(isOk) });
    expect(lines).toContain(line);
    expect(lines.some((each) => each.startsWith('  next'))).toBe(hasNext);
    expect(lines.some((each) => each.includes('~/x'))).toBe(true);
  });

  it('keeps the paths of a user whose home is the root', () => {
    const lines = linesOf({ kind: 'told', ...told(true) }, { homeDir: '/' });
    expect(lines.some((each) => each.includes('/home/ada/x'))).toBe(true);
  });
});
