import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { SetupEvent, SetupResult } from '../../src/core/events.ts';
import { allocateDaemonPort } from '../../src/daemon/http/port.ts';
import { postJson } from '../../src/daemon/http/post-json.ts';
import { PATIENT } from '../fixtures/patient.ts';
import { plainEnvironment, runProgram } from '../fixtures/program.ts';
import { mixedStatements, type Statement } from '../fixtures/sql-statements.ts';
import { temporaryFolderForFile } from '../fixtures/temporary-folder.ts';

/** `npm run test:load` sends 10,000. */
const STATEMENT_COUNT = Number(process.env['KTX_LOAD_STATEMENTS'] ?? 1000);
const TIMEOUT_MS = 300_000 + STATEMENT_COUNT * 100;
const POST = { timeoutMs: TIMEOUT_MS, maxAnswerBytes: 2 ** 28 };
/** A batch more or less moves it by some megabytes; a leak of one tree a statement would be hundreds. */
const FLAT_BYTES = 40 * 2 ** 20;
const MIN_EFFICIENCY = 0.8;
const TICKS_PER_SECOND = 100;

interface Result {
  tables_touched: { name: string }[];
  error: string | null;
}

/** Processor seconds of parsing the statements with sqlglot alone, in one process of the same environment. */
const DIRECT = `
import json, logging, sys, time, sqlglot
logging.disable(logging.CRITICAL)
statements = json.load(sys.stdin)
def parse(statement):
    try:
        sqlglot.parse(statement["sql"], dialect=statement["dialect"])
    except Exception:
        pass
for statement in statements[:200]:
    parse(statement)
begun = time.process_time()
for statement in statements:
    parse(statement)
print(time.process_time() - begun)
`;

let result: SetupResult;
let port: number;
let daemon: ReturnType<typeof spawn>;

beforeAll(async () => {
  const env = plainEnvironment(await temporaryFolderForFile());
  const setup = await runProgram(['setup', '--yes', '--no-input', '--json'], { env });
  const last: SetupEvent = JSON.parse(setup.stdout.trim().split('\n').at(-1)!);
  result = (last as Extract<SetupEvent, { type: 'done' }>).result;
  port = await allocateDaemonPort();
  daemon = spawn(result.daemonPath, ['serve-http', '--port', String(port), '--log-level', 'warning'], {
    env,
    stdio: 'ignore',
  });
  await vi.waitFor(() => analyse([]), { ...PATIENT, interval: 100 });
});
afterAll(() => {
  daemon?.kill('SIGKILL');
});

async function analyse(statements: readonly Statement[]): Promise<Map<string, Result>> {
  const byDialect = Map.groupBy(statements, ({ dialect }) => dialect);
  const results = new Map<string, Result>();
  for (const [dialect, items] of byDialect.size > 0
    ? byDialect
    : [['postgres', [] as Statement[]] as const]) {
    const body = { dialect, items: items.map(({ id, sql }) => ({ id, sql })) };
    const answer = (await postJson({ port }, '/sql/analyze-batch', body, POST)) as {
      results: Record<string, Result>;
    };
    for (const [id, found] of Object.entries(answer.results)) results.set(id, found);
  }
  return results;
}

const statOf = (pid: number | string) =>
  readFileSync(`/proc/${pid}/stat`, 'utf8').split(')').at(-1)!.trim().split(' ');
const workers = () =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        return Number(statOf(pid)[1]) === daemon.pid && statOf(pid)[0] !== 'Z';
      } catch {
        return false;
      }
    });
const family = () => [daemon.pid!, ...workers()];
const processorSeconds = () =>
  family()
    .flatMap((pid) => statOf(pid).slice(11, 13).map(Number))
    .reduce((sum, ticks) => sum + ticks / TICKS_PER_SECOND, 0);
const ownBytes = () =>
  family()
    .map(
      (pid) => Number(/^RssAnon:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) * 1024,
    )
    .reduce((sum, bytes) => sum + bytes, 0);

