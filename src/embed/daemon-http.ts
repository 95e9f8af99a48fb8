import { errorCode } from '../support/errors.ts';
import { harmlessIo } from './harmless-io.ts';
import {
  ensureManagedPythonCommandRuntime,
  type KtxManagedPythonInstallPolicy,
  type ManagedPythonCommandRuntime,
} from './install-policy.ts';
import type { KtxCliIo } from './io.ts';
import type { ManagedPythonDaemonStartResult } from './start-daemon.ts';

type JsonObject = Record<string, unknown>;

/** Posts JSON to a path of a ktx daemon. @returns the JSON object in its answer. */
export type ManagedPythonHttpJsonRunner = (path: string, payload: JsonObject) => Promise<JsonObject>;

type PostJson = (baseUrl: string, path: string, payload: JsonObject) => Promise<JsonObject>;

export interface ManagedPythonCoreDaemonOptions {
  cliVersion: string;
  projectDir: string;
  installPolicy: KtxManagedPythonInstallPolicy;
  io: KtxCliIo;
  ensureRuntime?: (options: {
    cliVersion: string;
    installPolicy: KtxManagedPythonInstallPolicy;
    io: KtxCliIo;
    feature: 'core';
  }) => Promise<ManagedPythonCommandRuntime>;
  startDaemon?: (options: {
    cliVersion: string;
    projectDir: string;
    features: ['core'];
    force: false;
  }) => Promise<ManagedPythonDaemonStartResult>;
}

/** Who answers: a function, a daemon at a URL, or the project's own daemon. */
export type ManagedPythonDaemonHttpOptions =
  | { requestJson: ManagedPythonHttpJsonRunner }
  | { resolveBaseUrl: () => Promise<string>; postJson?: PostJson }
  | (ManagedPythonCoreDaemonOptions & { postJson?: PostJson });

/** Lets our own resolvers drop a cached URL at which nothing listens any more. */
const forgetters = new WeakMap<() => Promise<string>, (baseUrl: string) => void>();

/**
 * Resolves the URL of the project's daemon with `core`. Lazy: on the first call it installs what the policy
 * allows and starts the daemon, or uses a running one. Success is cached, failure is not, and concurrent
 * calls share one attempt.
 */
export function createManagedPythonDaemonBaseUrlResolver(
  options: ManagedPythonCoreDaemonOptions,
): () => Promise<string> {
  let resolving: Promise<string> | null = null;
  let resolved: string | null = null;
  const resolve = () => {
    resolving ??= startCoreDaemon(options).then(
      (baseUrl) => {
        resolved = baseUrl;
        return baseUrl;
      },
      (error: unknown) => {
        resolving = null;
        throw error;
      },
    );
    return resolving;
  };
  forgetters.set(resolve, (baseUrl) => {
    // Another failed request may already have resolved a new one.
    if (resolved === baseUrl) {
      resolving = null;
      resolved = null;
    }
  });
  return resolve;
}

async function startCoreDaemon(options: ManagedPythonCoreDaemonOptions): Promise<string> {
  const { cliVersion, projectDir, installPolicy, io } = options;
  await (options.ensureRuntime ?? ensureManagedPythonCommandRuntime)({
    cliVersion,
    installPolicy,
    io,
    feature: 'core',
  });
  const startDaemon = options.startDaemon ?? (await import('./start-daemon.ts')).startManagedPythonDaemon;
  const { status, baseUrl } = await startDaemon({ cliVersion, projectDir, features: ['core'], force: false });
  const deed = status === 'reused' ? 'Using existing' : 'Started';
  harmlessIo(io).stderr.write(`│  ${deed} ktx daemon: ${baseUrl}\n`);
  return baseUrl;
}

/**
 * Posts to the daemon given by the options, resolving its URL on every call. If the daemon behind a cached
 * URL is gone (connection refused), it is restarted once.
 */
export function createManagedDaemonHttpJsonRunner(
  options: ManagedPythonDaemonHttpOptions,
): ManagedPythonHttpJsonRunner {
  if ('requestJson' in options) return options.requestJson;
  const resolveBaseUrl =
    'resolveBaseUrl' in options ? options.resolveBaseUrl : createManagedPythonDaemonBaseUrlResolver(options);
  const { postJson = postWithHttp } = options;
  return async (path, payload) => {
    const baseUrl = await resolveBaseUrl();
    try {
      return await postJson(baseUrl, path, payload);
    } catch (error) {
      const forget = forgetters.get(resolveBaseUrl);
      if (!forget || !isRefused(error)) throw error;
      forget(baseUrl);
      return postJson(await resolveBaseUrl(), path, payload);
    }
  };
}

function isRefused(error: unknown): boolean {
  if (errorCode(error) === 'ECONNREFUSED') return true;
  return error instanceof Error && error.cause !== undefined && isRefused(error.cause);
}

const postWithHttp: PostJson = async (baseUrl, path, payload) =>
  (await import('../daemon/http/request-json.ts')).requestDaemonJson(baseUrl, path, payload);

/** The options for a database introspection client. */
export function managedDaemonDatabaseIntrospectionOptions(options: ManagedPythonDaemonHttpOptions): {
  requestJson: ManagedPythonHttpJsonRunner;
} {
  return { requestJson: createManagedDaemonHttpJsonRunner(options) };
}
