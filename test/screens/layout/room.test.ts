import { describe, expect, it } from 'vitest';
import { failureLayout } from '../../../screens/layout/failure-layout.ts';
import { fittingHints } from '../../../screens/layout/footer.ts';
import { bodyRows, isShort } from '../../../screens/layout/layout.ts';
import { planRoom } from '../../../screens/layout/plan-layout.ts';
import { cutLines, roomOf, rowsOf } from '../../../screens/layout/room.ts';
import type { FailureReport } from '../../../src/core/events.ts';
import { NetworkFailure } from '../../../src/network/errors/network-failure.ts';
import { otherRemedy } from '../../../src/support/remedies.ts';
import { type Remedy, remedyText } from '../../../src/support/remedy.ts';
import { type KeyHint, keyHints } from '../../../src/wizard/keys.ts';
import { stepsByHand } from '../../../src/wizard/panels/mending.ts';
import { STATES } from '../../fixtures/screen-states.ts';
import { REPORT } from '../../fixtures/wizard-states.ts';
import { DEMO_PLAN } from '../../pty/demo-data.ts';

const SIZES = [40, 47, 60, 63, 64, 80, 120].flatMap((columns) =>
  [10, 11, 12, 14, 16, 17, 20, 24, 40].map((rows) => ({ columns, rows })),
);

describe('sharing rows', () => {
  it('takes all or nothing, and of some what comes first', () => {
    const room = roomOf(5);
    expect([room.take(6), room.take(2), room.left()]).toEqual([false, true, 3]);
    expect(room.takeSome([1, 1, 2, 1], (rows) => rows)).toEqual([1, 1]);
    expect(room.left()).toBe(1);
  });
  it.each([
    [['one two', 'three'], 2, 10, ['one two', 'three']],
    [['one two', 'three'], 1, 10, ['one two …']],
    [['one two', 'three'], 1, 7, ['one …']],
    [['abcdefgh', 'i'], 1, 8, ['abcdef …']],
  ])('%j in %i rows', (lines, rows, width, cut) => {
    expect(cutLines(lines, rows, width)).toEqual(cut);
  });
  it('counts wide characters twice', () => {
    expect(rowsOf('プロジェクト', 8)).toBe(2);
    expect(rowsOf('Projekt', 8)).toBe(1);
  });
});

