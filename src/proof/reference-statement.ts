import * as z from 'zod/mini';
import { postJson } from '../daemon/http/post-json.ts';

/**
 * Uses two tables in ways that only a parser can tell from other names: a CTE has the same name as one of
 * them.
 */
const STATEMENT =
  'with orders as (select id, customer_id from shop.orders) ' +
  'select c.name, count(*) from orders o join shop.customers c on c.id = o.customer_id group by c.name';
const TABLES = ['shop.orders', 'shop.customers'];

const MAX_ANSWER_BYTES = 64 * 1024;

const answerSchema = z.object({
  results: z.object({
    proof: z.object({
      tables_touched: z.array(z.object({ db: z.nullable(z.string()), name: z.string() })),
      error: z.nullable(z.string()),
    }),
  }),
});

/**
 * Lets a daemon analyse the reference statement.
 * @returns the number of tables found: all of them.
 * @throws Error with the daemon's message, or what it found instead.
 */
export async function countTables(
  port: number,
  options: { timeoutMs: number; signal?: AbortSignal },
): Promise<number> {
  const items = [{ id: 'proof', sql: STATEMENT }];
  const answer = await postJson(
    { port },
    '/sql/analyze-batch',
    { dialect: 'postgres', items },
    { ...options, maxAnswerBytes: MAX_ANSWER_BYTES },
  );
  const parsed = answerSchema.safeParse(answer);
  if (!parsed.success) throw new Error(`unexpected answer: ${JSON.stringify(answer).slice(0, 500)}`);
  const { tables_touched: touched, error } = parsed.data.results.proof;
  if (error !== null) throw new Error(error);
  const found = touched.map(({ db, name }) => `${db}.${name}`);
  if (found.join() !== TABLES.join()) {
    throw new Error(`found the tables ${found.join(', ') || '(none)'} instead of ${TABLES.join(', ')}`);
  }
  return found.length;
}
