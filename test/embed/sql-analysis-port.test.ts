import { describe, expect, it, vi } from 'vitest';
import {
  createManagedDaemonLookerTableIdentifierParser,
  createManagedDaemonSqlAnalysisPort,
} from '../../src/embed/sql-analysis-port.ts';

function portOf(answer: unknown) {
  const requestJson = vi.fn(async (..._args: unknown[]) => answer as Record<string, unknown>);
  return { port: createManagedDaemonSqlAnalysisPort({ requestJson }), requestJson };
}

const table = { catalog: null, db: 'shop', name: 'orders' };
const result = { tables_touched: [table], columns_by_clause: { select: ['id'], later: ['x'] }, error: null };

describe('SQL analysis through a daemon', () => {
  it('returns the results of a batch in the order of the answer', async () => {
    const { port, requestJson } = portOf({ results: { b: result, a: { ...result, error: 'no' } } });
    const results = await port.analyzeBatch([{ id: 'a', sql: 'x' }], 'postgres');
    expect([...results.keys()]).toEqual(['b', 'a']);
    const columnsByClause = { select: ['id'], later: ['x'] };
    expect(results.get('b')).toEqual({ tablesTouched: [table], columnsByClause, error: null });
    expect(requestJson.mock.calls).toEqual([
      ['/sql/analyze-batch', { dialect: 'postgres', items: [{ id: 'a', sql: 'x' }] }],
    ]);
    await port.analyzeBatch([], 'bigquery', { catalog: { tables: [table] } });
    expect(requestJson.mock.calls[1]![1]).toEqual({
      dialect: 'bigquery',
      items: [],
      catalog: { tables: [table] },
    });
  });

  it('leaves out an error only where the answer has none', async () => {
    const { error: _, ...withoutError } = result;
    const { port } = portOf({ results: { a: { ...withoutError, tables_touched: [{ name: 't' }] } } });
    const read = (await port.analyzeBatch([], '')).get('a')!;
    expect(read).not.toHaveProperty('error');
    expect(read.tablesTouched).toEqual([{ catalog: null, db: null, name: 't' }]);
    expect(await portOf({ ok: true }).port.validateReadOnly('s', 'd')).toEqual({ ok: true });
    const verdict = portOf({ ok: false, error: 'no' });
    expect(await verdict.port.validateReadOnly('s', 'd')).toEqual({ ok: false, error: 'no' });
    expect(verdict.requestJson.mock.calls).toEqual([['/sql/validate-read-only', { dialect: 'd', sql: 's' }]]);
  });

  it.each([
    [{}, 'is missing object field results'],
    [{ results: [] }, 'is missing object field results'],
    [{ results: { q: 1 } }, 'contains invalid batch result q'],
    [{ results: { q: { ...result, tables_touched: 1 } } }, 'is missing table-ref[] field tables_touched'],
    [
      { results: { q: { ...result, tables_touched: [1] } } },
      'contains invalid table ref in tables_touched.0',
    ],
    [
      { results: { q: { ...result, tables_touched: [table, { name: '' }] } } },
      'table ref in tables_touched.1 is missing name',
    ],
    [
      { results: { q: { ...result, tables_touched: [{ name: 't', db: 1 }] } } },
      'has invalid optional nullable string field db',
    ],
    [{ results: { q: { ...result, columns_by_clause: [] } } }, 'is missing object field columns_by_clause'],
    [
      { results: { q: { ...result, columns_by_clause: { where: [1] } } } },
      'is missing string[] field columns_by_clause.where',
    ],
    [{ results: { q: { ...result, error: 1 } } }, 'has invalid optional string field error'],
  ])('refuses %j', async (answer, fault) => {
    await expect(portOf(answer).port.analyzeBatch([], '')).rejects.toThrow(
      new Error(`sql analysis response ${fault}`),
    );
  });

  it('rejects an invalid verdict', async () => {
    const fault = 'sql analysis response is missing boolean field ok';
    await expect(portOf({ ok: 1 }).port.validateReadOnly('', '')).rejects.toThrow(new Error(fault));
  });

  const slot = { position: 0, type: 'number', example_value: '1' };
  const print = { fingerprint: 'f', normalized_sql: 'n', tables_touched: ['t'], literal_slots: [slot] };

  it('reads a fingerprint', async () => {
    const { port, requestJson } = portOf(print);
    expect(await port.analyzeForFingerprint('select 1', 'duckdb')).toEqual({
      fingerprint: 'f',
      normalizedSql: 'n',
      tablesTouched: ['t'],
      literalSlots: [{ position: 0, type: 'number', exampleValue: '1' }],
    });
    const payload = { sql: 'select 1', dialect: 'duckdb' };
    expect(requestJson.mock.calls).toEqual([['/api/sql/analyze-for-fingerprint', payload]]);
  });

  it.each([
    [{ fingerprint: 1 }, 'is missing string field fingerprint'],
    [{ normalized_sql: null }, 'is missing string field normalized_sql'],
    [{ tables_touched: [1] }, 'is missing string[] field tables_touched'],
    [{ literal_slots: {} }, 'is missing literal_slots array'],
    [{ literal_slots: [1] }, 'contains invalid literal slot'],
    [{ literal_slots: [{ ...slot, position: '0' }] }, 'literal slot is missing numeric position'],
    [{ literal_slots: [{ ...slot, type: 'blob' }] }, 'literal slot is missing valid type'],
    [{ literal_slots: [{ ...slot, example_value: 1 }] }, 'literal slot is missing example_value'],
  ])('refuses a fingerprint with %j', async (part, fault) => {
    await expect(portOf({ ...print, ...part }).port.analyzeForFingerprint('', '')).rejects.toThrow(
      new Error(`sql analysis response ${fault}`),
    );
  });
});

it('parses table identifiers of Looker', async () => {
  const results = { k: { ok: true, name: 't' } };
  const requestJson = vi.fn(async (..._args: unknown[]) => ({ results }) as Record<string, unknown>);
  const items = [{ key: 'k', sql_table_name: 't', dialect: 'postgres' }];
  const parser = createManagedDaemonLookerTableIdentifierParser({ requestJson });
  expect(await parser.parse(items)).toBe(results);
  expect(requestJson.mock.calls).toEqual([['/sql/parse-table-identifier', { items }]]);
  requestJson.mockResolvedValueOnce({ results: [] });
  const invalid = 'ktx-daemon table identifier parser returned invalid results';
  await expect(parser.parse(items)).rejects.toThrow(new Error(invalid));
});