describe('the plan', () => {
  const where = { runtimeRoot: '/home/ada/.ktx/runtime', homeDir: '/home/ada' };
  const rejected = Array.from({ length: 9 }, (_, index) => `mirror-${index}.acme.internal: 403`);
  const crowded = {
    ...DEMO_PLAN,
    rows: DEMO_PLAN.rows.map((row) => ({ ...row, rejected })),
    notes: Array.from({ length: 9 }, (_, index) => `note ${index} `.repeat(20)),
  };

  it.each(SIZES)('has bytes, folder and hosts on the screen at $columns x $rows', (size) => {
    for (const summary of [DEMO_PLAN, crowded]) {
      const room = planRoom(summary, where, size);
      const text = [...room.bytes, ...room.hosts].join(' ');
      expect(room.isConsentWhole).toBe(true);
      for (const words of [...DEMO_PLAN.hosts, '182 MB to download', '420 MB on disk in ~/.ktx/runtime'])
        expect(text).toContain(words);
      const shown =
        room.bytes.length +
        room.hosts.length +
        room.rowCount +
        room.notes.flat().length +
        room.verdict.length +
        room.reasons.flat().length +
        Number(room.hasHeading) +
        Number(room.hasGap);
      expect(shown).toBeLessThanOrEqual(bodyRows(size) - (isShort(size) ? 1 : 2));
    }
  });

  it.each([
    [{ columns: 40, rows: 10 }, [0, 0, 0, 0], '… 12 more lines'],
    [{ columns: 40, rows: 12 }, [2, 0, 0, 0], '… 10 more lines'],
    [{ columns: 40, rows: 16 }, [5, 0, 0, 0], '… 7 more lines'],
    [{ columns: 60, rows: 17 }, [5, 0, 0, 0], '… 5 more lines'],
    [{ columns: 60, rows: 20 }, [5, 1, 0, 0], '… 3 more lines'],
    [{ columns: 80, rows: 24 }, [5, 1, 1, 1], ''],
  ] as const)('at %j shows rows, notes, verdict, reasons %j and says %s', (size, counts, more) => {
    const { rowCount, notes, verdict, reasons, more: said } = planRoom(DEMO_PLAN, where, size);
    expect([[rowCount, notes.length, verdict.length, reasons.length], said]).toEqual([counts, more]);
  });

  it('leaves nothing out where there is room', () => {
    const lost = DEMO_PLAN.rows.map((row) => ({ ...row, rejected: rejected.slice(0, 4) }));
    const room = planRoom({ ...DEMO_PLAN, rows: lost }, where, { columns: 120, rows: 40 });
    expect(room).toMatchObject({ more: '', hasHeading: true, hasGap: true });
    // Each reason once, although five rows have it.
    expect(room.reasons.map((lines) => lines.join(' '))).toEqual(rejected.slice(0, 4));
    expect(room.verdict.join(' ')).toBe('4 other sources were passed over; nothing in this plan needs them.');
  });

  it('shows no reason without the sentence that it does not matter', () => {
    for (const size of SIZES) {
      const { verdict, reasons } = planRoom(crowded, where, size);
      expect(verdict.length > 0 || reasons.length === 0, `${size.columns} x ${size.rows}`).toBe(true);
    }
  });

  it('knows when not all that one agrees to is on the screen, and keeps a row to say so', () => {
    const hosts = Array.from({ length: 20 }, (_, index) => `host-${index}.acme.internal`);
    const room = planRoom({ ...DEMO_PLAN, hosts }, where, { columns: 40, rows: 10 });
    expect(room).toMatchObject({ isConsentWhole: false, rowCount: 0, hasHeading: false });
    expect([...room.bytes, ...room.hosts]).toHaveLength(5);
    expect(planRoom({ ...DEMO_PLAN, hosts }, where, { columns: 80, rows: 24 }).isConsentWhole).toBe(true);
  });

  it('keeps a number with its unit', () => {
    expect(planRoom(DEMO_PLAN, where, { columns: 60, rows: 20 }).bytes).toEqual([
      '182 MB to download · 420 MB on disk in ~/.ktx/runtime ·',
      '61 GB free',
    ]);
  });

  it('says what it cannot know', () => {
    const summary = { ...DEMO_PLAN, hosts: [], downloadBytes: null, diskBytes: null, freeBytes: null };
    const room = planRoom(summary, where, { columns: 80, rows: 24 });
    expect(room.bytes).toEqual(['Download size unknown · everything in ~/.ktx/runtime']);
    expect(room.hosts).toEqual(['No host will be contacted.']);
  });
});

const BY_HAND = otherRemedy('Put the login into the proxy address, for this run of ktx', {
  argv: ['log-in-to-proxy', '--user', '<user>', '--password', '<password>'],
});

