import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { codexCli } from '../../scripts/codex-cli.mjs';
import { type CodexSdk, CodexSdkCliRunner } from '../../src/models/codex/sdk-runner.ts';
import { readProcessTable, withDescendants } from '../../src/process/process-table.ts';

const cli = codexCli();

export const isCodexCliPresent = cli.isPresent;

/** For the name of a test group: why it is skipped. */
export const codexCliName = cli.isPresent
  ? `Codex CLI ${cli.version}`
  : `Codex CLI ${cli.version}: LEFT OUT, it is not in the cache (411 MB; npm run codex:fetch)`;

if (!isCodexCliPresent) console.warn(codexCliName);

export const loadRealSdk = (): Promise<CodexSdk> =>
  import(pathToFileURL(join(cli.sdkPath, 'dist/index.js')).href) as Promise<CodexSdk>;

export function realRunner(envBase: NodeJS.ProcessEnv, codexPathOverride?: string): CodexSdkCliRunner {
  return new CodexSdkCliRunner({
    envBase,
    loadSdk: loadRealSdk,
    ...(codexPathOverride && { codexPathOverride }),
  });
}

/** Names of new descendants of this process, not in `before`. */
export function newChildren(before: ReadonlySet<number>): number[] {
  return ownDescendants().filter((pid) => !before.has(pid));
}

export function ownDescendants(): number[] {
  return withDescendants(readProcessTable(), new Set([process.pid]))
    .map(({ pid }) => pid)
    .filter((pid) => pid !== process.pid);
}
