import { NetworkFailure } from '../../network/errors/network-failure.ts';
import { pause, retryDelayMs } from '../../network/errors/retry.ts';
import type { Artefact } from '../../shipped/lock.ts';
import { type ArtefactSource, NoSourceError } from '../../store/sources.ts';
import { raceAbort } from '../../support/async/race-abort.ts';
import { errorMessage, SetupError } from '../../support/errors.ts';
import type { NetworkSession } from './network-session.ts';

/** All sources of one artefact are asked side by side; a plan that takes longer to answer is a worse plan. */
const PROBE_TIMEOUT_MS = 2000;
/** Longer waits are for the transfer, which says what it waits for. */
const MAX_DELAY_MS = 2000;

export interface SourceProbe {
  /** Host or folder that has it; `null` when none does. */
  place: string | null;
  /** Every host that a transfer would touch, redirect targets included. */
  hosts: string[];
  /** Size as the source says it. */
  sizeBytes: number | null;
  /** One line a source that cannot give it. */
  obstacles: string[];
  /** The same with all that is known of each. */
  failures: SetupError[];
}

/** Asks every source of an artefact whether it can give it, and takes the first of them that can. */
export async function probeSources(
  session: NetworkSession,
  artefact: Artefact,
  signal: AbortSignal | undefined,
): Promise<SourceProbe> {
  const answers = await askEverySource(session, artefact, signal);
  if (answers.length === 0) return lost([new NoSourceError(artefact.file)]);
  const failures = answers.flatMap(({ failure }) => (failure === null ? [] : [failure]));
  const able = answers.filter(({ failure }) => failure === null);
  const [winner] = able;
  if (!winner) return lost(failures);
  // Those of the others too: they are asked when the winner turns out to have other bytes, or breaks down.
  const hosts = able.flatMap((answer) => answer.hosts);
  const { label: place, sizeBytes } = winner;
  return { place, hosts, sizeBytes, obstacles: failures.map(errorMessage), failures };
}

function lost(failures: SetupError[]): SourceProbe {
  return { place: null, hosts: [], sizeBytes: null, obstacles: failures.map(errorMessage), failures };
}

/** What each source says, in their order. */
export function askEverySource(
  session: NetworkSession,
  artefact: Artefact,
  signal: AbortSignal | undefined,
): Promise<SourceAnswer[]> {
  const ask = async (source: ArtefactSource) => {
    const answer = await askSource(session, artefact, source, signal);
    // Of a probe that nobody waits for any more there is nothing to tell.
    if (!signal?.aborted) session.tell(verdictOf(answer, artefact));
    return answer;
  };
  return Promise.all(session.sourcesOf(artefact).map(ask));
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
    const hosts = source.kind === 'url' ? [] : hostsOf(source.location.url);
    const url = source.kind === 'url' ? source.url : await addressIn(session, artefact, source, signal);
    const answer = await session.client.probe(url, { timeoutMs: PROBE_TIMEOUT_MS, signal });
    if (answer.failure) return { label, hosts: [], sizeBytes: null, failure: answer.failure };
    const networkHosts = url.startsWith('file:') ? [] : answer.hops;
    return { label, hosts: [...hosts, ...networkHosts], sizeBytes: answer.sizeBytes, failure: null };
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    return { label, hosts: [], sizeBytes: null, failure: error };
  }
}

/**
 * A page that is busy for a moment (429, 503, a broken line) is asked again, as it would be while fetching; not one that was silent
 * for long, since somebody waits for the plan.
 */
async function addressIn(
  session: NetworkSession,
  artefact: Artefact,
  { location, project }: Extract<ArtefactSource, { kind: 'package' }>,
  signal: AbortSignal | undefined,
): Promise<string> {
  for (let failedCount = 1; ; failedCount++) {
    const startedAt = performance.now();
    try {
      const page = session.index.findIn(location, project, artefact.file, artefact.sha256);
      return (await raceAbort(page, signal)).url;
    } catch (error) {
      const delayMs = retryDelayMs(error, failedCount, session.profile.retries);
      if (delayMs === null || delayMs > MAX_DELAY_MS || performance.now() - startedAt > MAX_DELAY_MS)
        throw error;
      await pause(delayMs, signal);
    }
  }
}

function hostsOf(url: string): string[] {
  return url.startsWith('file:') ? [] : [new URL(url).host];
}
