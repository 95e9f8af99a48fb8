import { chmod, cp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { codexCli } from '../../scripts/codex-cli.mjs';
import { type CodexAuthProbeResult, runCodexAuthProbe } from '../../src/models/codex/auth-probe.ts';
import { type CodexSdk, CodexSdkCliRunner } from '../../src/models/codex/sdk-runner.ts';
import { makeAuthority } from '../fixtures/network.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';
import { codexCliName, isCodexCliPresent, loadRealSdk, newChildren, ownDescendants } from './real-codex.ts';
import {
  type CodexHomeOptions,
  codexHome,
  dropped,
  garbage,
  hanging,
  type StandInAnswer,
  startStandIn,
  status,
  TEST_KEY,
  text,
} from './stand-in.ts';

/** For faults that the CLI would retry forever. */
const LIMIT_MS = 4000;
/** For the whole probe when the timeout does not end it; the machine may be busy. */
const TOTAL_LIMIT_MS = 60_000;

interface Fault extends CodexHomeOptions {
  name: string;
  kind: string;
  /** What the message must mention. */
  says?: RegExp;
  answers?: StandInAnswer[];
  baseUrl?: string;
  /** The stand-in acts as the proxy instead of the host. */
  isProxy?: boolean;
  /** The CLI's built-in provider, pointed at the stand-in. */
  isBuiltIn?: boolean;
  tls?: 'unknown authority' | 'authority given';
  /** A program in place of the CLI. */
  cli?: { body: string; mode?: number };
  loadSdk?: () => Promise<CodexSdk>;
  model?: string;
  projectDir?: string;
  timeoutMs?: number;
}

const apiError = (message: string, more: Record<string, unknown> = {}) => ({ error: { message, ...more } });

const FAULTS: Fault[] = [
  { name: 'a login that works', kind: 'ok', answers: [text('ok')] },
  { name: 'no login', kind: 'auth', key: null, says: /OPENAI_API_KEY/ },
  {
    name: 'expired login',
    kind: 'auth',
    answers: [status(401, apiError('Your authentication token has expired. Please sign in again.'))],
    says: /401.*expired/,
  },
  {
    name: 'wrong key, which the API repeats',
    kind: 'auth',
    answers: [
      status(401, apiError(`Incorrect API key provided: ${TEST_KEY}.`, { type: 'invalid_request_error' })),
    ],
    says: /Incorrect API key provided: \*{4}/,
  },
  {
    name: 'wrong account',
    kind: 'auth',
    answers: [status(403, { detail: 'Your account is not a member of this workspace.' })],
    says: /403/,
  },
  {
    name: 'model not in the subscription',
    kind: 'model-access',
    answers: [
      status(400, {
        detail: "The 'gpt-5.5' model is not supported when using Codex with a ChatGPT account.",
      }),
    ],
    says: /not supported when using Codex/,
  },
  {
    name: 'model that does not exist',
    kind: 'model-access',
    answers: [status(404, apiError('The model `gpt-5.5` does not exist or you do not have access to it.'))],
  },
  { name: 'model id of another vendor', kind: 'model-id', model: 'claude-sonnet-4-6' },
  { name: '429', kind: 'rate-limit', answers: [status(429, apiError('Rate limit reached'))] },
  {
    name: 'usage limit of the plan',
    kind: 'rate-limit',
    answers: [status(429, apiError('The usage limit has been reached', { type: 'usage_limit_reached' }))],
  },
  { name: '500', kind: 'network', answers: [status(500, apiError('Internal error'))], says: /high demand/ },
  {
    name: '503, the page of a gateway',
    kind: 'network',
    answers: [status(503, '<html>Service Unavailable</html>')],
    says: /503/,
  },
  { name: 'connection refused', kind: 'network', baseUrl: 'http://127.0.0.1:9/v1', timeoutMs: LIMIT_MS },
  {
    name: 'host without an address',
    kind: 'network',
    baseUrl: 'http://api.codex.invalid/v1',
    timeoutMs: LIMIT_MS,
  },
  { name: 'TLS by an unknown authority', kind: 'network', tls: 'unknown authority', timeoutMs: LIMIT_MS },
  { name: 'TLS by an authority in SSL_CERT_FILE', kind: 'ok', tls: 'authority given', answers: [text('ok')] },
  {
    name: 'proxy that is down',
    kind: 'network',
    baseUrl: 'https://api.codex.example/v1',
    env: { HTTPS_PROXY: 'http://user:proxy-password-1@127.0.0.1:9' },
    timeoutMs: LIMIT_MS,
  },
  {
    name: 'proxy that requires a login',
    kind: 'network',
    baseUrl: 'http://api.codex.example/v1',
    isProxy: true,
    answers: [status(407, '')],
    says: /407/,
  },
  {
    name: 'built-in provider without a login',
    kind: 'auth',
    key: null,
    isBuiltIn: true,
    answers: [status(401, apiError('Missing bearer authentication in header'))],
    says: /401.*Missing bearer authentication/,
  },
  {
    name: 'built-in provider with an API key',
    kind: 'ok',
    key: null,
    env: { CODEX_API_KEY: TEST_KEY },
    isBuiltIn: true,
    answers: [text('ok')],
  },
  {
    name: 'captive portal: a page for an answer',
    kind: 'network',
    answers: [status(200, '<html>Please accept the terms</html>')],
  },
  { name: 'stream that drops', kind: 'network', answers: [dropped] },
  { name: 'stream that is malformed', kind: 'network', answers: [garbage] },
  {
    name: 'stream that says nothing',
    kind: 'network',
    answers: [hanging],
    timeoutMs: LIMIT_MS,
    says: /no response within 4 s/,
  },
  {
    name: 'old CLI',
    kind: 'install',
    cli: { body: `echo "error: unexpected argument '--experimental-json' found" >&2; exit 2` },
    says: /--experimental-json/,
  },
  { name: 'CLI that may not be run', kind: 'install', cli: { body: 'exit 0', mode: 0o644 }, says: /EACCES/ },
  {
    name: 'CLI that prints no JSON',
    kind: 'auth',
    cli: { body: 'echo Welcome to codex; sleep 60' },
    says: /Welcome to codex/,
  },
  {
    name: 'CLI that prints nothing',
    kind: 'auth',
    cli: { body: 'exit 0' },
    says: /without an agent message/,
  },
  {
    name: 'platform package missing',
    kind: 'install',
    loadSdk: sdkWithoutPlatform,
    says: /Unable to locate Codex CLI binaries/,
  },
  {
    name: 'SDK missing',
    kind: 'install',
    loadSdk: () => import(pathToFileURL('/nowhere/codex-sdk/index.js').href),
    says: /Cannot find module/,
  },
  { name: 'config.toml broken', kind: 'auth', config: 'model_provider = [\n', says: /config\.toml/ },
  { name: 'project folder missing', kind: 'auth', projectDir: '/nowhere/project', answers: [text('ok')] },
];

/** The SDK and its launcher as `npm install --omit=optional` leaves them. */
async function sdkWithoutPlatform(): Promise<CodexSdk> {
  const modules = join(await temporaryFolder(), 'node_modules', '@openai');
  const { sdkPath } = codexCli();
  await cp(sdkPath, join(modules, 'codex-sdk'), { recursive: true });
  await cp(join(sdkPath, '..', 'codex'), join(modules, 'codex'), { recursive: true });
  return import(pathToFileURL(join(modules, 'codex-sdk/dist/index.js')).href);
}

interface Row {
  name: string;
  kind: string;
  elapsedMs: number;
  left: number;
  message: string;
}

const rows: Row[] = [];

async function probed(fault: Fault): Promise<{ result: CodexAuthProbeResult; row: Row }> {
  const { tls, answers = [], cli, model = 'codex', timeoutMs = TOTAL_LIMIT_MS } = fault;
  const folder = await temporaryFolder();
  const authority = tls && (await makeAuthority(folder));
  const standIn = await startStandIn(answers.length > 0 ? answers : [hanging], authority);
  const { home, env } = await codexHome(fault.baseUrl ?? standIn.url, {
    ...fault,
    ...(fault.isBuiltIn && { config: `openai_base_url = "${standIn.url}"\n` }),
  });
  if (fault.isProxy) env.HTTP_PROXY = new URL(standIn.url).origin;
  if (authority && tls === 'authority given') env.SSL_CERT_FILE = authority.caPath;
  let codexPathOverride: string | undefined;
  if (cli) {
    codexPathOverride = join(folder, 'codex');
    await writeFile(codexPathOverride, `#!/bin/sh\n${cli.body}\n`);
    await chmod(codexPathOverride, cli.mode ?? 0o755);
  }
  const runner = new CodexSdkCliRunner({
    envBase: env,
    loadSdk: fault.loadSdk ?? loadRealSdk,
    ...(codexPathOverride && { codexPathOverride }),
  });
  const before = new Set(ownDescendants());
  const startedAt = performance.now();
  const result = await runCodexAuthProbe({
    projectDir: fault.projectDir ?? home,
    model,
    runner,
    timeoutMs,
  });
  const row: Row = {
    name: fault.name,
    kind: result.ok ? 'ok' : result.kind,
    elapsedMs: performance.now() - startedAt,
    left: newChildren(before).length,
    message: result.ok ? '' : result.message,
  };
  rows.push(row);
  return { result, row };
}

describe.skipIf(!isCodexCliPresent || process.platform === 'win32')(
  `logins and faults, as the probe sees them (${codexCliName})`,
  () => {
    afterAll(() => {
      const details = (message: string) =>
        message.slice(message.indexOf('Details: ') + 1 ? message.indexOf('Details: ') + 9 : 0);
      const lines = rows.map(({ name, kind, elapsedMs, left, message }) =>
        [
          name.padEnd(40),
          kind.padEnd(13),
          `${(elapsedMs / 1000).toFixed(1)} s`.padStart(7),
          String(left).padStart(5),
          ` ${details(message).replace(/\s+/g, ' ').slice(0, 110)}`,
        ].join(''),
      );
      console.log([`${'situation'.padEnd(40)}${'kind'.padEnd(13)}   time left details`, ...lines].join('\n'));
    });

    it.each(FAULTS.map((fault) => [fault.name, fault.kind, fault] as const))(
      '%s: %s',
      async (_name, kind, fault) => {
        const { result, row } = await probed(fault);
        expect({ kind: row.kind, message: row.message }).toMatchObject({ kind });
        if (fault.says) expect(row.message).toMatch(fault.says);
        expect(row.left).toBe(0);
        // The timeout, and time for a busy machine to end the CLI.
        expect(row.elapsedMs).toBeLessThan((fault.timeoutMs ?? TOTAL_LIMIT_MS) + 30_000);
        const output = JSON.stringify(result);
        expect(output).not.toContain(TEST_KEY);
        expect(output).not.toContain('proxy-password-1');
        if (!result.ok) expect(result.message).toContain(kind === 'model-id' ? 'Unsupported' : result.fix);
      },
    );
  },
);
