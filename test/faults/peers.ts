import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { CASES } from '../faults-network/cases.ts';
import type { Lab, MatrixCase, Prepared } from '../faults-network/lab.ts';
import type { TestServer } from '../fixtures/network.ts';
import { makeWorld, runCase, type World } from '../fixtures/network-world.ts';

/** The inputs that are put to pip, uv and ktx side by side, by their names in the network matrix. */
const INPUTS = [
  'proxy login with a domain',
  'proxy login with an @, npmrc',
  'proxy login with a %',
  'HTTPS_PROXY: http://u:12/password@p.invalid:808',
  'HTTPS_PROXY: "http://p:password@p.invalid:1"',
  'UV_INDEX_URL: https://u:20#password@s.invalid/si',
  'pip.conf in UTF-16',
  'pip.conf without a section',
  'pip.conf, all options indented',
  'pip.conf, a name twice',
  'uv.toml, flat index',
  'client certificate, SSL_CLIENT_CERT',
  'client certificate, pip.conf with ~',
  'client certificate wanted, none set',
  'authority: PIP_CERT=~/corp.pem',
  'authority in DER',
  'authority in indented PEM',
  'authority not known',
  'netrc: the machine twice',
  'netrc: user in the address',
  'netrc: password without a login',
  'netrc: default is not for a redirect',
  'HEAD 404',
  'HEAD reset',
  'sent as a web page',
  '403 with a JSON body of errors',
  '403 with a reason phrase',
  'captive portal, 200',
  'lists another hash',
  'https page, http links on its host',
  'http that moved to https, with its login',
  '401 for a login that was accepted',
  'https:// proxy that speaks http',
  'CONNECT: 503, the name is not known there',
  'CONNECT: 407, Negotiate and NTLM alone',
  'https to an IPv6 address',
  'proxy that needs 3 s for each CONNECT',
  'index that needs 3 s for each page',
  '503 for a moment',
  'npmrc: a variable that is not set',
];

type Outcome = 'installed' | 'elsewhere' | 'refused rightly' | 'refused wrongly';
interface PeerRow {
  input: string;
  pip: Outcome;
  uv: Outcome;
  ktx: Outcome;
  /** The first words of a refusal. */
  words: Record<'pip' | 'uv' | 'ktx', string>;
}

/** What says the same to another tool: each input is a setting, and each tool gets it by its own name. */
const SAME = [
  ['PIP_INDEX_URL', 'UV_INDEX_URL', 'UV_DEFAULT_INDEX'],
  ['SSL_CERT_FILE', 'PIP_CERT'],
  ['SSL_CLIENT_CERT', 'PIP_CLIENT_CERT'],
  ['PIP_NO_INDEX', 'UV_NO_INDEX'],
];

function translated(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const all = { ...env };
  for (const names of SAME) {
    const value = names.map((name) => env[name]).find(Boolean);
    for (const name of names) if (value !== undefined) all[name] ??= value;
  }
  return all;
}

async function putTo(
  argv: string[],
  given: Prepared,
  home: string,
): Promise<{ isDone: boolean; text: string }> {
  for (const [path, content] of Object.entries(given.files ?? {})) {
    await mkdir(dirname(join(home, path)), { recursive: true });
    await writeFile(join(home, path), content);
  }
  const env = {
    PATH: process.env['PATH'],
    HOME: home,
    XDG_CONFIG_DIRS: join(home, 'none'),
    PIP_RETRIES: '2',
    PIP_DISABLE_PIP_VERSION_CHECK: '1',
    UV_HTTP_RETRIES: '2',
    UV_HTTP_TIMEOUT: '12',
    ...translated(given.env ?? {}),
  };
  return new Promise((resolve) => {
    const child = spawn(argv[0]!, argv.slice(1), { env, cwd: home, timeout: 60_000 });
    let text = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (text += chunk));
    child.once('close', (code) => resolve({ isDone: code === 0, text }));
  });
}

