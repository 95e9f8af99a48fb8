import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CASES } from './cases.ts';
import { type MachineLab, missingFor, openLab, runCase } from './lab.ts';

/** All by `npm run test:machines`, every ninth of the short ones in the suite; one by its name in KTX_MACHINE. */
const { KTX_MACHINES, KTX_MACHINE } = process.env;
const WANTED = CASES.filter((each, at) =>
  KTX_MACHINE
    ? each.name.includes(KTX_MACHINE)
    : KTX_MACHINES === 'complete' || (at % 9 === 0 && !each.isLong),
);
const isPossible = process.platform === 'linux' && process.getuid?.() === 0;

const lineOf = ({ kind, name, source, verdict }: Record<'kind' | 'name' | 'source' | 'verdict', string>) =>
  `${verdict.padEnd(7)}${kind.padEnd(12)}${name.padEnd(72)}${source}`;

/** What machines are like, with real namespaces, interpreters, locales and limits, and what ktx makes of it. */
describe.skipIf(!isPossible)('matrix of machines (Linux, as root)', () => {
  let lab: MachineLab;
  const rows: { kind: string; name: string; source: string; verdict: string }[] = [];

  beforeAll(async () => {
    lab = await openLab();
  }, 600_000);

  afterAll(async () => {
    await lab?.remove();
    const left = CASES.filter((each) => !WANTED.includes(each));
    for (const { kind, name, source } of left)
      rows.push({ kind, name, source, verdict: 'not in this sample' });
    const right = rows.filter(({ verdict }) => verdict === 'right').length;
    const lines = rows.map(lineOf);
    console.info([...lines, `${right} of ${rows.length - left.length} right`].join('\n'));
  });

  // Each has namespaces of its own, and many wait.
  it.concurrent.each(WANTED.map((each) => [each.kind, each.name, each] as const))(
    '%s: %s',
    async (kind, name, each) => {
      const row = { kind, name, source: each.source, verdict: 'WRONG: did not run to its end' };
      rows.push(row);
      const missing = missingFor(each);
      if (missing.length > 0) {
        row.verdict = `not run: ${missing.join(', ')} is not on this machine`;
        return;
      }
      const { problems, output } = await runCase(lab, each);
      row.verdict = problems.length === 0 ? 'right' : `WRONG: ${problems.join('; ')}`;
      console.info(lineOf(row));
      expect(problems, output).toEqual([]);
    },
    600_000,
  );
});