describe('a failure', () => {
  const state = STATES['failure']!;
  if (state.screen !== 'failure') throw new Error(state.screen);
  const about = (report: Partial<FailureReport>) => ({ ...state, report: { ...REPORT, ...report } });
  const from = (failure: NetworkFailure) =>
    about({
      title: failure.message,
      evidence: failure.evidence,
      nextSteps: failure.remedies.map(remedyText),
      remedies: failure.remedies as readonly Remedy[],
      untouched: 'Nothing was changed: ktx 0.2.0 (core) still works.',
    });
  const address = { host: 'releases.acme.internal', proxyHost: 'proxy.acme.internal:3128' };
  const FAILURES = {
    'a command by hand': about({
      nextSteps: [remedyText(BY_HAND)],
      remedies: [BY_HAND],
      untouched: 'Nothing was changed: ktx 0.2.0 (core) still works.',
    }),
    'a login of the proxy': from(new NetworkFailure('proxy-login', address)),
    'a sign-in page': from(new NetworkFailure('sign-in-page', address)),
    'a name': from(new NetworkFailure('dns', { ...address, via: 'objects.acme.internal' })),
    'many lines of uv': about({
      evidence: Array.from({ length: 12 }, (_, index) => `  line ${index} of uv`),
      nextSteps: Array.from({ length: 6 }, (_, index) => `remedy ${index}`),
    }),
  };

  it.each(Object.entries(FAILURES))(
    '%s shows the first remedy at every size, and counts',
    (_name, failure) => {
      for (const size of SIZES) {
        const room = failureLayout(failure, size);
        const { report } = failure;
        const steps = stepsByHand(report);
        if (steps.length > 0) expect(room.steps.length, JSON.stringify(size)).toBeGreaterThan(0);
        const byHand = report.remedies?.find((remedy) => remedyText(remedy) === steps[0]);
        const command = byHand?.command;
        const first = (room.steps[0] ?? []).map((line) => line.trim()).join('');
        if (command) expect(first.replaceAll(' ', '')).toContain(command.replaceAll(' ', ''));
        const choices = room.choiceRows;
        const texts = [room.title, room.evidence, room.steps.flat(), room.untouched].flat();
        const extras = [room.hasHeading, room.hasLog, room.hasGapBelowTitle];
        const gaps = [room.hasGapBelowEvidence, room.hasGapBelowSteps, !isShort(size)];
        const rows = texts.length + choices + [...extras, ...gaps].filter(Boolean).length;
        expect(rows, JSON.stringify(size)).toBeLessThanOrEqual(bodyRows(size));
        if (room.steps.length < steps.length) expect(room.hiddenCount).toBeGreaterThan(0);
        if (size.rows >= 20 && steps.length > 0)
          expect([room.hasHeading, room.hasGapBelowSteps]).toEqual([true, true]);
      }
    },
  );

  it.each([
    [{ columns: 40, rows: 10 }, 2, 1, 2, 15],
    [{ columns: 40, rows: 12 }, 2, 1, 4, 13],
    [{ columns: 80, rows: 24 }, 2, 6, 6, 6],
    [{ columns: 120, rows: 40 }, 1, 12, 6, 0],
  ] as const)(
    'at %j: %i columns of choices, %i causes, %i remedies',
    (size, columns, causes, remedies, hidden) => {
      const room = failureLayout(FAILURES['many lines of uv'], size);
      expect([room.choiceColumns, room.evidence.length, room.steps.length, room.hiddenCount]).toEqual([
        columns,
        causes,
        remedies,
        hidden,
      ]);
    },
  );

  it('shortens the words of a remedy, never its command', () => {
    const room = failureLayout(FAILURES['a command by hand'], { columns: 40, rows: 10 });
    expect(room.steps).toEqual([
      ['Put the login into the proxy …', '  log-in-to-proxy --user <user>', '  --password <password>'],
    ]);
  });

  it('wraps evidence of several lines, and keeps indents that fit', () => {
    const room = failureLayout(about({ evidence: ['  first\nsecond'] }), { columns: 80, rows: 24 });
    expect(room.evidence).toEqual(['  first', 'second']);
  });
});

describe('the footer', () => {
  const labels = (hints: readonly KeyHint[]) => hints.map(({ label }) => label).join(' ');
  it.each([
    ['plan', 80, '←→ enter n esc ? q'],
    ['plan', 40, 'enter esc ? q'],
    ['plan', 20, '? q'],
    ['plan', 8, 'q'],
    ['failure', 40, 'enter ? q'],
    ['the proof of an installation', 80, 's space enter esc ? q'],
    ['the proof of an installation', 40, 'enter esc ? q'],
    ['stop question', 40, 'y n ctrl+c'],
    ['installing', 40, '↑↓ ? ctrl+c'],
    ['installing', 3, 'ctrl+c'],
  ] as const)('of %s in %i columns: %s', (name, columns, expected) => {
    expect(labels(fittingHints(keyHints(STATES[name]!, 'footer'), columns))).toBe(expected);
  });
});
