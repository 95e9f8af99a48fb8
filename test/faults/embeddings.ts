import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { V2_FLAGS } from '../../src/shipped/processor.ts';
import { PACKAGE_ROOT } from '../../src/support/package-root.ts';
import {
  copyEnvironment,
  type Daemon,
  post,
  processesOf,
  type Rig,
  startDaemon,
  stopDaemon,
  timeOfText,
} from '../fixtures/embeddings-rig.ts';
import { plainEnvironment } from '../fixtures/program.ts';

/** Something that keeps vectors from coming, and what a user is told of it. */
export interface EmbeddingFaultRow {
  fault: string;
  said: string;
  problems: string[];
}

interface Fault {
  fault: string;
  /** The file, signal or variable that has to be named. */
  names: RegExp;
  /** The one command that has to be named. */
  helps: RegExp;
  inject(place: Place): Promise<string>;
}

/** A model and an environment of its own for each fault. */
interface Place {
  rig: Rig;
  modelDir: string;
  python: string;
  packageDir: string;
  graph: string;
}

const REFETCH = /Run: ktx setup --feature local-embeddings --force/;

const FAULTS: readonly Fault[] = [
  {
    fault: 'one bit of the weights is wrong',
    names: /model\.safetensors is damaged/,
    helps: REFETCH,
    inject: (place) => afterwards(place, ({ modelDir }) => flipBit(join(modelDir, 'model.safetensors'))),
  },
  {
    fault: 'the weights are missing',
    names: /model\.safetensors is missing/,
    helps: REFETCH,
    inject: (place) => afterwards(place, ({ modelDir }) => rmSync(join(modelDir, 'model.safetensors'))),
  },
  {
    fault: 'the weights are cut while they are in use',
    names: /model\.safetensors has \d+ bytes/,
    helps: REFETCH,
    inject: (place) =>
      whileLoaded(place, ({ modelDir }) => truncateSync(join(modelDir, 'model.safetensors'), 1e6)),
  },
  {
    fault: 'the weights are replaced while they are in use',
    names: /model\.safetensors is damaged/,
    helps: REFETCH,
    inject: (place) =>
      whileLoaded(place, ({ modelDir }) => {
        const path = join(modelDir, 'model.safetensors');
        writeFileSync(`${path}.new`, Buffer.alloc(readFileSync(path).length));
        renameSync(`${path}.new`, path);
      }),
  },
  {
    fault: 'the tokenizer is garbage',
    names: /tokenizer\.json/,
    helps: REFETCH,
    inject: (place) =>
      afterwards(place, ({ modelDir }) => writeFileSync(join(modelDir, 'tokenizer.json'), '{')),
  },
  {
    fault: 'the tokenizer cannot be read',
    names: /tokenizer\.json cannot be read: Is a directory/,
    helps: REFETCH,
    inject: (place) =>
      afterwards(place, ({ modelDir }) => {
        rmSync(join(modelDir, 'tokenizer.json'));
        mkdirSync(join(modelDir, 'tokenizer.json'));
      }),
  },
  {
    fault: 'one bit of the graph in the package is wrong',
    names: /all_minilm_l6_v2\.onnx is damaged/,
    helps: REFETCH,
    inject: (place) => afterwards(place, ({ graph }) => flipBit(graph)),
  },
  {
    fault: 'the library of the engine is cut',
    // Reading what is not there any more ends the process.
    names: /onnxruntime_pybind11_state\S*\.so|SIGBUS.* a file of the model or of the engine was cut/i,
    helps: REFETCH,
    inject: (place) =>
      afterwards(place, ({ packageDir }) => {
        const folder = join(dirname(packageDir), 'onnxruntime', 'capi');
        const library = readdirSync(folder).find((name) => /^onnxruntime_pybind11_state.*\.so$/.test(name))!;
        truncateSync(join(folder, library), 4096);
      }),
  },
  {
    fault: 'a package of the engine is missing',
    names: /no module numpy/,
    helps: /Run: ktx admin runtime install --feature local-embeddings --yes/,
    inject: (place) =>
      afterwards(place, ({ packageDir }) => rmSync(join(dirname(packageDir), 'numpy'), { recursive: true })),
  },
  {
    fault: 'the interpreter is gone',
    names: /bin\/python: No such file/,
    helps: REFETCH,
    inject: (place) => afterwards(place, ({ python }) => rmSync(python)),
  },
  ...(
    [
      ['SIGKILL', /Run: ktx admin runtime stop --all/],
      ['SIGBUS', REFETCH],
      ['SIGILL', /ktx setup --feature core/],
      ['SIGSEGV', REFETCH],
    ] as const
  ).map(([signal, helps]) => ({
    fault: `the engine is ended by ${signal}, each time it starts`,
    names: new RegExp(signal),
    helps,
    inject: (place: Place) => endingEngines(place, signal),
  })),
  ...(
    [
      ['KTX_EMBEDDINGS_THREADS', '0'],
      ['KTX_EMBEDDINGS_IDLE_SECONDS', 'soon'],
    ] as const
  ).map(([name, value]) => ({
    fault: `${name}=${value}: the daemon`,
    names: new RegExp(name),
    helps: new RegExp(`run: unset ${name}`),
    inject: async ({ python, modelDir }: Place) =>
      words([python, '-I', '-m', 'ktx_daemon', 'serve-http', '--port', '0'], {
        KTX_EMBEDDINGS_MODEL_DIR: modelDir,
        [name]: value,
      }),
  })),
  {
    fault: 'KTX_EMBEDDINGS_MODEL_DIR is not set',
    names: /KTX_EMBEDDINGS_MODEL_DIR is not set/,
    helps: REFETCH,
    inject: (place) => refusal(place, { KTX_EMBEDDINGS_MODEL_DIR: '' }),
  },
  {
    fault: 'no /proc',
    names: /\/proc/,
    helps: /Run: mount -t proc proc \/proc/,
    inject: async ({ python, modelDir }) =>
      words(
        [
          'unshare',
          '-mpf',
          'sh',
          '-c',
          `umount -l /proc; echo '{"text":"a"}' | "$0" -I -m ktx_daemon embedding-compute`,
          python,
        ],
        { KTX_EMBEDDINGS_MODEL_DIR: modelDir },
      ),
  },
  {
    fault: 'KTX_EMBEDDINGS_THREADS=0: ktx setup, before it fetches anything',
    names: /KTX_EMBEDDINGS_THREADS is "0"/,
    helps: /unset KTX_EMBEDDINGS_THREADS/,
    inject: async ({ rig }) => setup(rig, [], { KTX_EMBEDDINGS_THREADS: '0' }),
  },
  {
    fault: 'a processor without x86-64-v2: ktx setup, before it fetches anything',
    names: /lacks .*ssse3/,
    helps: /setup .*--feature core/,
    inject: async ({ rig }) => {
      const cpuinfo = join(rig.scratch, 'cpuinfo');
      const flags = new RegExp(`\\b(?:${V2_FLAGS.join('|')})\\b`, 'g');
      writeFileSync(cpuinfo, readFileSync('/proc/cpuinfo', 'utf8').replace(flags, ''));
      const mount = `mount --bind ${cpuinfo} /proc/cpuinfo && exec "$0" "$@"`;
      return setup(rig, ['unshare', '-m', 'sh', '-c', mount]);
    },
  },
  {
    fault: 'the loopback interface is down: ktx embed --no-daemon',
    names: /loopback interface of this machine is down/,
    helps: /ip link set lo up/,
    inject: async ({ rig }) => {
      const module = join(PACKAGE_ROOT, 'src', 'vectors', 'private-daemon.ts');
      const script = `
        import { withPrivateDaemon } from ${JSON.stringify(module)};
        const manifest = { python: { daemonExecutable: ${JSON.stringify(rig.daemonPath)} }, features: ['core'] };
        await withPrivateDaemon({ manifest, cliVersion: '0.1.0', runtimeRoot: '' }, () => {})
          .catch((error) => console.log(error.message, error.nextSteps));`;
      return words(['unshare', '-n', process.execPath, '--input-type=module', '-e', script], {});
    },
  },
];

