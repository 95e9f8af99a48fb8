import { createGate, type Gate } from '../../support/async/gate.ts';
import { CancelledError, errorMessage, SetupError } from '../../support/errors.ts';
import { askTheOwner, USE_INDEX } from '../../support/remedies.ts';
import { normaliseProject } from '../../support/text/project-name.ts';
import { joinAddress, placeOf } from '../address/address.ts';
import { joinFailures } from '../errors/joined-failures.ts';
import { NetworkFailure } from '../errors/network-failure.ts';
import type { NetworkProfile, PackageIndexConfig } from '../settings/profile.ts';
import { type HttpClient, requireOk } from '../transport/http-client.ts';
import {
  type IndexEntry,
  type IndexPage,
  newPageBudget,
  type PageBudget,
  PageLimitError,
} from './index-entries.ts';
import { readIndexPage } from './index-page.ts';
import { type KeptPage, type KeptPages, keptPageOf, keyOfPage, tableOf } from './kept-pages.ts';
import { INDEX_ACCEPT } from './simple-index.ts';

/** An index, or a folder or page of links. */
export type PackageLocation = PackageIndexConfig & { kind: 'index' | 'find-links' };

export interface FoundFile {
  url: string;
  /** Where it was found. */
  location: PackageLocation;
  /** As stated by the page; `null` when it is not. */
  sizeBytes: number | null;
  /**
   * Hosts contacted for the page, redirect targets included; for a recorded address, the host that would be.
   */
  pageHosts: readonly string[];
  /**
   * The address was known without reading a page. On a 404 or other bytes the caller uses `forgetRecorded`
   * and searches again.
   */
  isRecorded: boolean;
}

/** A file to look for. */
export interface WantedFile {
  project: string;
  file: string;
  sha256: string;
  /** Its path on the public index, see `Artefact`. */
  publicPath?: string;
}

const MAX_SHOWN_DIGESTS = 5;
const MAX_KEPT_PAGES = 500;
/**
 * The number of connections per host. Decoding and parsing one page uses bounded memory; this bounds the
 * total.
 */
const PAGES_AT_ONCE = 4;

/** A listing has the file with a digest other than the locked one. */
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
   * Searches one location.
   * @throws NetworkFailure when it does not answer as an index or does not have the file; ListedDigestError;
   * CancelledError.
   */
  findIn(location: PackageLocation, wanted: WantedFile): Promise<FoundFile>;
  /**
   * Searches find-links, then the indexes, in order; the first that has it wins.
   * @throws SetupError with a line per location and why it failed; of class verification when one listed
   * other bytes.
   */
  findFile(wanted: WantedFile): Promise<FoundFile>;
  /** From now on, asks the index for the address of this file. */
  forgetRecorded(sha256: string): void;
  /**
   * The content of pages read in this and earlier runs, to cache for the next; `null` when no page was read.
   */
  pagesToKeep(): Promise<KeptPages | null>;
}

/** All package locations of a profile, in search order. */
export function packageLocations(profile: Pick<NetworkProfile, 'findLinks' | 'indexes'>): PackageLocation[] {
  return [
    ...profile.findLinks.map((config) => ({ ...config, kind: 'find-links' as const })),
    ...profile.indexes.map((config) => ({ ...config, kind: 'index' as const })),
  ];
}

/**
 * For one run: each page is fetched once, however many files are looked for in it, and once more in full for
 * a file that was not wanted when parsing stopped. `signal` aborts the whole run.
 * @param readKept loads the cache of an earlier run, together with the first page.
 */
