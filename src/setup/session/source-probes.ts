import { NetworkFailure } from '../../network/errors/network-failure.ts';
import { pause, retryDelayMs } from '../../network/errors/retry.ts';
import type { FoundFile } from '../../network/index/package-index.ts';
import type { ProbeResult } from '../../network/transport/http-client.ts';
import type { Artefact } from '../../shipped/lock.ts';
import { type ArtefactSource, NoSourceError } from '../../store/sources.ts';
import { inParallel } from '../../support/async/in-parallel.ts';
import { raceAbort } from '../../support/async/race-abort.ts';
import { errorMessage, SetupError } from '../../support/errors.ts';
import type { NetworkSession } from './network-session.ts';

/**
 * How long the plan waits for all answers. Silence until then proves nothing: a slow proxy takes longer to
 * connect.
 */
const PLAN_WAIT_MS = 2000;
const MAX_ASKED_AT_ONCE = 8;
/** After an attempt that took longer, a source is not asked again. */
const MAX_ATTEMPT_MS = 2000;
/** A host that asks for a longer wait counts as failed. */
const MAX_DELAY_MS = 30_000;

export interface SourceProbe {
  /** Host or folder that has it; `null` when none has, or none has answered yet. */
  place: string | null;
  /** Every host that a transfer would contact, redirect targets included. */
  hosts: string[];
  /** Size as reported by the source. */
  sizeBytes: number | null;
  /** One line per source that cannot provide it, or has not answered yet. */
  obstacles: string[];
  /** The failures of those that cannot. */
  failures: SetupError[];
  /** Sources that have not answered yet; their probes are still running. */
  slow: readonly string[];
  /** The result once a slow source can provide it, or all have failed. */
  settled(): Promise<SourceProbe>;
}

/**
 * Probes all sources of an artefact in parallel, for at most two seconds; then the first in order that can
 * provide it wins. If none can yet, some may still be pending: see `slow`.
 */
export async function probeSources(
  session: NetworkSession,
  artefact: Artefact,
  signal: AbortSignal | undefined,
): Promise<SourceProbe> {
  const asked = askEach(session, artefact, signal);
  if (asked.length === 0) return probeOf([], [new NoSourceError(artefact.file)]);
  const timer = AbortSignal.timeout(PLAN_WAIT_MS);
  const waited = new Promise<void>((resolve) => {
    timer.addEventListener('abort', () => resolve(), { once: true });
  });
  const all = Promise.all(asked.map(({ answer }) => answer));
  await Promise.race([all, waited]);
  return probeOf(asked, []);

  function probeOf(sources: readonly AskedSource[], lost: SetupError[]): SourceProbe {
    const answers = sources.flatMap(({ answered }) => answered ?? []);
    const slow = sources.filter(({ answered }) => answered === null).map(({ label }) => label);
    const failures = [...lost, ...answers.flatMap(({ failure }) => failure ?? [])];
    const able = answers.filter(({ failure }) => failure === null);
    return {
      place: able[0]?.label ?? null,
      // Hosts of the other sources too: they are the fallback if the winner sends wrong bytes or breaks off.
      hosts: able.flatMap(({ hosts }) => hosts),
      sizeBytes: able[0]?.sizeBytes ?? null,
      obstacles: [...failures.map(errorMessage), ...slow.map(slowWords)],
      failures,
      slow,
      settled: async () => {
        for (;;) {
          const now = probeOf(sources, lost);
          if (now.place !== null || now.slow.length === 0) return now;
          for (const label of now.slow) session.tell(slowWords(label));
          await Promise.race(sources.filter(({ answered }) => answered === null).map(({ answer }) => answer));
        }
      },
    };
  }
}

/** The text for a source that has not answered: it may be slow or blocked. */
function slowWords(label: string): string {
  return `${label} is slow: no answer yet, still asking`;
}

/**
 * Waits for the first of several probes to find a place.
 * @returns its index and result, `null` when none does; and the outcome of each.
 */
export async function firstAble(
  probes: readonly SourceProbe[],
): Promise<{ winner: { position: number; probe: SourceProbe } | null; lost: SourceProbe[] }> {
  const settling = probes.map((probe) => probe.settled());
  const able = settling.map(async (settled, position) => {
    const probe = await settled;
    if (probe.place === null) throw new Error('it cannot give it');
    return { position, probe };
  });
  try {
    return { winner: await Promise.any(able), lost: [] };
  } catch {
    // Other errors, such as a cancellation, are thrown here.
    return { winner: null, lost: await Promise.all(settling) };
  }
}

interface AskedSource {
  label: string;
  answer: Promise<SourceAnswer>;
  /** `null` until it has answered. */
  answered: SourceAnswer | null;
}

/** Starts all probes. */
function askEach(
  session: NetworkSession,
  artefact: Artefact,
  signal: AbortSignal | undefined,
): AskedSource[] {
  return session.sourcesOf(artefact).map((source) => {
    const asked: AskedSource = {
      label: source.label,
      answered: null,
      answer: askSource(session, artefact, source, signal).then((answer) => {
        asked.answered = answer;
        // Aborted probes are not reported.
        if (!signal?.aborted) session.tell(verdictOf(answer, artefact));
        return answer;
      }),
    };
    // The caller that awaits it gets the failure.
    asked.answer.catch(() => {});
    return asked;
  });
}

/** The answers of all sources, in order, however long they take. */
export function askEverySource(
  session: NetworkSession,
  artefact: Artefact,
  signal: AbortSignal | undefined,
): Promise<SourceAnswer[]> {
  return Promise.all(askEach(session, artefact, signal).map(({ answer }) => answer));
}