/** Injects each fault into a copy of an installed runtime. Linux, as root: some take namespaces. */
export async function embeddingFaultRows(
  rig: Rig,
  options: { only?: RegExp; onRow?: (row: EmbeddingFaultRow) => void } = {},
): Promise<EmbeddingFaultRow[]> {
  const rows: EmbeddingFaultRow[] = [];
  for (const [index, { fault, names, helps, inject }] of FAULTS.entries()) {
    if (options.only && !options.only.test(fault)) continue;
    const place = prepare(rig, String(index));
    const said = await inject(place).catch((error: unknown) => `the rig failed: ${error}`);
    const problems = [
      ...(names.test(said) ? [] : [`does not name ${names.source}`]),
      ...(helps.test(said) ? [] : [`does not say ${helps.source}`]),
    ];
    rmSync(join(rig.scratch, `environment-${index}`), { recursive: true, force: true });
    rmSync(place.modelDir, { recursive: true, force: true });
    const row = { fault, said, problems };
    rows.push(row);
    options.onRow?.(row);
  }
  return rows;
}

export function embeddingFaultLine({ fault, said, problems }: EmbeddingFaultRow): string {
  const verdict = problems.length === 0 ? 'named' : 'WRONG';
  return [`${verdict}  ${fault}`, `       ${said.trim().replaceAll('\n', '\n       ')}`, ...problems].join(
    '\n',
  );
}

