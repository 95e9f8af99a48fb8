import { spawn } from 'node:child_process';
import { get, request } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

/** What somebody types, one after the other: programs to their end, and then a daemon until it answers. */
export interface Typed {
  commands: readonly (readonly string[])[];
  /** The daemon's program; absent: nothing is started. */
  daemonPath?: string;
  /** Ask for a vector too. */
  embed?: boolean;
  /** Ask for the analysis of a statement too. */
  analyse?: boolean;
  env: NodeJS.ProcessEnv;
}

const STATEMENT = {
  dialect: 'postgres',
  items: [{ id: '1', sql: 'select o.id from shop.orders o join shop.customers c on c.id = o.customer_id' }],
};

/** How long it takes, in milliseconds. @throws Error when a command fails. */
export async function timeTyped({ commands, daemonPath, env, ...asked }: Typed): Promise<number> {
  const startedAt = performance.now();
  for (const [command = '', ...args] of commands) await outputOf(command, args, env);
  if (daemonPath !== undefined) await askDaemon(daemonPath, env, asked);
  return performance.now() - startedAt;
}

function outputOf(command: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
    let printed = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk) => {
        printed = `${printed}${chunk}`.slice(-2000);
      });
    child.once('error', reject);
    child.once('close', (code) =>
      code === 0 ? resolve() : reject(new Error(`${command} ${args.join(' ')} ${code}: ${printed}`)),
    );
  });
}

async function askDaemon(
  daemonPath: string,
  env: NodeJS.ProcessEnv,
  { embed = false, analyse = false }: Pick<Typed, 'embed' | 'analyse'>,
): Promise<void> {
  const port = await freePort();
  const child = spawn(
    daemonPath,
    ['serve-http', '--host', '127.0.0.1', '--port', String(port), '--log-level', 'warning'],
    { env, stdio: ['ignore', 'ignore', 'inherit'] },
  );
  const ended = new Promise((resolve) => child.once('exit', resolve));
  try {
    while (!(await isHealthy(port))) {
      if (child.exitCode !== null) throw new Error(`${daemonPath} ended with ${child.exitCode}`);
      await delay(10);
    }
    if (analyse) await post(port, '/sql/analyze-batch', STATEMENT);
    if (embed) await post(port, '/embeddings/compute', { text: 'hello world' });
  } finally {
    child.kill('SIGKILL');
    await ended;
  }
}

function isHealthy(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    get({ host: '127.0.0.1', port, path: '/health', agent: false }, (response) => {
      response.resume();
      response.once('end', () => resolve(response.statusCode === 200));
    }).once('error', () => resolve(false));
  });
}

function post(port: number, path: string, body: object): Promise<void> {
  return new Promise((resolve, reject) => {
    const call = request(
      {
        host: '127.0.0.1',
        port,
        path,
        method: 'POST',
        agent: false,
        headers: { 'content-type': 'application/json' },
      },
      (response) => {
        response.resume();
        response.once('end', () =>
          response.statusCode === 200 ? resolve() : reject(new Error(`HTTP ${response.statusCode}`)),
        );
      },
    );
    call.once('error', reject);
    call.end(JSON.stringify(body));
  });
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

// `node timed-commands.ts '<Typed as JSON>'` for another network namespace: prints the time on the last line.
if (process.argv[1] === import.meta.filename) {
  console.log(JSON.stringify({ durationMs: await timeTyped(JSON.parse(process.argv[2]!)) }));
}
