import { link, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { runPanel } from '../../src/cli/panels/run-panel.ts';
import type { SetupResult } from '../../src/core/events.ts';
import { eventEmitter } from '../../src/core/events.ts';
import { acquireUv } from '../../src/setup/build/acquire-uv.ts';
import { fetchArtefacts } from '../../src/setup/build/fetch-artefacts.ts';
import { readSetupOverview } from '../../src/setup/overview.ts';
import type { SetupOptions } from '../../src/setup/request/setup-options.ts';
import { discardPlan, planSetup, reportFailure, type SetupPlan } from '../../src/setup/setup.ts';
import { PACKAGE_ROOT } from '../../src/support/package-root.ts';
import type { RemedyId } from '../../src/support/remedy.ts';
import { failureChoices } from '../../src/wizard/choices.ts';
import { runWizardMachine, type Wizard } from '../../src/wizard/run-effects.ts';
import type { Command, WizardState } from '../../src/wizard/state.ts';
import { startProxy, type TestServer } from '../fixtures/network.ts';
import { makeWorld, type World } from '../fixtures/network-world.ts';
import {
  behindProxy,
  faultyIndex,
  indexEnv,
  type Lab,
  NONE,
  onPage,
  type Prepared,
  secureIndex,
  status,
} from './lab.ts';
import { indexListener, startRaw, startServer, startTalkingProxy } from './servers.ts';
import { ownCertificate, wantsCertificate } from './setting-lab.ts';

/** A remedy against the fault that calls for it, followed in the wizard's machine with the real library. */
export interface FollowedCase {
  remedy: RemedyId;
  /** Of a remedy that has no id of its own. */
  label?: string;
  fault: string;
  prepare(lab: Lab, home: string): Promise<Omit<Prepared, 'host'> & { values: readonly string[] }>;
  /** What the person does between the failure and the choice. */
  meanwhile?: (world: World, storeDir: string) => Promise<void>;
  /** The failure stays: something is shown or saved. */
  isTold?: true;
}

export interface FollowedRow {
  remedy: RemedyId;
  fault: string;
  /** What the wizard said first. */
  failed: string;
  /** `done`, or what went wrong. */
  outcome: string;
}

const VIEW = {
  logStart: 0,
  logEnd: 0,
  logRows: 10,
  overflowRows: 0,
  choiceColumns: 1 as const,
  found: { above: null, below: null },
};
const PATIENT_MS = 60_000;

const good = async (lab: Lab): Promise<TestServer> =>
  lab.keep(await startServer(indexListener(lab.world.files, NONE)));
const withLogin = (url: string) => `${url.replace('://', '://me:matrix-pass-word@')}/simple`;

export const FOLLOWED_CASES: readonly FollowedCase[] = [
  {
    remedy: 'use-index',
    fault: 'the index has no such page',
    prepare: async (lab) => ({
      ...(await faultyIndex(onPage(status(403)))(lab)),
      values: [withLogin((await good(lab)).url)],
    }),
  },
  {
    remedy: 'choose-ca-file',
    fault: 'a certificate of an unknown authority',
    prepare: async (lab) => ({
      ...(await secureIndex((world) => world.authority, false)(lab)),
      values: [lab.world.authority.caPath],
    }),
  },
  {
    remedy: 'set-proxy',
    fault: 'an https:// proxy that speaks http',
    prepare: async (lab) => ({
      ...(await behindProxy(async () => {
        const proxy = await startProxy();
        return { ...proxy, url: `https://${proxy.host}` };
      })(lab)),
      values: [],
    }),
  },
  {
    remedy: 'bypass-proxy',
    fault: 'a proxy that does not reach the index',
    prepare: async (lab) => ({
      ...(await behindProxy(() => startTalkingProxy(() => 'HTTP/1.1 502 No\r\nContent-Length: 0\r\n\r\n'))(
        lab,
      )),
      values: [],
    }),
  },
  {
    remedy: 'proxy-login',
    fault: 'a proxy that wants a login',
    prepare: async (lab) => {
      const index = await secureIndex((world) => world.authority, true)(lab);
      const wanted = `Basic ${btoa('p:pass w@rd')}`;
      const proxy = lab.keep(
        await startTalkingProxy((request) =>
          request.headers['proxy-authorization'] === wanted
            ? null
            : 'HTTP/1.1 407 No\r\nProxy-Authenticate: Basic realm="x"\r\nContent-Length: 0\r\n\r\n',
        ),
      );
      return {
        ...index,
        env: { ...index.env, HTTPS_PROXY: proxy.url },
        values: ['p', 'pass w@rd', proxy.host],
      };
    },
  },
  {
    remedy: 'add-login',
    fault: 'an index that wants a login',
    prepare: async (lab) => {
      const { url } = await good(lab);
      return { env: { PIP_INDEX_URL: `${url}/simple` }, values: ['me', 'matrix-pass-word'] };
    },
  },
  {
    remedy: 'set-client-certificate',
    fault: 'an index that wants a client certificate',
    prepare: async (lab, home) => ({
      ...(await wantsCertificate((of) => ({ 'me.pem': ownCertificate(of) }), {})(lab)),
      values: [join(home, 'me.pem')],
    }),
  },
  {
    remedy: 'allow-host',
    fault: 'a host that only the transfer meets',
    prepare: async (lab) => {
      const store = await good(lab);
      const given = await faultyIndex((request, response) => {
        const isProbe = request.method === 'HEAD' || request.headers.range !== undefined;
        if (!request.url!.startsWith('/files/click-') || isProbe) return false;
        response
          .writeHead(302, { location: `${withLogin(store.url).replace('/simple', '')}${request.url}` })
          .end();
        return true;
      })(lab);
      return { ...given, values: [] };
    },
  },
  {
    remedy: 'go-online',
    fault: '--offline, and a file is missing',
    prepare: async (lab) => ({
      env: indexEnv((await good(lab)).url),
      options: { isOffline: true },
      values: [],
    }),
  },
  {
    remedy: 'other',
    label: 'Let ktx choose one',
    fault: '--python names none',
    prepare: async (lab) => ({
      env: indexEnv((await good(lab)).url),
      options: { python: { path: '/nowhere/python3' } },
      values: [],
    }),
  },
  {
    remedy: 'move-away',
    fault: 'a file where the store should be',
    prepare: async (lab, home) => ({
      env: indexEnv((await good(lab)).url),
      files: { 'other/uv': 'a file' },
      options: { runtimeRoot: join(home, 'other') },
      values: [],
    }),
  },
  {
    remedy: 'other-root',
    fault: 'a file where the store should be',
    prepare: async (lab, home) => ({
      env: indexEnv((await good(lab)).url),
      files: { 'other/uv': 'a file' },
      options: { runtimeRoot: join(home, 'other') },
      values: [join(home, 'third')],
    }),
  },
  {
    remedy: 'copy-store',
    fault: 'an index that refuses access',
    prepare: async (lab) => ({ ...(await faultyIndex(onPage(status(403)))(lab)), values: [] }),
    meanwhile: (world, storeDir) => fillStore([world.subject], storeDir),
  },
  {
    remedy: 'other',
    label: 'Forget them',
    fault: 'stored settings that are damaged',
    prepare: async (lab) => ({
      env: indexEnv((await good(lab)).url),
      files: { 'runtime/uv/network.json': '{ "proxy": ' },
      values: [],
    }),
  },
  {
    remedy: 'use-system-python',
    fault: 'builds of Python that cannot be reached',
    prepare: async (lab) => ({
      env: indexEnv((await good(lab)).url),
      options: { python: 'managed' },
      values: [],
    }),
  },
  {
    remedy: 'check-settings',
    fault: 'an index address that is none',
    isTold: true,
    prepare: async () => ({ env: { PIP_INDEX_URL: 'ftp://index.example/simple' }, values: [] }),
  },
  {
    remedy: 'check-proxy',
    fault: 'a proxy that hangs up',
    isTold: true,
    prepare: async (lab) => ({
      ...(await behindProxy(() => startRaw((socket) => socket.once('data', () => socket.destroy())))(lab)),
      values: [],
    }),
  },
  {
    remedy: 'save-report',
    fault: 'an index that refuses access',
    isTold: true,
    prepare: async (lab, home) => ({
      ...(await faultyIndex(onPage(status(403)))(lab)),
      values: [join(home, 'report.txt')],
    }),
  },
];

/** Follows each remedy once. The table is what a person would find. */
export async function followedRows(
  root: string,
  cases: readonly FollowedCase[] = FOLLOWED_CASES,
): Promise<FollowedRow[]> {
  const world = await makeWorld(root);
  const rows: FollowedRow[] = [];
  for (const [index, one] of cases.entries())
    rows.push(await follow(world, one, join(root, `wizard-${index}`)));
  return rows;
}

export function followedTable(rows: readonly FollowedRow[]): string {
  return rows
    .map(
      ({ remedy, fault, failed, outcome }) =>
        `${remedy.padEnd(24)}${fault.padEnd(44)}${outcome.padEnd(8)}${failed}`,
    )
    .join('\n');
}

async function follow(world: World, one: FollowedCase, home: string): Promise<FollowedRow> {
  const servers: TestServer[] = [];
  const lab: Lab = {
    world,
    keep(server) {
      servers.push(server);
      return server;
    },
    dir: async () => home,
  };
  await mkdir(home, { recursive: true });
  const prepared = await one.prepare(lab, home);
  for (const [path, content] of Object.entries(prepared.files ?? {})) {
    await mkdir(dirname(join(home, path)), { recursive: true });
    await writeFile(join(home, path), content);
  }
  const runtimeRoot = join(home, 'runtime');
  const storeDir = join(runtimeRoot, 'uv', 'store');
  const isFetched = ({ file }: World['subject']) => file === world.subject.file || file.startsWith('uv-');
  await fillStore(
    world.files.filter((file) => !isFetched(file)),
    storeDir,
  );
  const setup: Omit<SetupOptions, 'features' | 'signal' | 'onEvent'> = {
    cliVersion: '0.0.1-matrix',
    assetDir: join(PACKAGE_ROOT, 'assets', 'python'),
    runtimeRoot,
    homeDir: home,
    python: { path: world.pythonPath },
    uvPath: world.uvPath,
    ...prepared.options,
    env: {
      PATH: '/usr/bin:/bin',
      HOME: home,
      XDG_CONFIG_DIRS: join(home, 'none'),
      UV_HTTP_TIMEOUT: '15',
      UV_HTTP_RETRIES: '0',
      ...prepared.env,
    },
  };
  const never = async (): Promise<never> => {
    throw new Error('not part of this');
  };
  const place = { projectDir: home, cwd: home };
  const wizard = runWizardMachine<SetupPlan>({
    setup,
    functions: {
      readOverview: readSetupOverview,
      plan: planSetup,
      execute: async (plan, options) => {
        const emit = eventEmitter(options.onEvent);
        try {
          await acquireUv(plan.plan, plan.tools, emit);
          if (plan.plan.locked) await fetchArtefacts(plan.plan.locked, plan.tools, emit);
        } finally {
          await plan.tools.network.close();
        }
        // As far as the network goes: what follows is the same for every case.
        return { features: ['core'], egress: [] } as unknown as SetupResult;
      },
      discard: discardPlan,
      runChecks: async () => [],
      planRepair: never,
      repair: never,
      undoRepair: never,
      readUndoTarget: async () => null,
      undo: never,
      runPanel: (effect, context) => runPanel(effect, context, place),
      reportFailure,
    },
  });
  const row = { remedy: one.remedy, fault: one.fault, failed: '' };
  try {
    const failed = await toFailure(wizard);
    if (failed.screen !== 'failure') return { ...row, outcome: `no failure, but ${failed.screen}` };
    row.failed = failed.report.title;
    const choices = failureChoices(failed).map(({ id }) => id);
    const at = choices.indexOf(`mend ${one.remedy}${one.label === undefined ? '' : ` ${one.label}`}`);
    if (at === -1) return { ...row, outcome: `not offered: ${choices.join(', ')}` };
    await one.meanwhile?.(world, storeDir);
    for (let step = 0; step < at; step++) press(wizard, 'next');
    press(wizard, 'confirm');
    for (const text of prepared.values) {
      wizard.dispatch({ type: 'text', text });
      press(wizard, 'confirm');
    }
    if (one.isTold) {
      const told = await when(
        wizard,
        (state) =>
          (state.screen === 'panel' && state.panel.kind === 'page' && state.panel.lines !== null) ||
          (state.screen === 'failure' && state.mendingId === null && state.notice !== null),
      );
      if (told.screen === 'panel') press(wizard, 'back');
      else if (told.screen === 'failure') row.failed = told.notice ?? '';
      return { ...row, outcome: wizard.getSnapshot().screen === 'failure' ? 'done' : 'did not come back' };
    }
    const end = await toEnd(wizard);
    if (end.screen === 'check') return { ...row, outcome: 'done' };
    return {
      ...row,
      outcome:
        end.screen === 'failure'
          ? `failed again: ${end.report.title} ${end.notice ?? ''} ${end.field?.field.problem ?? ''}`
          : end.screen,
    };
  } catch (error) {
    return { ...row, outcome: `${error}` };
  } finally {
    press(wizard, 'quit');
    wizard.dispatch({ type: 'terminated' });
    await wizard.finished;
    for (const server of servers) await server.close();
    await rm(home, { recursive: true, force: true });
  }
}

/** Agrees to everything until something fails, or all is done. */
async function toFailure(wizard: Wizard): Promise<WizardState> {
  const first = await when(wizard, ({ screen }) => screen !== 'loading');
  if (first.screen === 'failure') return first;
  press(wizard, 'confirm');
  return toEnd(wizard);
}

async function toEnd(wizard: Wizard): Promise<WizardState> {
  for (;;) {
    const state = await when(
      wizard,
      (now) =>
        (now.screen === 'failure' && now.mendingId === null) ||
        (now.screen === 'plan' && now.summary !== null) ||
        now.screen === 'features' ||
        now.screen === 'check',
    );
    if (state.screen === 'failure' || state.screen === 'check') return state;
    press(wizard, 'confirm');
  }
}

function press(wizard: Wizard, command: Command): void {
  wizard.dispatch({ type: 'command', command, view: VIEW, nowMs: Date.now() });
}

function when(wizard: Wizard, wanted: (state: WizardState) => boolean): Promise<WizardState> {
  return new Promise((resolve, reject) => {
    let stop = (): void => {};
    const timer = setTimeout(() => {
      stop();
      reject(new Error(`still ${wizard.getSnapshot().screen} after a minute`));
    }, PATIENT_MS);
    const look = (): boolean => {
      if (!wanted(wizard.getSnapshot())) return false;
      clearTimeout(timer);
      stop();
      resolve(wizard.getSnapshot());
      return true;
    };
    stop = wizard.subscribe(look);
    look();
  });
}

async function fillStore(files: World['files'], storeDir: string): Promise<void> {
  for (const { sha256, file, path } of files) {
    await mkdir(join(storeDir, sha256), { recursive: true });
    await link(path, join(storeDir, sha256, file)).catch(async () =>
      writeFile(join(storeDir, sha256, file), await readFile(path)),
    );
  }
}