/**
 * Every host that the transfer of these packages would contact. Indexes redirect single projects and keep
 * files on several hosts; storage services pick one by digest. So each page is read, which the transfer needs
 * anyway, and on a user-configured index every file is probed. Hosts that do not answer are left to the
 * transfer.
 */
export async function hostsOfPackages(
  session: NetworkSession,
  packages: readonly Artefact[],
  signal: AbortSignal | undefined,
): Promise<string[]> {
  const hosts = new Set<string>();
  const hopsOf = async (url: string, stop: AbortSignal): Promise<readonly string[]> => {
    const { failure, hops } = await reach(session, url, stop);
    return failure === null ? hops : [];
  };
  await inParallel(packages, MAX_ASKED_AT_ONCE, signal, async (artefact, stop) => {
    const found = await firstOf(session, artefact, stop);
    if (found === null) return;
    for (const host of found.pageHosts) hosts.add(host);
    if (found.url.startsWith('file:')) return;
    const { host } = new URL(found.url);
    hosts.add(host);
    // The public index keeps all files on one host: one probe is enough.
    const isPublic = found.location.origin === 'default';
    const hops = (isPublic && session.publicHops.get(host)) || hopsOf(found.url, stop);
    if (isPublic) session.publicHops.set(host, hops);
    for (const hop of await hops) hosts.add(hop);
  });
  return [...hosts];
}

/** Where the first source that has it keeps it; `null` when none does. */
async function firstOf(
  session: NetworkSession,
  artefact: Artefact,
  signal: AbortSignal,
): Promise<FoundFile | null> {
  for (const source of session.sourcesOf(artefact)) {
    if (source.kind !== 'package') continue;
    try {
      return await foundIn(session, artefact, source, signal);
    } catch (error) {
      if (!(error instanceof SetupError)) throw error;
    }
  }
  return null;
}

/**
 * One line for the plan screen and the log. A missing file names the file; any other failure names the
 * source.
 */
function verdictOf({ label, failure }: SourceAnswer, { file }: Artefact): string {
  if (failure === null) return `${label} has ${file}`;
  const isMissing = failure instanceof NetworkFailure && failure.reason === 'not-found';
  return isMissing ? `${label} does not have ${file}` : failure.message;
}

export interface SourceAnswer {
  label: string;
  /** Empty when it cannot provide the file. */
  hosts: string[];
  sizeBytes: number | null;
  failure: SetupError | null;
}

async function askSource(
  session: NetworkSession,
  artefact: Artefact,
  source: ArtefactSource,
  signal: AbortSignal | undefined,
): Promise<SourceAnswer> {
  const { label } = source;
  try {
    let found = source.kind === 'url' ? null : await foundIn(session, artefact, source, signal);
    const urlOf = () => (source.kind === 'url' ? source.url : found!.url);
    let answer = await reach(session, urlOf(), signal);
    if (answer.failure && source.kind === 'package' && found?.isRecorded) {
      session.index.forgetRecorded(artefact.sha256);
      found = await foundIn(session, artefact, source, signal);
      answer = await reach(session, urlOf(), signal);
    }
    if (answer.failure) {
      const failure = found === null ? answer.failure : answer.failure.linkedFrom(found.location.label);
      return { label, hosts: [], sizeBytes: null, failure };
    }
    if (found?.location.origin === 'default')
      session.publicHops.set(new URL(found.url).host, Promise.resolve(answer.hops));
    const networkHosts = urlOf().startsWith('file:') ? [] : answer.hops;
    const hosts = [...(found?.pageHosts ?? []), ...networkHosts];
    return { label, hosts, sizeBytes: answer.sizeBytes, failure: null };
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    return { label, hosts: [], sizeBytes: null, failure: error };
  }
}

/** The page of a source, and the file that it lists. */
function foundIn(
  session: NetworkSession,
  artefact: Artefact,
  { location, project }: Extract<ArtefactSource, { kind: 'package' }>,
  signal: AbortSignal | undefined,
): Promise<FoundFile> {
  return asking(session, signal, () =>
    raceAbort(session.index.findIn(location, { ...artefact, project }), signal),
  );
}

/** Probes a file. An unreachable host is a result, not an error. */
async function reach(
  session: NetworkSession,
  url: string,
  signal: AbortSignal | undefined,
): Promise<ProbeResult> {
  let answer: ProbeResult | null = null;
  try {
    return await asking(session, signal, async () => {
      answer = await session.client.probe(url, signal ? { signal } : {});
      if (answer.failure) throw answer.failure;
      return answer;
    });
  } catch (error) {
    if (answer === null || !(error instanceof NetworkFailure)) throw error;
    return answer;
  }
}

/**
 * Asks again after a temporary failure (429, 503, a broken connection), as a fetch would; not after a long
 * silence, because the user is waiting for the plan.
 */
async function asking<T>(
  { profile }: NetworkSession,
  signal: AbortSignal | undefined,
  ask: () => Promise<T>,
): Promise<T> {
  for (let failedCount = 1; ; failedCount++) {
    const startedAt = performance.now();
    try {
      return await ask();
    } catch (error) {
      const delayMs = retryDelayMs(error, failedCount, profile.retries);
      if (delayMs === null || delayMs > MAX_DELAY_MS || performance.now() - startedAt > MAX_ATTEMPT_MS)
        throw error;
      await pause(delayMs, signal);
    }
  }
}
