import { errorMessage, SetupError } from '../../support/errors.ts';
import { askTheOwner, USE_INDEX } from '../../support/remedies.ts';
import { joinAddress, placeOf } from '../address/address.ts';
import { joinFailures } from '../errors/joined-failures.ts';
import { NetworkFailure } from '../errors/network-failure.ts';
import type { NetworkProfile, PackageIndexConfig } from '../settings/profile.ts';
import { type HttpClient, requireOk } from '../transport/http-client.ts';
import {
  excerptFor,
  INDEX_ACCEPT,
  type IndexPage,
  normaliseProject,
  pageFormat,
  parseSimpleHtml,
  parseSimpleJson,
} from './simple-index.ts';

/** The largest project pages of the public index are about 15 MB. */
const MAX_PAGE_BYTES = 64 * 1024 * 1024;

/** An index, or a folder or page of links. */
export type PackageLocation = PackageIndexConfig & { kind: 'index' | 'find-links' };

export interface FoundFile {
  url: string;
  /** Where it was found. */
  location: PackageLocation;
  /** As the page says; `null` when it does not. */
  sizeBytes: number | null;
}

/** What a listing said about a file that is not the one the lock names. */
export class ListedDigestError extends SetupError {
  constructor(host: string, file: string, expected: string, listed: readonly string[]) {
    super(`${host} lists another ${file} than the one that ktx was released with.`, {
      failureClass: 'verification',
      evidence: [
        `host: ${host}`,
        `file: ${file}`,
        `expected sha256 ${expected}`,
        ...listed.map((digest) => `listed sha256 ${digest}`),
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
  const pages = new Map<string, Promise<PageReader>>();

  function pageOf(location: PackageLocation, project: string): Promise<PageReader> {
    const url =
      location.kind === 'index'
        ? `${joinAddress(location.url, encodeURIComponent(normaliseProject(project)))}/`
        : location.url;
    let page = pages.get(url);
    if (!page) {
      page = readPage(client, url, signal);
      pages.set(url, page);
      // What may work a moment later is asked again by the next attempt.
      page.catch((error) => {
        if (!(error instanceof NetworkFailure) || error.isTransient) pages.delete(url);
      });
    }
    return page;
  }

  async function findIn(location: PackageLocation, project: string, file: string, sha256: string) {
    const read = await pageOf(location, project);
    const page = await read(file);
    const named = page.entries.filter((entry) => entry.file === file);
    // An entry without a digest is a candidate: what arrives is checked anyway.
    const entry =
      named.find((candidate) => candidate.sha256 === sha256) ??
      named.find((candidate) => candidate.sha256 === null);
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
      return { url, location, sizeBytes: entry.sizeBytes };
    }
    if (named.length > 0) {
      throw new ListedDigestError(
        host,
        file,
        sha256,
        named.map((candidate) => candidate.sha256!),
      );
    }
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

/** Gives what a page says of a file; of others only where that costs nothing. */
type PageReader = (file: string) => Promise<IndexPage>;

async function readPage(
  client: HttpClient,
  url: string,
  signal: AbortSignal | undefined,
): Promise<PageReader> {
  const response = await client.get(url, {
    headers: { accept: INDEX_ACCEPT },
    isPage: true,
    ...(signal ? { signal } : {}),
  });
  await requireOk(response);
  const host = response.hops.at(-1) ?? placeOf(url);
  const text = await response.text(MAX_PAGE_BYTES);
  if (text.trim() === '') throw new NetworkFailure('empty', { host });
  const contentType = response.headers.get('content-type') ?? null;
  const format = pageFormat(contentType, text);
  if (format === null) {
    throw new NetworkFailure('not-an-index', {
      host,
      detail: `it answered with ${contentType ?? 'no type'}`,
    });
  }
  const readAll = async (): Promise<PageReader> => {
    if (format === 'json') {
      const read = parseSimpleJson(text, response.url);
      return async (file) => read(file);
    }
    const page = await parseSimpleHtml(text, response.url);
    if (page.isIndex) return async () => page;
    const via = response.hops[0];
    throw new NetworkFailure('sign-in-page', { host, ...(via && via !== host ? { via } : {}) });
  };
  let whole: Promise<PageReader> | null = null;
  return async (file) => {
    const excerpt = format === 'html' ? excerptFor(text, file) : null;
    try {
      if (excerpt !== null) {
        const page = await parseSimpleHtml(excerpt, response.url);
        if (page.entries.some((entry) => entry.file === file)) return page;
      }
      whole ??= readAll();
      return await (await whole)(file);
    } catch (error) {
      if (error instanceof NetworkFailure) throw error;
      throw new NetworkFailure('not-an-index', { host, detail: errorMessage(error), cause: error });
    }
  };
}