async function rowOf(world: World, input: MatrixCase, at: number): Promise<PeerRow> {
  const words = { pip: '', uv: '', ktx: '' };
  const outcomes: Partial<Record<'pip' | 'uv' | 'ktx', Outcome>> = {};
  const version = world.subject.file.split('-')[1]!;
  for (const tool of ['pip', 'uv', 'ktx'] as const) {
    const servers: TestServer[] = [];
    const lab: Lab = {
      world,
      keep: (server) => {
        servers.push(server);
        return server;
      },
      dir: () => mkdtemp(join(world.root, 'folder-')),
    };
    const { says: _, check: __, ...given } = await input.prepare(lab);
    const home = await mkdtemp(join(world.root, `home-${tool}-`));
    const target = join(home, 'target');
    const packages = ['--no-deps', '--target', target, `click==${version}`];
    let isDone: boolean;
    if (tool === 'ktx') {
      const env = {
        UV_HTTP_RETRIES: '2',
        UV_HTTP_TIMEOUT: '12',
        UV_HTTP_CONNECT_TIMEOUT: '12',
        ...given.env,
      };
      const setup = { kind: input.kind, ...given, env };
      const { failure } = await runCase(world, `peer-${at}`, setup, input.cause !== null);
      isDone = failure === null;
      words.ktx = failure?.title ?? '';
      const isRight = failure?.cause === input.cause;
      outcomes.ktx = isDone ? 'installed' : isRight ? 'refused rightly' : 'refused wrongly';
    } else {
      const argv =
        tool === 'pip'
          ? ['python3', '-m', 'pip', 'install', '--no-cache-dir', '-q', ...packages]
          : [world.uvPath, 'pip', 'install', '--no-cache', '-q', '--python', world.pythonPath, ...packages];
      const ran = await putTo(argv, given, home);
      isDone = ran.isDone;
      const lines = ran.text.split('\n').filter((line) => /error|warn|caus|fail/i.test(line));
      words[tool] = isDone ? '' : (lines.at(-1) ?? ran.text.trim().split('\n').at(-1) ?? '').trim();
      const isFromHere = servers.some(({ requests }) =>
        requests.some(({ url }) => url.includes('/files/click-')),
      );
      outcomes[tool] = !isDone
        ? input.cause === null
          ? 'refused wrongly'
          : 'refused rightly'
        : isFromHere
          ? 'installed'
          : 'elsewhere';
    }
    for (const server of servers) await server.close();
    await rm(home, { recursive: true, force: true });
  }
  const { pip = 'refused wrongly', uv = 'refused wrongly', ktx = 'refused wrongly' } = outcomes;
  return { input: input.fault, pip, uv, ktx, words };
}

/**
 * `node test/faults/peers.ts [part of a name]`: forty inputs of the network matrix through pip, uv and ktx in one run. `elsewhere` is an
 * install from an index that the input does not name; a refusal is right where nobody could install, and for ktx only with the right
 * cause.
 */
const root = await mkdtemp(join(tmpdir(), 'ktx-peers-'));
try {
  const world = await makeWorld(root);
  const wanted = process.argv[2] ?? '';
  const rows: PeerRow[] = [];
  for (const [at, name] of INPUTS.entries()) {
    const input = CASES.find(({ fault }) => fault === name);
    if (!input) throw new Error(`the matrix has no case ${name}`);
    if (!name.includes(wanted)) continue;
    const row = await rowOf(world, input, at);
    rows.push(row);
    const cells = [row.pip, row.uv, row.ktx].map((cell) => cell.padEnd(17));
    console.log(`${row.input.padEnd(52)}${cells.join('')}`);
    for (const tool of ['pip', 'uv', 'ktx'] as const)
      if (row.words[tool]) console.log(`    ${tool}: ${row.words[tool].slice(0, 150)}`);
  }
  for (const tool of ['pip', 'uv', 'ktx'] as const) {
    const count = (outcome: Outcome) => rows.filter((row) => row[tool] === outcome).length;
    console.log(
      `${tool}: ${count('installed')} installed, ${count('refused rightly')} refused rightly, ${count('refused wrongly')} refused wrongly, ${count('elsewhere')} from elsewhere`,
    );
  }
} finally {
  await rm(root, { recursive: true, force: true });
}
