import {
  createManagedDaemonHttpJsonRunner,
  type ManagedPythonDaemonHttpOptions,
  type ManagedPythonHttpJsonRunner,
} from './daemon-http.ts';

type JsonObject = Record<string, unknown>;

export interface SqlTableRef {
  catalog: string | null;
  db: string | null;
  name: string;
}

export interface SqlAnalysisBatchResult {
  tablesTouched: SqlTableRef[];
  /** Keys: `select`, `where`, `join`, `groupBy`, `having`, `orderBy`; clauses without columns are absent. */
  columnsByClause: Record<string, string[]>;
  /** Why the statement could not be analysed. */
  error?: string | null;
}

const SLOT_TYPES = ['string', 'number', 'timestamp', 'date', 'boolean', 'null', 'unknown'] as const;

export interface SqlFingerprint {
  fingerprint: string;
  normalizedSql: string;
  tablesTouched: string[];
  literalSlots: { position: number; type: (typeof SLOT_TYPES)[number]; exampleValue: string }[];
  error?: string | null;
}

/** SQL analysis by a ktx daemon. Every method rejects when the answer is malformed. */
export interface SqlAnalysisPort {
  analyzeForFingerprint(sql: string, dialect: string): Promise<SqlFingerprint>;
  /** @returns results by id, in the order of the answer. */
  analyzeBatch(
    items: { id: string; sql: string }[],
    dialect: string,
    options?: { catalog?: { tables: (SqlTableRef & { columns?: string[] })[] } },
  ): Promise<Map<string, SqlAnalysisBatchResult>>;
  validateReadOnly(sql: string, dialect: string): Promise<{ ok: boolean; error?: string | null }>;
}

/** SQL analysis through the project's daemon. */
export function createManagedDaemonSqlAnalysisPort(options: ManagedPythonDaemonHttpOptions): SqlAnalysisPort {
  const requestJson: ManagedPythonHttpJsonRunner = createManagedDaemonHttpJsonRunner(options);
  return {
    async analyzeForFingerprint(sql, dialect) {
      return fingerprintOf(await requestJson('/api/sql/analyze-for-fingerprint', { sql, dialect }));
    },
    async analyzeBatch(items, dialect, { catalog } = {}) {
      const payload = { dialect, items, ...(catalog === undefined ? {} : { catalog }) };
      const answer = await requestJson('/sql/analyze-batch', payload);
      const results = Object.entries(objectField(answer, 'results'));
      return new Map(results.map(([id, result]) => [id, batchResultOf(id, result)]));
    },
    async validateReadOnly(sql, dialect) {
      const answer = await requestJson('/sql/validate-read-only', { dialect, sql });
      if (typeof answer['ok'] !== 'boolean') throw malformed('is missing boolean field ok');
      return { ok: answer['ok'], ...errorField(answer) };
    },
  };
}

/** A parsed table identifier, or why there is none. */
export interface LookerParsedIdentifier {
  ok: boolean;
  catalog?: string | null;
  schema?: string | null;
  name?: string | null;
  canonical_table?: string | null;
  reason?: LookerParseFailure | null;
  detail?: string | null;
}

export type LookerParseFailure =
  | 'looker_template_unresolved'
  | 'derived_table_not_supported'
  | 'multiple_table_references'
  | 'no_physical_table'
  | 'unsupported_dialect'
  | 'parse_error';

export interface LookerTableIdentifierParser {
  parse(
    items: { key: string; sql_table_name: string; dialect: string }[],
  ): Promise<Record<string, LookerParsedIdentifier>>;
}

/** Parses Looker's `sql_table_name` through the project's daemon. */
export function createManagedDaemonLookerTableIdentifierParser(
  options: ManagedPythonDaemonHttpOptions,
): LookerTableIdentifierParser {
  const requestJson = createManagedDaemonHttpJsonRunner(options);
  return {
    async parse(items) {
      const { results } = await requestJson('/sql/parse-table-identifier', { items });
      if (!isObject(results)) {
        throw new Error('ktx-daemon table identifier parser returned invalid results');
      }
      return results as Record<string, LookerParsedIdentifier>;
    },
  };
}

function batchResultOf(id: string, result: unknown): SqlAnalysisBatchResult {
  if (!isObject(result)) throw malformed(`contains invalid batch result ${id}`);
  const tables = result['tables_touched'];
  if (!Array.isArray(tables)) throw malformed('is missing table-ref[] field tables_touched');
  const clauses = Object.entries(objectField(result, 'columns_by_clause'));
  return {
    tablesTouched: tables.map(tableRefOf),
    columnsByClause: Object.fromEntries(
      clauses.map(([clause, columns]) => [clause, stringsField(columns, `columns_by_clause.${clause}`)]),
    ),
    ...errorField(result),
  };
}

function tableRefOf(table: unknown, position: number): SqlTableRef {
  const where = `tables_touched.${position}`;
  if (!isObject(table)) throw malformed(`contains invalid table ref in ${where}`);
  const { name } = table;
  if (typeof name !== 'string' || name === '') throw malformed(`table ref in ${where} is missing name`);
  return { catalog: nullableString(table, 'catalog'), db: nullableString(table, 'db'), name };
}

function fingerprintOf(answer: JsonObject): SqlFingerprint {
  const slots = answer['literal_slots'];
  const fingerprint = stringField(answer, 'fingerprint');
  const normalizedSql = stringField(answer, 'normalized_sql');
  const tablesTouched = stringsField(answer['tables_touched'], 'tables_touched');
  if (!Array.isArray(slots)) throw malformed('is missing literal_slots array');
  return {
    fingerprint,
    normalizedSql,
    tablesTouched,
    literalSlots: slots.map(slotOf),
    ...errorField(answer),
  };
}

function slotOf(slot: unknown): SqlFingerprint['literalSlots'][number] {
  if (!isObject(slot)) throw malformed('contains invalid literal slot');
  const { position, type, example_value: exampleValue } = slot;
  if (typeof position !== 'number') throw malformed('literal slot is missing numeric position');
  const knownType = SLOT_TYPES.find((known) => known === type);
  if (!knownType) throw malformed('literal slot is missing valid type');
  if (typeof exampleValue !== 'string') throw malformed('literal slot is missing example_value');
  return { position, type: knownType, exampleValue };
}

function objectField(answer: JsonObject, field: string): JsonObject {
  const value = answer[field];
  if (!isObject(value)) throw malformed(`is missing object field ${field}`);
  return value;
}

function stringField(answer: JsonObject, field: string): string {
  const value = answer[field];
  if (typeof value !== 'string') throw malformed(`is missing string field ${field}`);
  return value;
}

function stringsField(value: unknown, field: string): string[] {
  if (Array.isArray(value) && value.every((item) => typeof item === 'string')) return value;
  throw malformed(`is missing string[] field ${field}`);
}

function nullableString(object: JsonObject, field: string): string | null {
  const value = object[field] ?? null;
  if (value !== null && typeof value !== 'string') {
    throw malformed(`has invalid optional nullable string field ${field}`);
  }
  return value;
}

/** Absent only if the answer has none. */
function errorField({ error }: JsonObject): { error?: string | null } {
  if (error === undefined) return {};
  if (error === null || typeof error === 'string') return { error };
  throw malformed('has invalid optional string field error');
}

function malformed(fault: string): Error {
  return new Error(`sql analysis response ${fault}`);
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
