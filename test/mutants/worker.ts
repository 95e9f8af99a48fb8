import { join, relative } from 'node:path';
import { createVitest, type TestModule } from 'vitest/node';

/** What the worker is told: which test files to run, in this order. */
export interface Task {
  files: string[];
  /** Ends at the first failure. */
  isBailing: boolean;
}

export interface FileResult {
  file: string;
  durationMs: number;
  failures: string[];
}

/**
 * A vitest that stays warm, in the copy of the sources: one start for all mutants. Speaks over the channel of its
 * parent, which ends it when it stands still.
 *
 * argv: the projects, separated by commas, then the changed files when only tests that import them are wanted. Tests of
 * the built program import none of it.
 */
const root = process.cwd();
const [projects, ...related] = process.argv.slice(2) as [string, ...string[]];
const vitest = await createVitest('test', {
  root,
  config: 'test/mutants/vitest.config.ts',
  watch: false,
  project: projects.split(','),
  reporters: [{}],
  silent: true,
  cache: false,
});
let specifications = await vitest.globTestSpecifications();
if (related.length > 0) {
  vitest.config.related = related.map((file) => join(root, file));
  const near = new Set((await vitest.getRelevantTestSpecifications()).map(({ moduleId }) => moduleId));
  vitest.config.related = undefined;
  specifications = specifications.filter((each) => each.project.name !== 'unit' || near.has(each.moduleId));
}
// What is quick first.
specifications.sort((a, b) => Number(b.project.name === 'unit') - Number(a.project.name === 'unit'));
const byFile = new Map(specifications.map((each) => [relative(root, each.moduleId), each]));

process.on('message', async ({ files, isBailing }: Task) => {
  vitest.config.bail = isBailing ? 1 : 0;
  // A warm vitest answers with every file that it has ever run.
  vitest.state.filesMap.clear();
  const asked = files.flatMap((file) => byFile.get(file) ?? []);
  const { testModules } = await vitest.runTestSpecifications(asked, false);
  const results = testModules.map(resultOf).filter(({ file }) => files.includes(file));
  process.send!({ results });
});
process.on('disconnect', () => process.exit());
process.send!({ files: [...byFile.keys()] });

function resultOf(module: TestModule): FileResult {
  const failures = [...module.children.allTests()].flatMap((test) => {
    const { state, errors } = test.result();
    return state === 'failed' ? [`${test.fullName}: ${errors?.[0]?.message.split('\n')[0] ?? ''}`] : [];
  });
  // A file that cannot be loaded has no tests.
  if (failures.length === 0 && module.state() === 'failed')
    failures.push(`: ${module.errors()[0]?.message.split('\n')[0] ?? 'failed'}`);
  const { duration, collectDuration, prepareDuration, environmentSetupDuration, setupDuration } =
    module.diagnostic();
  const durationMs = duration + collectDuration + prepareDuration + environmentSetupDuration + setupDuration;
  return { file: relative(root, module.moduleId), durationMs: Math.round(durationMs), failures };
}
