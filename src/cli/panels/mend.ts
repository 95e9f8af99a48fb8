import { chmod, lstat, realpath, rename, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { managedRuntimeRoot } from '../../core/layout.ts';
import { explainMachineFailure } from '../../failure/causes/machine-failure.ts';
import type { SetupOptions } from '../../setup/request/setup-options.ts';
import {
  describeNetwork,
  setNetworkSetting,
  unsetNetworkSettings,
} from '../../setup/session/network-settings.ts';
import { absentAsNull, errorMessage, SetupError } from '../../support/errors.ts';
import { writeFileAtomic } from '../../support/fs/atomic-file.ts';
import { OUTPUT_FILE, outputPathOf } from '../../support/fs/given-path.ts';
import { readRegularText } from '../../support/fs/regular-file.ts';
import { harmlessText } from '../../support/harmless.ts';
import { homeFolder } from '../../support/home/home-folder.ts';
import { createRedactor } from '../../support/text/redaction.ts';
import type { MendTask } from '../../wizard/panels/mend-task.ts';
import type { PanelPlace } from './place.ts';
import { storedSettingsLine } from './stored-settings.ts';

const MAX_NETRC_BYTES = 1024 * 1024;
const OWNER_ONLY = 0o600;

/**
 * Applies a remedy on this machine. @returns a sentence about what was done. @throws SetupError with the
 * reason it is impossible.
 */
export async function carryOut(task: MendTask, setup: SetupOptions, place: PanelPlace): Promise<string> {
  const { cwd } = place;
  const { homeDir, runtimeRoot } = placeOf(setup);
  const absolute = (path: string) => resolve(cwd, path.replace(/^~(?=[\\/]|$)/, homeDir));
  switch (task.kind) {
    case 'store-setting': {
      const value = task.value.replace(/^~(?=[\\/]|$)/, homeDir);
      const { path } = await setNetworkSetting(runtimeRoot, task.name, value, cwd);
      return `${task.name} is stored in ${path}.`;
    }
    case 'forget-settings':
      await unsetNetworkSettings(runtimeRoot, null);
      return 'The stored network settings were removed.';
    case 'append-line':
      return appendLine(absolute(task.file), task.line);
    case 'move-away':
      return refusing('moved away', task.from, () => moveAway(task.from, task.to));
    case 'change-mode':
      return refusing('changed', task.path, () => changeMode(task.path, task.mode));
    case 'prune': {
      const { runAction } = await import('./actions.ts');
      return (await runAction('prune', setup, place)).title;
    }
    case 'save-report':
      return saveReport(absolute(task.path), setup);
  }
}

/** The network settings as a setup would use them, with their origins. */
export async function networkLines(setup: SetupOptions): Promise<string[]> {
  const { lines, logins, warnings, storedPath, stored } = await describeNetwork(placeOf(setup));
  return [
    ...lines.map(({ name, value, origin }) => `${name}: ${value} (from ${origin})`),
    ...logins.map(({ host, origin }) => `login for ${host} (from ${origin})`),
    ...warnings.map((text) => `! ${text}`),
    '',
    storedSettingsLine({ stored, storedPath }),
    'Change one: ktx admin network set <name> <value>',
  ];
}

/** Names of `describeNetwork` by source of the plan, in order of preference. */
const SOURCE_LINES: Readonly<Record<string, readonly string[]>> = {
  index: ['package index'],
  proxy: ['proxy for https', 'proxy for http'],
  'no-proxy': ['no proxy for'],
  'ca-file': ['certificates'],
  'python-mirror': ['Python mirror'],
  'model-hub': ['model hub'],
};

/** What is set for each source of the plan, with its origin. Settings that cannot be read are left out. */
export async function currentSources(setup: SetupOptions): Promise<Record<string, string>> {
  const place = placeOf(setup);
  const { lines } = await describeNetwork(place).catch(() => ({ lines: [] }));
  const shown = Object.entries(SOURCE_LINES).flatMap(([id, names]) => {
    const line = names.flatMap((name) => lines.find((each) => each.name === name) ?? [])[0];
    return line ? [[id, `${line.value} (${line.origin})`] as const] : [];
  });
  return {
    ...Object.fromEntries(shown),
    ...(setup.indexUrl !== undefined && { index: `${createRedactor().redact(setup.indexUrl)} (this run)` }),
    folder: place.runtimeRoot,
  };
}

function placeOf(setup: SetupOptions) {
  const { env = process.env, homeDir = homeFolder() } = setup;
  return { env, homeDir, runtimeRoot: managedRuntimeRoot({ ...setup, env, homeDir }) };
}

/** Appends to a file with logins and makes it readable by its owner only, even if it was not before. */
async function appendLine(path: string, line: string): Promise<string> {
  if (!/^machine [^\s"]+ login [^\s"]+ password [^\s"]+$/.test(line)) {
    throw refusal(
      'The login cannot be written: a netrc file takes no spaces and no quotes in names or passwords.',
    );
  }
  return refusing('written', path, async () => {
    // Write through a link, since curl and pip read its target.
    const target = (await realpath(path).catch(absentAsNull)) ?? path;
    const before =
      (await readRegularText(target, { maxBytes: MAX_NETRC_BYTES, links: 'follow' }).catch(absentAsNull)) ??
      '';
    const gap = before === '' || before.endsWith('\n') ? '' : '\n';
    await writeFileAtomic(target, `${before}${gap}${line}\n`, OWNER_ONLY);
    return `The login is in ${path}.`;
  });
}

async function moveAway(from: string, to: string): Promise<string> {
  if (await lstat(to).catch(absentAsNull)) throw refusal(`${to} already exists: move it first.`);
  await rename(from, to);
  return `Moved ${from} to ${to}.`;
}

async function changeMode(path: string, mode: string): Promise<string> {
  const { mode: before } = await stat(path);
  const bits = mode === 'o-w' ? before & ~0o002 : before | 0o700;
  await chmod(path, bits & 0o7777);
  return `Changed the mode of ${path} to ${(bits & 0o7777).toString(8)}.`;
}

async function saveReport(path: string, setup: SetupOptions): Promise<string> {
  const { collectReport, reportText } = await import('../../report/report.ts');
  const { cliVersion, signal } = setup;
  const report = await collectReport({ ...placeOf(setup), cliVersion, ...(signal && { signal }) });
  return refusing('written', path, async () => {
    const target = await outputPathOf(path, OUTPUT_FILE);
    await writeFileAtomic(target, harmlessText(reportText(report)), OWNER_ONLY);
    return `The report is saved as ${path}; secrets are removed.`;
  });
}

/** Adds the path to an error of the file system. */
async function refusing(what: string, path: string, work: () => Promise<string>): Promise<string> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof SetupError) throw error;
    const title = `${path} cannot be ${what}: ${errorMessage(error)}`;
    const explained = explainMachineFailure(error, { title, path });
    if (explained instanceof SetupError) throw explained;
    throw new SetupError(title, { failureClass: 'conflict', cause: error });
  }
}

function refusal(text: string): SetupError {
  return new SetupError(text, { failureClass: 'conflict' });
}
