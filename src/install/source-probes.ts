import type { Artefact } from '../runtime/lock.ts';
import type { ArtefactSource } from '../store/sources.ts';
import { errorMessage, SetupError } from '../support/errors.ts';
import type { NetworkSession } from './network-session.ts';

/** All sources of one artefact are asked side by side; a plan that takes longer to answer is a worse plan. */
const PROBE_TIMEOUT_MS = 2000;

export interface SourceProbe {
  /** Host or folder that has it; `null` when none does. */
  place: string | null;
  /** Every host that a transfer would touch, redirect targets included. */
  hosts: string[];
  /** Size as the source says it. */
  sizeBytes: number | null;
  /** One line a source that cannot give it. */
  obstacles: string[];
}

/** Asks every source of an artefact whether it can give it, and takes the first of them that can. */
export async function probeSources(
  session: NetworkSession,
  artefact: Artefact,
  signal: AbortSignal | undefined,
): Promise<SourceProbe> {
  const sources = session.sourcesOf(artefact);
  const answers = await Promise.all(sources.map((source) => askSource(session, artefact, source, signal)));
  const obstacles = answers.flatMap((answer) => (answer.obstacle === null ? [] : [answer.obstacle]));
  const winner = answers.find((answer) => answer.obstacle === null);
  if (!winner) return { place: null, hosts: [], sizeBytes: null, obstacles };
  return { place: winner.label, hosts: winner.hosts, sizeBytes: winner.sizeBytes, obstacles };
}

interface SourceAnswer {
  label: string;
  hosts: string[];
  sizeBytes: number | null;
  obstacle: string | null;
}

async function askSource(
  session: NetworkSession,
  artefact: Artefact,
  source: ArtefactSource,
  signal: AbortSignal | undefined,
): Promise<SourceAnswer> {
  const { label } = source;
  try {
    let url: string;
    const hosts: string[] = [];
    if (source.kind === 'url') url = source.url;
    else {
      const found = await session.index.findIn(
        source.location,
        source.project,
        artefact.file,
        artefact.sha256,
      );
      hosts.push(...hostsOf(source.location.url));
      url = found.url;
    }
    const answer = await session.client.probe(url, { timeoutMs: PROBE_TIMEOUT_MS, signal });
    if (answer.failure) return { label, hosts: [], sizeBytes: null, obstacle: answer.failure.message };
    const networkHosts = url.startsWith('file:') ? [] : answer.hops;
    return { label, hosts: [...hosts, ...networkHosts], sizeBytes: answer.sizeBytes, obstacle: null };
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    return { label, hosts: [], sizeBytes: null, obstacle: errorMessage(error) };
  }
}

function hostsOf(url: string): string[] {
  return url.startsWith('file:') ? [] : [new URL(url).host];
}
