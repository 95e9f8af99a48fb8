import { join, sep } from 'node:path';
import {
  findDifferences,
  findSitePackages,
  findUnownedEntries,
  findUnownedFiles,
  listDistributions,
  statFiles,
} from '../../python/record-files.ts';
import { listDamage, SIZES_FILE } from '../../runtime/recorded-sizes.ts';
import { artefactsOf } from '../../shipped/lock.ts';
import { targetKey } from '../../shipped/target.ts';
import { errorMessage } from '../../support/errors.ts';
import { startHashThread } from '../../support/fs/hash-files.ts';
import { formatCount } from '../../support/text/format.ts';
import { normaliseProject } from '../../support/text/project-name.ts';
import { type Check, fail, type Outcome, pass, skip } from './check.ts';
import type { CheckContext } from './context.ts';

const LISTED = 3;

export const PACKAGE_CHECKS: readonly Check[] = [
  {
    id: 'packages',
    group: 'Runtime',
    label: 'Packages match the lock',
    why: 'The runtime is tested with exactly these versions; others may give other results.',
    cost: 'offline',
    dependsOn: ['interpreter', 'asset'],
    async run({ facts }): Promise<Outcome> {
      const { layout, manifest } = await facts.active();
      const locked = await facts.lockedAsset();
      if (locked === null || !manifest.locked) return skip('this wheel has no lock');
      const { version } = await facts.interpreter();
      const target = targetKey(await facts.host(), version);
      const wanted = new Map(
        artefactsOf(locked.lock, target, manifest.features).map(({ file }) => {
          const [name = '', wheelVersion = ''] = file.split('-');
          return [normaliseProject(name), wheelVersion] as const;
        }),
      );
      const lockedCount = formatCount(wanted.size, 'package');
      const { distributionName, version: wheelVersion } = manifest.asset;
      wanted.set(normaliseProject(distributionName), wheelVersion);
      let found: Awaited<ReturnType<typeof listDistributions>>;
      try {
        found = await listDistributions(await findSitePackages(layout.venvDir, version));
      } catch (error) {
        return fail(errorMessage(error), ['rebuild-environment']);
      }
      const problems = packageDifferences(found, wanted);
      if (problems.length > 0) return fail(listed(problems), ['rebuild-environment']);
      return pass(`${distributionName} ${wheelVersion} and ${lockedCount} as locked for ${target}`);
    },
  },
  {
    id: 'files',
    group: 'Runtime',
    label: 'Files are whole',
    why: 'A power cut, a full disk or a virus scanner leaves files empty, cut short or missing.',
    cost: 'offline',
    dependsOn: ['packages'],
    run: inspectFiles,
  },
  {
    id: 'digests',
    group: 'Runtime',
    label: 'Files equal their wheels',
    why: 'A file changed by hand or by a failing disk runs like any other.',
    cost: 'deep',
    dependsOn: ['files'],
    timeoutMs: 300_000,
    prepare: startHashThread,
    async run({ facts, signal, waitFor }): Promise<Outcome> {
      waitFor('hashing the files of the environment');
      const { sitePackages, files, topLevel, recorded } = await facts.packages();
      const [differences, strangers] = await Promise.all([
        findDifferences(sitePackages, files, signal),
        findUnownedFiles(sitePackages, topLevel, recorded),
      ]);
      const problems = [...differences.sort(), ...strangers.sort()];
      if (problems.length > 0) return fail(listed(problems), ['rebuild-environment']);
      return pass(`${formatCount(files.length, 'file')} with the digest of their wheel`);
    },
  },
];

async function inspectFiles({ facts, layout, shared, signal }: CheckContext): Promise<Outcome> {
  const { venvDir } = (await facts.active()).layout;
  const { sitePackages, files, topLevel, problems: unreadableRecords } = await facts.packages();
  const problems = [...unreadableRecords];
  const { unreadable, open, damaged } = await statFiles(sitePackages, files, signal);
  if (unreadable.length > 0)
    return fail(listed(unreadable.sort()), ['mend-permissions', 'rebuild-environment']);
  problems.push(...damaged.sort());
  problems.push(...(await findUnownedEntries(sitePackages, topLevel)).sort());
  // Whatever `ktx status` calls damaged must fail here too; programs and models have checks of their own.
  const ours = [join(venvDir, SIZES_FILE), `${shared.pythonDir}${sep}`];
  for (const { path, text } of await listDamage(layout.runtimeRoot, venvDir))
    if (ours.some((start) => path.startsWith(start))) problems.push(text);
  if (problems.length > 0) return fail(listed(problems), ['rebuild-environment']);
  if (open.length > 0) return fail(listed(open.sort()), ['mend-permissions', 'rebuild-environment']);
  return pass(`${formatCount(files.length, 'file')} of the size in their wheel`);
}

/** Version mismatches, missing packages and packages not in the lock; one clause each. Pure. */
export function packageDifferences(
  found: readonly { name: string; version: string }[],
  wanted: ReadonlyMap<string, string>,
): string[] {
  const seen = found.map(({ name, version }) => [normaliseProject(name), version] as const);
  const missing = [...wanted].filter(([name]) => !seen.some(([other]) => other === name));
  const differing = seen.filter(([name, version]) => wanted.get(name) !== version);
  return [
    ...missing.map(([name, version]) => `${name} ${version} is missing`),
    ...differing.map(([name, version]) => {
      const locked = wanted.get(name);
      if (locked === undefined) return `${name} ${version} is not in the lock`;
      const isTwice = seen.some(([other, its]) => other === name && its === locked);
      return isTwice
        ? `${name} is recorded as ${version} and as ${locked}`
        : `${name} is ${version} instead of ${locked}`;
    }),
  ];
}

function listed(problems: readonly string[]): string {
  const more = problems.length - LISTED;
  return [...problems.slice(0, LISTED), ...(more > 0 ? [`${more} more`] : [])].join('; ');
}
