import { CancelledError, errorMessage, SetupError } from '../../support/errors.ts';
import { askTheOwner, USE_INDEX } from '../../support/remedies.ts';
import { joinAddress, placeOf } from '../address/address.ts';
import { joinFailures } from '../errors/joined-failures.ts';
import { NetworkFailure } from '../errors/network-failure.ts';
import type { NetworkProfile, PackageIndexConfig } from '../settings/profile.ts';
import { type HttpClient, requireOk } from '../transport/http-client.ts';
import { type IndexPage, type PageBudget, PageLimitError } from './index-entries.ts';
import { readIndexPage } from './index-page.ts';
import { INDEX_ACCEPT, normaliseProject } from './simple-index.ts';

/** An index, or a folder or page of links. */
export type PackageLocation = PackageIndexConfig & { kind: 'index' | 'find-links' };

export interface FoundFile {
  url: string;
  /** Where it was found. */
  location: PackageLocation;
  /** As the page says; `null` when it does not. */
  sizeBytes: number | null;
  /** Hosts that were asked for the page, redirect targets included. */
  pageHosts: readonly string[];
}

const MAX_SHOWN_DIGESTS = 5;

/** What a listing said about a file that is not the one the lock names. */
export class ListedDigestError extends SetupError {
  constructor(host: string, file: string, expected: string, listed: readonly string[]) {
    super(`${host} lists another ${file} than the one that ktx was released with.`, {
      failureClass: 'verification',
      evidence: [
        `host: ${host}`,
        `file: ${file}`,
        `expected sha256 ${expected}`,
        ...listed.slice(0, MAX_SHOWN_DIGESTS).map((digest) => `listed sha256 ${digest}`),
        ...(listed.length > MAX_SHOWN_DIGESTS ? [`and ${listed.length - MAX_SHOWN_DIGESTS} others`] : []),
      ],
      host,
      remedies: [askTheOwner(host, `why its ${file} differs`), USE_INDEX],
    });
    this.name = 'ListedDigestError';
  }
}

export interface PackageIndex {
  /**
   * Looks in one place.
   * @throws NetworkFailure when the place does not answer as an index or does not have the file; ListedDigestError; CancelledError.
   */
  findIn(location: PackageLocation, project: string, file: string, sha256: string): Promise<FoundFile>;
  /**
   * Looks in find-links, then in the indexes, in order; the first that has it wins.
   * @throws SetupError with a line for each place and why it lost; of class verification when one listed other bytes.
   */
  findFile(project: string, file: string, sha256: string): Promise<FoundFile>;
}

/** All places for packages that a profile has, in the order they are asked. */
export function packageLocations(profile: Pick<NetworkProfile, 'findLinks' | 'indexes'>): PackageLocation[] {
  return [
    ...profile.findLinks.map((config) => ({ ...config, kind: 'find-links' as const })),
    ...profile.indexes.map((config) => ({ ...config, kind: 'index' as const })),
  ];
}