export function createPackageIndex(
  client: HttpClient,
  profile: Pick<NetworkProfile, 'findLinks' | 'indexes'>,
  signal?: AbortSignal,
  readKept: () => Promise<KeptPages> = async () => new Map(),
): PackageIndex {
  const pages = new Map<string, Promise<OpenedPage>>();
  const wholePages = new Map<string, Promise<OpenedPage>>();
  const wantedOf = new Map<string, Map<string, WantedFile>>();
  const forgotten = new Set<string>();
  let kept: Promise<KeptPages> | null = null;
  const toKeep = new Map<string, KeptPage>();
  const shared: PageReading = { budget: newPageBudget(), gate: createGate(PAGES_AT_ONCE) };

  function addressOf(location: PackageLocation, project: string): string {
    return location.kind === 'index'
      ? `${joinAddress(location.url, encodeURIComponent(normaliseProject(project)))}/`
      : location.url;
  }

  /** Fetches each address once. A transient failure is not remembered, so the next attempt asks again. */
  function once(
    opened: Map<string, Promise<OpenedPage>>,
    url: string,
    open: () => Promise<OpenedPage>,
  ): Promise<OpenedPage> {
    let page = opened.get(url);
    if (!page) {
      page = open();
      opened.set(url, page);
      page.catch((error) => {
        if (!(error instanceof NetworkFailure) || error.isTransient) opened.delete(url);
      });
    }
    return page;
  }

  function wantedAt(url: string): Map<string, WantedFile> {
    const wanted = wantedOf.get(url) ?? new Map<string, WantedFile>();
    wantedOf.set(url, wanted);
    return wanted;
  }

  async function openWanted(url: string): Promise<OpenedPage> {
    const wanted = wantedAt(url);
    kept ??= readKept();
    const known = url.startsWith('file:') ? undefined : (await kept).get(keyOfPage(url));
    const entriesIn = ({ entries }: Pick<IndexPage, 'entries'>) =>
      [...wanted.values()].map(({ file, sha256 }) => entries.exactly(file, sha256));
    const isUseful = known !== undefined && entriesIn({ entries: tableOf(known) }).every(Boolean);
    const opened = await openPage(client, url, {
      shared,
      signal,
      ...(isUseful ? { known } : {}),
      isEnough: (entries) => entriesIn({ entries }).every(Boolean),
    });
    const found = entriesIn(opened.page).filter((entry): entry is IndexEntry => entry !== null);
    const page = keptPageOf(opened.etag, opened.page.baseUrl, found);
    if (page) toKeep.set(keyOfPage(url), page);
    return opened;
  }

  async function pageOf(location: PackageLocation, file: WantedFile): Promise<OpenedPage> {
    const url = addressOf(location, file.project);
    wantedAt(url).set(`${file.file}\n${file.sha256}`, file);
    const opened = await once(pages, url, () => openWanted(url));
    if (!opened.page.isPartial || opened.page.entries.exactly(file.file, file.sha256)) return opened;
    return once(wholePages, url, () => openPage(client, url, { shared, signal }));
  }

  async function findIn(location: PackageLocation, wanted: WantedFile): Promise<FoundFile> {
    const { file, sha256, publicPath } = wanted;
    if (location.filesUrl && publicPath && !forgotten.has(sha256)) {
      const url = joinAddress(location.filesUrl, publicPath);
      return { url, location, sizeBytes: null, pageHosts: [new URL(location.url).host], isRecorded: true };
    }
    const { page, host: answering, hops } = await pageOf(location, wanted);
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
      // A host must not choose what is read on this machine: a pipe would block forever.
      if (!/^https?:$/.test(protocol) && !location.url.startsWith('file:'))
        throw new NetworkFailure('not-an-index', {
          host,
          detail: `its link to ${file} leads to ${protocol}`,
        });
      const pageHosts = location.url.startsWith('file:') ? [] : hops;
      const { sizeBytes } = entry;
      return {
        url: protectedLink(url, page.baseUrl, host),
        location,
        sizeBytes,
        pageHosts,
        isRecorded: false,
      };
    }
    const listed = page.entries.of(file).flatMap((other) => other.sha256 ?? []);
    if (listed.length > 0) throw new ListedDigestError(host, file, sha256, listed);
    throw new NetworkFailure('not-found', { host, detail: `${file} is not in its list` });
  }

  return {
    findIn,
    forgetRecorded: (sha256) => {
      forgotten.add(sha256);
    },
    pagesToKeep: async () =>
      toKeep.size === 0 || kept === null
        ? null
        : new Map(
            [...toKeep, ...[...(await kept)].filter(([key]) => !toKeep.has(key))].slice(0, MAX_KEPT_PAGES),
          ),
    async findFile(wanted) {
      const failures: SetupError[] = [];
      for (const location of packageLocations(profile)) {
        try {
          return await findIn(location, wanted);
        } catch (error) {
          if (!(error instanceof SetupError)) throw error;
          failures.push(error);
        }
      }
      throw joinFailures(`${wanted.file} was not found.`, failures);
    },
  };
}

/** State shared by the pages of one run. */
interface PageReading {
  budget: PageBudget;
  gate: Gate;
}

interface OpenedPage {
  page: IndexPage;
  /** The host that answered, after all redirects. */
  host: string;
  /** All hosts contacted. */
  hops: readonly string[];
  etag: string | undefined;
}

/**
 * Applies the redirect rules to links. A repository behind a TLS proxy that does not know its own address
 * lists its files with http on the host that just answered over https: they are fetched over https too.
 * @throws NetworkFailure for a link from https to plain http on another host.
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
  {
    shared: { budget, gate },
    signal,
    known,
    isEnough,
  }: {
    shared: PageReading;
    signal: AbortSignal | undefined;
    /** The cache of an earlier run. */
    known?: KeptPage;
    isEnough?: (entries: IndexPage['entries']) => boolean;
  },
): Promise<OpenedPage> {
  const response = await client.get(url, {
    headers: { accept: INDEX_ACCEPT, ...(known ? { 'if-none-match': known.etag } : {}) },
    isPage: true,
    ...(signal ? { signal } : {}),
  });
  const host = response.hops.at(-1) ?? placeOf(url);
  if (known && response.status === 304) {
    await response.discard();
    const page = { baseUrl: known.baseUrl, entries: tableOf(known), isIndex: true, isPartial: true };
    return { page: { format: 'json', ...page }, host, hops: response.hops, etag: known.etag };
  }
  await requireOk(response);
  const etag = response.headers.get('etag');
  const contentType = response.headers.get('content-type') ?? null;
  const what = { url: response.url, contentType, budget, signal, ...(isEnough ? { isEnough } : {}) };
  const page = await gate(() => readIndexPage(response.body, what)).catch((error: unknown) => {
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
  if (page.isIndex) return { page, host, hops: response.hops, etag };
  const via = response.hops[0];
  throw new NetworkFailure('sign-in-page', { host, ...(via && via !== host ? { via } : {}) });
}
