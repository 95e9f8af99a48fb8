import { NetworkFailure } from '../../network/errors/network-failure.ts';
import { pause, retryDelayMs } from '../../network/errors/retry.ts';
import type { FoundFile } from '../../network/index/package-index.ts';
import type { Artefact } from '../../shipped/lock.ts';
import { type ArtefactSource, NoSourceError } from '../../store/sources.ts';
import { inParallel } from '../../support/async/in-parallel.ts';
import { raceAbort } from '../../support/async/race-abort.ts';
import { errorMessage, SetupError } from '../../support/errors.ts';
import type { NetworkSession } from './network-session.ts';

/** After this the plan goes on with who has answered. Silence until then is no verdict: a slow proxy needs longer for a connection. */
const PLAN_WAIT_MS = 2000;
const MAX_ASKED_AT_ONCE = 8;
/** Longer waits are for the transfer, which says what it waits for. */
const MAX_DELAY_MS = 2000;

export interface SourceProbe {
  /** Host or folder that has it; `null` when none does, or none that does has answered yet. */
  place: string | null;
  /** Every host that a transfer would touch, redirect targets included. */
  hosts: string[];
  /** Size as the source says it. */
  sizeBytes: number | null;
  /** One line a source that cannot give it, or has not answered yet. */
  obstacles: string[];
  /** All that is known of those that cannot. */
  failures: SetupError[];
  /** Those that have not answered yet; they are still being asked. */
  slow: readonly string[];
  /** The same as soon as one of the slow ones can give it, or all have failed. */
  settled(): Promise<SourceProbe>;
}

/**
 * Asks every source of an artefact side by side whether it can give it. After two seconds the first of those that can is taken. While
 * none can, others may still be asked: see `slow`.
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
      // Those of the others too: they are asked when the winner turns out to have other bytes, or breaks down.
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

/** What is said of a source that takes its time: it may be slow, or closed, and nobody knows yet. */
function slowWords(label: string): string {
  return `${label} is slow: no answer yet, still asking`;
}

/**
 * Waits for the first of several probes to find a place.
 * @returns its position and what it found, `null` when none does; and how each of them ended.
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
    // An error of another kind, such as a cancellation, shows here.
    return { winner: null, lost: await Promise.all(settling) };
  }
}

interface AskedSource {
  label: string;
  answer: Promise<SourceAnswer>;
  /** `null` until it has. */
  answered: SourceAnswer | null;
}

/** Begins to ask all of them. */
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
        // Of a probe that nobody waits for any more there is nothing to tell.
        if (!signal?.aborted) session.tell(verdictOf(answer, artefact));
        return answer;
      }),
    };
    // Whoever waits for it gets the failure.
    asked.answer.catch(() => {});
    return asked;
  });
}

/** What each source says, in their order, however long it takes. */
export function askEverySource(
  session: NetworkSession,
  artefact: Artefact,
  signal: AbortSignal | undefined,
): Promise<SourceAnswer[]> {
  return Promise.all(askEach(session, artefact, signal).map(({ answer }) => answer));
}

/**
 * Every host that the transfer of these packages would touch. Indexes redirect single projects, and keep files on several hosts; storage
 * services choose one by a file's digest. So each page is read, which the transfer needs anyway, and of an index that somebody has
 * chosen each file is asked for. Who does not answer is left to the transfer.
 */
export async function hostsOfPackages(
  session: NetworkSession,
  packages: readonly Artefact[],
  signal: AbortSignal | undefined,
): Promise<string[]> {
  const hosts = new Set<string>();
  const hopsOf = async (url: string, stop: AbortSignal): Promise<readonly string[]> => {
    const { failure, hops } = await session.client.probe(url, { signal: stop });
    return failure === null ? hops : [];
  };
  await inParallel(packages, MAX_ASKED_AT_ONCE, signal, async (artefact, stop) => {
    const found = await firstOf(session, artefact, stop);
    if (found === null) return;
    for (const host of found.pageHosts) hosts.add(host);
    if (found.url.startsWith('file:')) return;
    const { host } = new URL(found.url);
    hosts.add(host);
    // The public index keeps all files on one host, which treats all of them alike: one of them is asked for.
    const isPublic = found.location.origin === 'default';
    const hops = (isPublic && session.publicHops.get(host)) || hopsOf(found.url, stop);
    if (isPublic) session.publicHops.set(host, hops);
    for (const hop of await hops) hosts.add(hop);
  });
  return [...hosts];
}

/** Where the first source that has it keeps it; `null` where none answers so. */
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

/** One line for the plan screen and the log. What is missing in one place says so of the file, the rest of the place. */
function verdictOf({ label, failure }: SourceAnswer, { file }: Artefact): string {
  if (failure === null) return `${label} has ${file}`;
  const isMissing = failure instanceof NetworkFailure && failure.reason === 'not-found';
  return isMissing ? `${label} does not have ${file}` : failure.message;
}

export interface SourceAnswer {
  label: string;
  /** Empty when it cannot give it. */
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
    let answer = await session.client.probe(urlOf(), signal ? { signal } : {});
    if (answer.failure && source.kind === 'package' && found?.isRecorded) {
      session.index.forgetRecorded(artefact.sha256);
      found = await foundIn(session, artefact, source, signal);
      answer = await session.client.probe(urlOf(), signal ? { signal } : {});
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

/**
 * A page that is busy for a moment (429, 503, a broken line) is asked again, as it would be while fetching; not one that was silent
 * for long, since somebody waits for the plan.
 */
async function foundIn(
  session: NetworkSession,
  artefact: Artefact,
  { location, project }: Extract<ArtefactSource, { kind: 'package' }>,
  signal: AbortSignal | undefined,
): Promise<FoundFile> {
  for (let failedCount = 1; ; failedCount++) {
    const startedAt = performance.now();
    try {
      const page = session.index.findIn(location, { ...artefact, project });
      return await raceAbort(page, signal);
    } catch (error) {
      const delayMs = retryDelayMs(error, failedCount, session.profile.retries);
      if (delayMs === null || delayMs > MAX_DELAY_MS || performance.now() - startedAt > MAX_DELAY_MS)
        throw error;
      await pause(delayMs, signal);
    }
  }
}
