import { release } from 'node:os';
import { managedPythonRuntimeLayout } from '../core/layout.ts';
import { readLastFailure } from '../log/failure-log.ts';
import { readLogEnd } from '../log/log-end.ts';
import { readManagedPythonRuntimeStatus } from '../runtime/status.ts';
import { type NetworkSession, openNetworkSession } from '../setup/session/network-session.ts';
import { describeNetwork, type NetworkOverview } from '../setup/session/network-settings.ts';
import { askEverySource } from '../setup/session/source-probes.ts';
import {
  type Artefact,
  artefactsOf,
  largestArtefact,
  lockArtefact,
  type RuntimeLock,
} from '../shipped/lock.ts';
import { readLockedAsset } from '../shipped/locked-asset.ts';
import { detectHost, type HostPlatform, lockedMinors, platformKey, targetKey } from '../shipped/target.ts';
import { errorMessage, isAbsence } from '../support/errors.ts';
import { programName } from '../support/program-name.ts';
import { formatBytes } from '../support/text/format.ts';
import { uvPinsFor } from '../uv/binary.ts';
import { MANAGED_UV_VERSION } from '../uv/release.ts';

/** Of the log, only the end is included. */
const MAX_LOG_BYTES = 1024 * 1024;

/** Information about a failed setup for network administrators. All texts are masked. */
export interface SetupReport {
  createdAt: string;
  versions: Record<string, string>;
  runtime: { root: string; status: string; detail: string };
  network: NetworkOverview;
  /** Each source that a setup would contact, tested with one file from it. */
  probes: readonly { place: string; file: string; verdict: string; hosts: readonly string[] }[];
  /** Bytes received while making this report, by host. */
  egress: readonly { host: string; bytes: number }[];
  /** The log of this version's last installation; `null` when there is none. */
  log: { path: string; text: string; isCut: boolean } | null;
  /** The last failed setup of any version, with its settings and log; `null` when there is none. */
  failure: { path: string; text: string } | null;
}

export interface ReportOptions {
  cliVersion: string;
  env: NodeJS.ProcessEnv;
  homeDir: string;
  runtimeRoot: string;
  assetDir?: string;
  signal?: AbortSignal;
}

/** Reads settings and log, and tests whether the hosts of a setup would answer. Changes nothing. */
export async function collectReport(options: ReportOptions): Promise<SetupReport> {
  const layout = managedPythonRuntimeLayout(options);
  const [asset, host, status, network] = await Promise.all([
    readLockedAsset(layout.assetDir).catch(() => null),
    detectHost(),
    readManagedPythonRuntimeStatus(options),
    describeNetwork(options),
  ]);
  const session = await openNetworkSession({ ...options, lock: asset?.lock ?? null, onUnusable: () => {} });
  try {
    const wanted = asset ? samplesOf(asset.lock, host) : [];
    const probes = (
      await Promise.all(wanted.map((artefact) => probe(session, artefact, options.signal)))
    ).flat();
    const report: SetupReport = {
      createdAt: new Date().toISOString(),
      versions: {
        [programName()]: options.cliVersion,
        uv: MANAGED_UV_VERSION,
        node: process.version,
        system: `${process.platform} ${release()} (${platformKey(host)})`,
      },
      runtime: { root: layout.runtimeRoot, status: status.kind, detail: status.detail },
      network,
      probes,
      egress: session.egress(),
      log: await readLog(layout.installLogPath),
      failure: await readLastFailure(layout.runtimeRoot),
    };
    return masked(report, session.redactor.redact);
  } finally {
    await session.close();
  }
}

/** One file for each kind of source, as a sample. */
function samplesOf(lock: RuntimeLock, host: HostPlatform): Artefact[] {
  const pins = uvPinsFor(host);
  const python = lock.python.archives[platformKey(host)];
  const [minor] = lockedMinors(lock, host);
  const wheels = minor === undefined ? [] : artefactsOf(lock, targetKey(host, minor), ['core']);
  const largest = largestArtefact(wheels);
  return [
    ...(pins ? [pins.archive, pins.wheel] : []),
    ...(python ? [lockArtefact(lock, python)] : []),
    ...(largest ? [largest] : []),
  ];
}

async function probe(session: NetworkSession, artefact: Artefact, signal: AbortSignal | undefined) {
  const answers = await askEverySource(session, artefact, signal);
  return answers.map(({ label, hosts, failure }) => ({
    place: label,
    file: artefact.file,
    verdict: failure === null ? 'answers' : [failure.message, ...failure.evidence].join(' | '),
    hosts: [...new Set(hosts)],
  }));
}

async function readLog(path: string): Promise<SetupReport['log']> {
  try {
    return { path, ...(await readLogEnd(path, MAX_LOG_BYTES)) };
  } catch (error) {
    if (isAbsence(error)) return null;
    return { path, text: `The log cannot be read: ${errorMessage(error)}`, isCut: false };
  }
}

/** Masks every text in a value, at any depth. */
function masked<T>(value: T, redact: (text: string) => string): T {
  if (typeof value === 'string') return redact(value) as T;
  if (Array.isArray(value)) return value.map((each) => masked(each, redact)) as T;
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, masked(each, redact)])) as T;
}

/** The report as one text file. */
export function reportText(report: SetupReport): string {
  const { versions, runtime, network, probes, egress, log, failure } = report;
  const section = (title: string, lines: readonly string[]) => [
    '',
    title,
    ...lines.map((line) => `  ${line}`),
  ];
  const lines = [
    `${programName()} setup report of ${report.createdAt}`,
    'Passwords and tokens are masked as ****. Host names, paths and the log are not: read it before you send it.',
    ...section(
      'Versions',
      Object.entries(versions).map(([name, version]) => `${name.padEnd(8)}${version}`),
    ),
    ...section('Runtime', [`${runtime.status}: ${runtime.detail}`, `root: ${runtime.root}`]),
    ...(failure ? section(`Last failed setup ${failure.path}`, failure.text.trimEnd().split('\n')) : []),
    ...section('Network settings', [
      ...network.lines.map(({ name, value, origin }) => `${name}: ${value}   (from ${origin})`),
      ...network.logins.map(({ host, origin }) => `login for ${host}   (from ${origin})`),
      ...network.warnings.map((text) => `note: ${text}`),
    ]),
    ...section(
      'Would they answer?',
      probes.flatMap(({ place, file, verdict, hosts }) => [
        `${place}: ${verdict}`,
        `    for ${file}${hosts.length > 0 ? `, by way of ${hosts.join(', ')}` : ''}`,
      ]),
    ),
    ...section(
      'Bytes received for this report',
      egress.length > 0 ? egress.map(({ host, bytes }) => `${host}: ${formatBytes(bytes)}`) : ['none'],
    ),
    ...section(
      log ? `Log ${log.path}${log.isCut ? ' (its end)' : ''}` : 'Log',
      log ? log.text.trimEnd().split('\n') : ['there is none'],
    ),
  ];
  return `${lines.join('\n')}\n`;
}
