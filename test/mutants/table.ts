import { roomOf } from './choose.ts';
import { reasonOfEquivalence } from './equivalent.ts';
import type { NumberedMutant } from './instrument.ts';

/** What became of a mutant. `stopped`: its tests stood still; `unreached`: no test runs the line. */
export interface Row {
  id: number;
  verdict: 'killed' | 'stopped' | 'alive' | 'unreached';
  /** The test that noticed. */
  by: string;
  atMs: number;
}

export function isKilled({ verdict }: Row): boolean {
  return verdict === 'killed' || verdict === 'stopped';
}

/**
 * Killed, alive and equivalent by room.
 *
 * @returns the share of those killed among all that change something, in percent
 */
export function tableOf(
  mutants: readonly NumberedMutant[],
  rows: ReadonlyMap<number, Row>,
): { text: string; share: number } {
  const lines = ['room                    mutants  killed   alive  unreached  equivalent  not tried   share'];
  const line = (name: string, of: readonly NumberedMutant[]) => {
    const count = { killed: 0, alive: 0, unreached: 0, equivalent: 0, open: 0 };
    for (const mutant of of) {
      const row = rows.get(mutant.id);
      if (reasonOfEquivalence(mutant) !== null) count.equivalent++;
      else if (row === undefined) count.open++;
      else if (isKilled(row)) count.killed++;
      else count[row.verdict as 'alive' | 'unreached']++;
    }
    const { killed, alive, unreached, equivalent, open } = count;
    const tried = killed + alive + unreached;
    const share = tried === 0 ? 100 : (100 * killed) / tried;
    const cells = [of.length, killed, alive, unreached, equivalent, open].map((each, index) =>
      String(each).padStart([9, 8, 8, 11, 12, 11][index]!),
    );
    lines.push(`${name.padEnd(22)}${cells.join('')}${`${share.toFixed(0)} %`.padStart(8)}`);
    return share;
  };
  for (const [room, own] of Map.groupBy(mutants, ({ file }) => roomOf(file))) line(room, own);
  const share = line('all', mutants);
  return { text: lines.join('\n'), share };
}