describe(`${STATEMENT_COUNT} statements of mixed dialects and lengths`, () => {
  it('each read as it is, no slower than 0.8 of the parser alone, memory flat', {
    timeout: TIMEOUT_MS,
  }, async () => {
    const statements = mixedStatements(STATEMENT_COUNT);
    // Every worker has every dialect then.
    await analyse(mixedStatements(Math.min(STATEMENT_COUNT, 1000)));
    const [memoryBefore, begun] = [ownBytes(), processorSeconds()];
    const results = await analyse(statements);
    const [memoryAfter, seconds] = [ownBytes(), processorSeconds() - begun];

    const wrong = statements.filter(({ id, tables }) => {
      const found = results.get(id)!;
      if (tables === null) return found.error === null || found.tables_touched.length > 0;
      return found.error !== null || found.tables_touched.map(({ name }) => name).join() !== tables.join();
    });
    expect(wrong.map(({ id, sql }) => [id, sql.slice(0, 200), results.get(id)])).toEqual([]);
    expect(results.size).toBe(STATEMENT_COUNT);
    expect(memoryAfter - memoryBefore).toBeLessThan(FLAT_BYTES);

    if (!process.env['KTX_LOAD_STATEMENTS']) return;
    const input = JSON.stringify(statements);
    const direct = Number(execFileSync(result.pythonPath, ['-I', '-c', DIRECT], { input }).toString());
    const memory = `${Math.round(memoryBefore / 1e6)} MB before, ${Math.round(memoryAfter / 1e6)} MB after`;
    console.log(
      `${STATEMENT_COUNT} statements: ${seconds.toFixed(1)} s of processor time, sqlglot alone ${direct.toFixed(1)} s: ` +
        `${(direct / seconds).toFixed(2)} of its throughput per core; ${memory}`,
    );
    expect(direct / seconds).toBeGreaterThan(MIN_EFFICIENCY);
  });

  it('hostile ones cost their own time, and the workers stay', { timeout: TIMEOUT_MS }, async () => {
    await analyse(mixedStatements(200));
    const before = workers();
    const hostile: Statement[] = [
      `select ${'('.repeat(400)}1${')'.repeat(400)}`,
      `select x from t where a = 1${' or a = 1'.repeat(20_000)}`,
      `select ${'case when '.repeat(5000)}1`,
      `select ${'not '.repeat(20_000)} a from t`,
      `select 1 ${'union all select 1 '.repeat(5000)}`,
      `with c0 as (select * from t)${Array.from({ length: 60 }, (_, n) => `, c${n + 1} as (select a.*, b.* from c${n} a, c${n} b)`).join('')} select z from c60`,
    ].map((sql, index) => ({ id: `hostile ${index}`, dialect: 'postgres', sql, tables: null }));
    for (const statement of hostile) {
      const begun = processorSeconds();
      const found = (await analyse([statement])).get(statement.id)!;
      const seconds = processorSeconds() - begun;
      if (process.env['KTX_LOAD_STATEMENTS'])
        console.log(`${statement.sql.slice(0, 40)}…: ${seconds.toFixed(1)} s, ${found.error ?? 'read'}`);
    }
    // Nobody was ended, or at most for its time; the next batch is read as ever.
    expect(workers().filter((pid) => before.includes(pid)).length).toBe(before.length);
    const [statement] = mixedStatements(1);
    expect((await analyse([statement!])).get('0')!.error).toBeNull();
  });

  it('kill -9 of the daemon leaves no worker', async () => {
    await analyse(mixedStatements(200));
    const orphans = workers();
    expect(orphans.length).toBeGreaterThan(0);
    daemon.kill('SIGKILL');
    await once(daemon, 'exit');
    const isRunning = (pid: number) => {
      try {
        return statOf(pid)[0] !== 'Z';
      } catch {
        return false;
      }
    };
    while (orphans.some(isRunning)) await delay(100);
  });
});