export function embeddingFaultSummary(rows: readonly EmbeddingFaultRow[]): string {
  const right = rows.filter(({ problems }) => problems.length === 0).length;
  return `${right} of ${rows.length} faults name file, signal or variable and one command that helps`;
}

function prepare(rig: Rig, name: string): Place {
  const modelDir = join(rig.scratch, `model-${name}`);
  mkdirSync(modelDir);
  for (const file of readdirSync(rig.modelDir)) copyFileSync(join(rig.modelDir, file), join(modelDir, file));
  const { python, package: packageDir, graph } = copyEnvironment(rig, `environment-${name}`);
  return { rig, modelDir, python, packageDir, graph };
}

const started = ({ rig, modelDir, python }: Place, env: NodeJS.ProcessEnv = {}): Promise<Daemon> =>
  startDaemon({ ...rig, modelDir }, env, [python, '-I', '-m', 'ktx_daemon']);

/** What the daemon answers to a text. */
async function refusal(place: Place, env?: NodeJS.ProcessEnv): Promise<string> {
  const daemon = await started(place, env);
  try {
    return await asked(daemon);
  } finally {
    await stopDaemon(daemon);
  }
}

async function asked({ port }: Daemon): Promise<string> {
  const answer = await post(port, '/embeddings/compute', { text: 'a' });
  const { detail } = (await answer.json()) as { detail?: string };
  return `${answer.status} ${detail}`;
}

/** The daemon runs, the engine does not yet. */
async function afterwards(place: Place, damage: (place: Place) => void): Promise<string> {
  const daemon = await started(place);
  try {
    damage(place);
    return await asked(daemon);
  } finally {
    await stopDaemon(daemon);
  }
}

async function whileLoaded(place: Place, damage: (place: Place) => void): Promise<string> {
  const daemon = await started(place);
  try {
    await timeOfText(daemon.port, 'a');
    damage(place);
    return await asked(daemon);
  } finally {
    await stopDaemon(daemon);
  }
}

async function endingEngines(place: Place, signal: NodeJS.Signals): Promise<string> {
  const daemon = await started(place);
  const timer = setInterval(() => {
    for (const pid of processesOf(daemon.child.pid!).slice(1)) {
      try {
        // Not before it is Python: until then it is a copy of the daemon.
        if (readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('embeddings.worker'))
          process.kill(pid, signal);
      } catch {
        // It has ended.
      }
    }
  }, 20);
  try {
    return await asked(daemon);
  } finally {
    clearInterval(timer);
    await stopDaemon(daemon);
  }
}

function flipBit(path: string): void {
  const content = readFileSync(path);
  content[content.length >> 1]! ^= 4;
  writeFileSync(path, content);
}

/** Everything that a command prints. */
function words([command, ...args]: string[], env: NodeJS.ProcessEnv): string {
  const { stdout, stderr } = spawnSync(command!, args, { env: { ...process.env, ...env }, encoding: 'utf8' });
  return `${stdout}${stderr}`;
}

/** `ktx setup` on an empty home, without a network: what it says before it would fetch something. */
function setup({ scratch }: Rig, wrapper: readonly string[], env: NodeJS.ProcessEnv = {}): string {
  const home = join(scratch, 'empty-home');
  mkdirSync(home, { recursive: true });
  const launcher = join(PACKAGE_ROOT, 'bin', 'ktx.cjs');
  const command = [
    process.execPath,
    launcher,
    'setup',
    '--yes',
    '--no-input',
    '--feature',
    'local-embeddings',
  ];
  return words([...wrapper, ...command], { ...plainEnvironment(home), ...env });
}
