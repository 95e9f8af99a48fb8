import { execFileSync, spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { CASES } from '../faults-network/cases.ts';
import type { Lab, MatrixCase, Prepared } from '../faults-network/lab.ts';
import type { TestServer } from '../fixtures/network.ts';
import { makeWorld, runCase, SECRETS, type World } from '../fixtures/network-world.ts';

type Given = Pick<Prepared, 'env' | 'files'>;
interface Input {
  /** In the network matrix. */
  name: string;
  /** What the table says, where the name does not say it all. */
  label?: string;
  /** The same for a tool that does not read this file: in the file or the variable that it reads. */
  pip?: (given: Given) => Given;
  uv?: (given: Given) => Given;
  /** The input is a `~`, which stays as it is. */
  isAboutTilde?: true;
  /** What is sent has the hash that pip and uv were given: an install is no mistake. */
  isFileRight?: true;
}

const PIP_CONF = '.config/pip/pip.conf';
const UV_TOML = '.config/uv/uv.toml';

const withEnv = (env: NodeJS.ProcessEnv) => (given: Given) => ({ ...given, env: { ...given.env, ...env } });

/** `index-url` of a pip.conf as uv has it: the same encoding, the same indentation, as often. */
function asUvToml({ env, files }: Given): Given {
  const given = Buffer.from(files![PIP_CONF]!);
  const encoding = given[0] === 0xff ? 'utf16le' : 'utf8';
  const lines = given.toString(encoding).split(/\r?\n/);
  const kept = lines.flatMap((line) => /^(\s*)index-url = (.*)$/.exec(line)?.slice(1) ?? []);
  const settings = kept.flatMap((text, at) =>
    at % 2 === 0 ? [`${text}index-url = "${kept[at + 1]}"\n`] : [],
  );
  const mark = encoding === 'utf16le' ? '\uFEFF' : '';
  return { ...(env ? { env } : {}), files: { [UV_TOML]: Buffer.from(mark + settings.join(''), encoding) } };
}

/** A flat index of uv is what pip calls find-links. */
function asFindLinks({ env, files }: Given): Given {
  const url = /url = "(.*)"/.exec(String(files![UV_TOML]))![1];
  return {
    ...(env ? { env } : {}),
    files: { [PIP_CONF]: `[global]\nfind-links = ${url}\nno-index = true\n` },
  };
}

/** A proxy of .npmrc, which pip and uv do not read, as the variable. */
function asProxyVariable({ env, files }: Given): Given {
  return { env: { ...env, HTTPS_PROXY: /proxy = "(.*)"/.exec(String(files!['.npmrc']))![1] } };
}

/** What is put to pip, uv and ktx side by side. */
const INPUTS: readonly Input[] = [
  { name: 'proxy login with a domain', label: 'proxy login `CORP\\user`' },
  {
    name: 'proxy login with an @, npmrc',
    label: 'proxy login `user@corp.example`',
    pip: asProxyVariable,
    uv: asProxyVariable,
  },
  { name: 'proxy login with a %', label: 'proxy login with a bare `%`' },
  { name: 'HTTPS_PROXY: http://u:12/password@p.invalid:808', label: 'proxy password with a bare `/`' },
  { name: 'HTTPS_PROXY: "http://p:password@p.invalid:1"', label: 'proxy address in quotes' },
  { name: 'UV_INDEX_URL: https://u:20#password@s.invalid/si', label: 'index password with a bare `#`' },
  { name: 'pip.conf in UTF-16', label: 'settings file in UTF-16', uv: asUvToml },
  { name: 'pip.conf without a section', label: 'settings file without a section', uv: asUvToml },
  { name: 'pip.conf, all options indented', label: 'settings file, every line indented', uv: asUvToml },
  { name: 'pip.conf, a name twice', label: 'settings file with a name twice', uv: asUvToml },
  { name: 'uv.toml, flat index', label: 'flat index in the settings file', pip: asFindLinks },
  {
    name: 'client certificate, SSL_CLIENT_CERT',
    label: 'client certificate, `SSL_CLIENT_CERT`',
  },
  {
    name: 'client certificate, pip.conf with ~',
    label: 'client certificate named with a `~`',
    uv: withEnv({ SSL_CLIENT_CERT: '~/me.pem' }),
    isAboutTilde: true,
  },
  { name: 'client certificate wanted, none set' },
  { name: 'authority: PIP_CERT=~/corp.pem', label: 'authority named with a `~`', isAboutTilde: true },
  { name: 'authority in DER' },
  { name: 'authority in indented PEM' },
  { name: 'authority not known' },
  { name: 'netrc: the machine twice' },
  { name: 'netrc: user in the address', label: 'netrc: user in the address, two logins for the host' },
  { name: 'netrc: password without a login', label: 'netrc: user in the address, password in netrc' },
  {
    name: 'netrc: default is not for a redirect',
    label: 'netrc: `default`, and a redirect to a signed address',
  },
  { name: 'HEAD 404' },
  { name: 'HEAD reset' },
  { name: 'sent as a web page', label: 'wheel sent as `text/html`' },
  { name: '403 with a JSON body of errors' },
  { name: '403 with a reason phrase' },
  { name: 'captive portal, 200', label: 'captive portal that answers 200' },
  {
    name: 'lists another hash',
    label: 'index lists another hash than the right file has',
    isFileRight: true,
  },
  { name: 'https page, http links on its host', label: 'https page with http links to its own host' },
  {
    name: 'http that moved to https, with its login',
    label: 'http index moved to https, login in its address',
  },
  { name: '401 for a login that was accepted', label: 'one 401 for a login that was accepted before' },
  { name: 'https:// proxy that speaks http', label: '`https://` proxy that speaks http' },
  { name: 'CONNECT: 503, the name is not known there', label: 'proxy cannot resolve the name (503)' },
  { name: 'CONNECT: 407, Negotiate and NTLM alone', label: 'proxy wants Negotiate or NTLM (407)' },
  { name: 'https to an IPv6 address' },
  { name: 'proxy that needs 3 s for each CONNECT' },
  { name: 'index that needs 3 s for each page' },
  { name: '503 for a moment', label: 'one 503' },
  { name: 'npmrc: a variable that is not set', label: '.npmrc with a variable that is not set' },
];

const TOOLS = ['pip', 'uv', 'ktx'] as const;
type Tool = (typeof TOOLS)[number];
type Outcome = 'installed' | 'refused rightly' | 'refused wrongly' | 'installed wrongly';
interface Cell {
  outcome: Outcome;
  /** It printed a password or a token. */
  isLeaking: boolean;
  /** The first words of a refusal. */
  words: string;
}
type PeerRow = { input: string } & Record<Tool, Cell>;

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

interface Peers {
  pip: readonly string[];
  uv: readonly string[];
  /** One file for both: the package with its hash, as the lock of ktx has it. */
  requirements: string;
}

/** pip comes from the index, the newest there is. */
async function openPeers(world: World): Promise<Peers> {
  const own = join(world.root, 'pip');
  execFileSync(world.pythonPath, ['-m', 'venv', own]);
  const pip = join(own, 'bin', 'pip');
  execFileSync(pip, ['install', '--quiet', '--upgrade', 'pip'], { stdio: ['ignore', 'ignore', 'ignore'] });
  const requirements = join(world.root, 'requirements.txt');
  const { file, sha256 } = world.subject;
  await writeFile(requirements, `click==${file.split('-')[1]} --hash=sha256:${sha256}\n`);
  for (const argv of [[pip], [world.uvPath]])
    console.log(execFileSync(argv[0]!, ['--version'], { encoding: 'utf8' }).split(' from ')[0]!.trim());
  const packages = ['--no-deps', '--requirement', requirements];
  return {
    pip: [pip, 'install', '--no-input', '--no-cache-dir', '-q', ...packages],
    uv: [world.uvPath, 'pip', 'install', '--no-cache', '-q', '--python', world.pythonPath, ...packages],
    requirements,
  };
}

async function putTo(
  argv: readonly string[],
  given: Given,
  home: string,
  isAboutTilde: boolean,
): Promise<{ isDone: boolean; text: string }> {
  for (const [path, content] of Object.entries(given.files ?? {})) {
    await mkdir(dirname(join(home, path)), { recursive: true });
    await writeFile(join(home, path), content);
  }
  const settings = Object.entries(translated(given.env ?? {}));
  const env = {
    PATH: '/usr/bin:/bin',
    HOME: home,
    XDG_CONFIG_DIRS: join(home, 'none'),
    PIP_DISABLE_PIP_VERSION_CHECK: '1',
    ...Object.fromEntries(
      settings.map(([name, value]) => [name, isAboutTilde ? value : value?.replace(/^~\//, `${home}/`)]),
    ),
  };
  return new Promise((resolve) => {
    const child = spawn(argv[0]!, argv.slice(1), { env, cwd: home, timeout: 120_000 });
    let text = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (text += chunk));
    child.once('close', (code) => resolve({ isDone: code === 0, text }));
  });
}

const isLeaking = (text: string) => SECRETS.some((secret) => text.includes(secret));

async function ktxCell(world: World, input: MatrixCase, given: Prepared, at: number): Promise<Cell> {
  // Retries and limits are those of somebody who has set none.
  const env = { UV_HTTP_RETRIES: '', UV_HTTP_TIMEOUT: '', UV_HTTP_CONNECT_TIMEOUT: '', ...given.env };
  const setup = { ...given, kind: input.kind, env };
  // A whole setup: fetched, built and proven.
  const { failure, output } = await runCase(world, `peer-${at}`, setup, true);
  const isRight = failure?.cause === input.cause;
  return {
    outcome:
      failure !== null
        ? isRight
          ? 'refused rightly'
          : 'refused wrongly'
        : input.cause === null
          ? 'installed'
          : 'installed wrongly',
    isLeaking: isLeaking(output),
    words: failure?.title ?? '',
  };
}

async function rowOf(world: World, peers: Peers, input: Input, at: number): Promise<PeerRow> {
  const found = CASES.find(({ fault }) => fault === input.name);
  if (!found) throw new Error(`the matrix has no case ${input.name}`);
  const cells: Partial<Record<Tool, Cell>> = {};
  for (const tool of TOOLS) {
    const servers: TestServer[] = [];
    const lab: Lab = {
      world,
      keep: (server) => {
        servers.push(server);
        return server;
      },
      dir: () => mkdtemp(join(world.root, 'folder-')),
    };
    const { says: _, check, ...given } = await found.prepare(lab);
    const home = await mkdtemp(join(world.root, `home-${tool}-`));
    if (tool === 'ktx') cells.ktx = await ktxCell(world, found, given, at);
    else {
      const own = (input[tool] ?? ((same: Given) => same))(given);
      const argv = [...peers[tool], '--target', join(home, 'target')];
      const { isDone, text } = await putTo(argv, own, home, input.isAboutTilde === true);
      const lines = text.split('\n').filter((line) => /error|warn|caus|fail/i.test(line));
      const wasAsked = servers.some(({ requests }) =>
        requests.some(({ url }) => url.includes('/files/click-')),
      );
      const problem = wasAsked ? (check?.() ?? null) : 'from another index';
      const isRefusalDue = found.cause !== null;
      cells[tool] = {
        outcome: isDone
          ? (isRefusalDue && !input.isFileRight) || problem !== null
            ? 'installed wrongly'
            : 'installed'
          : isRefusalDue
            ? 'refused rightly'
            : 'refused wrongly',
        isLeaking: isLeaking(text),
        words: isDone ? (problem ?? '') : (lines.at(-1) ?? text.trim().split('\n').at(-1) ?? '').trim(),
      };
    }
    for (const server of servers) await server.close();
    await rm(home, { recursive: true, force: true });
  }
  return { input: input.label ?? input.name, ...(cells as Record<Tool, Cell>) };
}

const textOf = ({ outcome, isLeaking }: Cell) => `${outcome}${isLeaking ? ', password shown' : ''}`;

/**
 * `node test/faults/peers.ts [part of a name]`: forty inputs of the network matrix through pip, uv and ktx in one run. Each tool gets the
 * input in the file or variable that it reads, the package with its hash, and its own retries and limits. A refusal is right where nobody
 * could install, and for ktx only with the right cause; an install is wrong where it should have been refused, or went past the proxy
 * or the index of the input. Ends with the table of docs/installers-compared.md.
 */
const root = await mkdtemp(join(tmpdir(), 'ktx-peers-'));
try {
  const world = await makeWorld(root);
  const peers = await openPeers(world);
  const wanted = process.argv[2] ?? '';
  const rows: PeerRow[] = [];
  for (const [at, input] of INPUTS.entries()) {
    if (!input.name.includes(wanted)) continue;
    const row = await rowOf(world, peers, input, at);
    rows.push(row);
    console.log(`${row.input.padEnd(56)}${TOOLS.map((tool) => textOf(row[tool]).padEnd(34)).join('')}`);
    for (const tool of TOOLS)
      if (row[tool].words) console.log(`    ${tool}: ${row[tool].words.slice(0, 170)}`);
  }
  console.log(`\n| Input | pip | uv | ktx |\n|---|---|---|---|`);
  for (const row of rows)
    console.log(`| ${row.input} | ${TOOLS.map((tool) => textOf(row[tool])).join(' | ')} |`);
  for (const tool of TOOLS) {
    const count = (outcome: Outcome) => rows.filter((row) => row[tool].outcome === outcome).length;
    const leaks = rows.filter((row) => row[tool].isLeaking).length;
    console.log(
      `${tool}: ${count('installed')} installed, ${count('refused rightly')} refused rightly, ${count('refused wrongly')} refused wrongly, ${count('installed wrongly')} installed wrongly; a password shown in ${leaks}`,
    );
  }
} finally {
  await rm(root, { recursive: true, force: true });
}