/** For one run: each page is asked for once, however many files are looked for in it. `signal` ends the whole run. */
export function createPackageIndex(
  client: HttpClient,
  profile: Pick<NetworkProfile, 'findLinks' | 'indexes'>,
  signal?: AbortSignal,
): PackageIndex {
  const pages = new Map<string, Promise<OpenedPage>>();
  const budget: PageBudget = { keptBytes: 0 };

  function pageOf(location: PackageLocation, project: string): Promise<OpenedPage> {
    const url =
      location.kind === 'index'
        ? `${joinAddress(location.url, encodeURIComponent(normaliseProject(project)))}/`
        : location.url;
    let page = pages.get(url);
    if (!page) {
      page = openPage(client, url, budget, signal);
      pages.set(url, page);
      // What may work a moment later is asked again by the next attempt.
      page.catch((error) => {
        if (!(error instanceof NetworkFailure) || error.isTransient) pages.delete(url);
      });
    }
    return page;
  }

  async function findIn(location: PackageLocation, project: string, file: string, sha256: string) {
    const { page, host: answering, hops } = await pageOf(location, project);
    if (page.entries.isIncomplete(file))
      throw new NetworkFailure('not-an-index', {
        host: answering,
        detail: `what it says of ${file} is incomplete`,
      });
    const entry = page.entries.find(file, sha256);
    const host = location.label;
    if (entry) {
      if (!URL.canParse(entry.href, page.baseUrl))
        throw new NetworkFailure('not-an-index', { host, detail: `its link to ${file} is no address` });
      const { href: url, protocol } = new URL(entry.href, page.baseUrl);
      // A host has no say in what is read on this machine: a pipe would be read for ever.
      if (!/^https?:$/.test(protocol) && !location.url.startsWith('file:'))
        throw new NetworkFailure('not-an-index', {
          host,
          detail: `its link to ${file} leads to ${protocol}`,
        });
      const pageHosts = location.url.startsWith('file:') ? [] : hops;
      return { url: protectedLink(url, page.baseUrl, host), location, sizeBytes: entry.sizeBytes, pageHosts };
    }
    const listed = page.entries.of(file).flatMap((other) => other.sha256 ?? []);
    if (listed.length > 0) throw new ListedDigestError(host, file, sha256, listed);
    throw new NetworkFailure('not-found', { host, detail: `${file} is not in its list` });
  }

  return {
    findIn,
    async findFile(project, file, sha256) {
      const failures: SetupError[] = [];
      for (const location of packageLocations(profile)) {
        try {
          return await findIn(location, project, file, sha256);
        } catch (error) {
          if (!(error instanceof SetupError)) throw error;
          failures.push(error);
        }
      }
      throw joinFailures(`${file} was not found.`, failures);
    },
  };
}

interface OpenedPage {
  page: IndexPage;
  /** The host that answered, behind all redirects. */
  host: string;
  /** All that were asked. */
  hops: readonly string[];
}

/**
 * The rules of redirects for links. A repository behind a TLS proxy that does not know its own address lists its files with http on the
 * host that has just answered over https: they are asked for over https too.
 * @throws NetworkFailure for a link from https to another host without protection.
 */
function protectedLink(link: string, pageUrl: string, index: string): string {
  const [target, page] = [new URL(link), new URL(pageUrl)];
  if (page.protocol !== 'https:' || target.protocol !== 'http:') return link;
  if (target.hostname !== page.hostname)
    throw new NetworkFailure('unprotected-link', { host: target.host, linkedFrom: index });
  target.protocol = 'https:';
  target.port = page.port;
  return target.href;
}

async function openPage(
  client: HttpClient,
  url: string,
  budget: PageBudget,
  signal: AbortSignal | undefined,
): Promise<OpenedPage> {
  const response = await client.get(url, {
    headers: { accept: INDEX_ACCEPT },
    isPage: true,
    ...(signal ? { signal } : {}),
  });
  await requireOk(response);
  const host = response.hops.at(-1) ?? placeOf(url);
  const contentType = response.headers.get('content-type') ?? null;
  const what = { url: response.url, contentType, budget, signal };
  const page = await readIndexPage(response.body, what).catch((error: unknown) => {
    if (error instanceof SetupError || error instanceof CancelledError) throw error;
    const detail = error instanceof PageLimitError ? `its page ${error.message}` : errorMessage(error);
    throw new NetworkFailure('not-an-index', { host, detail, cause: error });
  });
  if (page === null) throw new NetworkFailure('empty', { host });
  if (page === 'unknown')
    throw new NetworkFailure('not-an-index', {
      host,
      detail: `it answered with ${contentType ?? 'no type'}`,
    });
  if (page.isIndex) return { page, host, hops: response.hops };
  const via = response.hops[0];
  throw new NetworkFailure('sign-in-page', { host, ...(via && via !== host ? { via } : {}) });
}
