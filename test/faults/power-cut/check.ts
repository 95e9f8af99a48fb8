import { join } from 'node:path';
import { proveEnvironment } from '../../../src/proof/prove.ts';
import { readManagedPythonRuntimeStatus } from '../../../src/runtime/status.ts';
import { CLI_VERSION, type Program, startProgram, strays } from '../../fixtures/fault-world.ts';
import { plainEnvironment } from '../../fixtures/program.ts';

/** What was found on a disk after a power cut, as one JSON line. */
export interface CutFindings {
  /** By version, what status said and whether a runtime that is called ready works. */
  before: Record<string, { kind: string; detail: string; environment: string; works: boolean }>;
  /** What each of the next commands ended with; empty when all is well. */
  problems: string[];
}

/** `node check.ts <request>`: looks at a runtime root as it is, runs the next commands, looks again. */
export interface CutRequest {
  runtimeRoot: string;
  versions: string[];
  env: NodeJS.ProcessEnv;
  next: Program[];
}

if (process.argv[2]?.startsWith('{')) console.log(JSON.stringify(await check(JSON.parse(process.argv[2]))));

async function check({ runtimeRoot, versions, env, next }: CutRequest): Promise<CutFindings> {
  const before: CutFindings['before'] = {};
  const problems: string[] = [];
  for (const version of versions) before[version] = await look(runtimeRoot, version);
  let hasJustProved = false;
  for (const { name, options } of next) {
    const { exitCode, stderr, events } = await startProgram(name, options, env).ended;
    if (exitCode !== 0) problems.push(`${name} ended with ${exitCode}: ${stderr.slice(0, 600)}`);
    hasJustProved = events.some(({ result }) => result?.status === 'installed');
  }
  const after = await look(runtimeRoot, CLI_VERSION, hasJustProved);
  if (!after.works) problems.push(`after the next setup: ${after.kind}, ${after.detail}`);
  const stray = await strays({ runtimeRoot, versionDir: join(runtimeRoot, CLI_VERSION) });
  if (stray.length > 0) problems.push(`stray: ${stray.join(', ')}`);
  return { before, problems };
}

/** @param hasJustProved the setup that built the environment has started it a moment ago; once is enough. */
async function look(runtimeRoot: string, cliVersion: string, hasJustProved = false) {
  const { kind, detail, layout } = await readManagedPythonRuntimeStatus({ runtimeRoot, cliVersion });
  const { venvDir: environmentDir, pythonPath, daemonPath } = layout;
  const env = plainEnvironment('/nowhere');
  if (kind !== 'ready' || hasJustProved)
    return { kind, detail, environment: environmentDir, works: kind === 'ready' };
  const problem = await proveEnvironment({ environmentDir, pythonPath, daemonPath, cliVersion, env }).then(
    () => null,
    (error: Error & { evidence?: readonly string[] }) =>
      [error.message, ...(error.evidence ?? [])].join(' | ').slice(0, 1000),
  );
  return {
    kind,
    detail: problem ?? detail,
    environment: environmentDir,
    works: problem === null,
  };
}
