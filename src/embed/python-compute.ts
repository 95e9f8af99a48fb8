import { endingText } from '../process/ending.ts';
import { runProcess } from '../process/run-process.ts';

/**
 * Computations of the semantic layer in an embedder's Python package. Our own package does not contain one.
 */
export interface KtxSemanticLayerComputePort {
  query(input: { sources: object[]; query: object; dialect: string }): Promise<SemanticLayerQueryResult>;
  validateSources(input: {
    sources: object[];
    dialect: string;
    recentlyTouched?: string[];
  }): Promise<SemanticLayerValidation>;
  generateSources(input: SourceGenerationInput): Promise<{ sources: JsonObject[]; sourceCount: number }>;
}

export interface SemanticLayerQueryResult {
  sql: string;
  dialect: string;
  columns: JsonObject[];
  plan: JsonObject;
}

export interface SemanticLayerValidation {
  valid: boolean;
  errors: string[];
  warnings: string[];
  perSourceWarnings: Record<string, string[]>;
}

export interface SourceGenerationInput {
  tables: {
    name: string;
    catalog?: string | null;
    db?: string | null;
    comment?: string | null;
    columns: {
      name: string;
      type: string;
      primaryKey?: boolean;
      nullable?: boolean;
      comment?: string | null;
    }[];
  }[];
  links: {
    fromTable: string;
    fromColumn: string;
    toTable: string;
    toColumn: string;
    relationshipType: string;
  }[];
  dialect?: string;
}

type JsonObject = Record<string, unknown>;

const MAX_ANSWER_BYTES = 256 * 1024 * 1024;

/**
 * A port that runs `<command> <args…> semantic-…` once per call, with JSON on stdin and stdout.
 * @throws Error with the command's stderr or exit code when it fails; the system's error when it cannot be
 * started.
 */
export function createPythonSemanticLayerComputePort(options: {
  command: string;
  args: readonly string[];
}): KtxSemanticLayerComputePort {
  const ask = (oneShot: string, payload: object) => runOneShot(options, oneShot, payload);
  return {
    async query({ sources, query, dialect }) {
      const answer = await ask('semantic-query', { sources, dialect, query });
      return {
        sql: typeof answer['sql'] === 'string' ? answer['sql'] : '',
        dialect: typeof answer['dialect'] === 'string' ? answer['dialect'] : dialect,
        columns: objectsOf(answer['columns']),
        plan: isObject(answer['plan']) ? answer['plan'] : {},
      };
    },
    async validateSources({ sources, dialect, recentlyTouched }) {
      const payload = { sources, dialect, recently_touched: recentlyTouched };
      const answer = await ask('semantic-validate', payload);
      const perSource = answer['per_source_warnings'];
      return {
        valid: answer['valid'] === true,
        errors: stringsOf(answer['errors']),
        warnings: stringsOf(answer['warnings']),
        perSourceWarnings: isObject(perSource) ? (perSource as Record<string, string[]>) : {},
      };
    },
    async generateSources(input) {
      const answer = await ask('semantic-generate-sources', generationPayload(input));
      const sources = objectsOf(answer['sources']);
      const count = answer['source_count'];
      return { sources, sourceCount: typeof count === 'number' ? count : sources.length };
    },
  };
}

async function runOneShot(
  { command, args }: { command: string; args: readonly string[] },
  oneShot: string,
  payload: object,
): Promise<JsonObject> {
  const outcome = await runProcess({
    command,
    args: [...args, oneShot],
    stdin: `${JSON.stringify(payload)}\n`,
    maxCaptureBytes: MAX_ANSWER_BYTES,
  });
  if (outcome.exitCode !== 0) {
    const said = outcome.stderr.trim();
    const reason = outcome.signal
      ? `it ${endingText(null, outcome.signal)}${said && `: ${said}`}`
      : said || `exit code ${outcome.exitCode}`;
    throw new Error(`ktx-daemon ${oneShot} failed: ${reason}`);
  }
  const answer: unknown = JSON.parse(outcome.stdout);
  if (!isObject(answer)) throw new Error(`ktx-daemon ${oneShot} returned non-object JSON`);
  return answer;
}

/** `JSON.stringify` omits optional fields that are `undefined`. */
function generationPayload({ tables, links, dialect = 'postgres' }: SourceGenerationInput): object {
  return {
    tables: tables.map(({ name, catalog, db, comment, columns }) => ({
      name,
      catalog,
      db,
      comment,
      columns: columns.map((column) => ({
        name: column.name,
        type: column.type,
        primary_key: column.primaryKey,
        nullable: column.nullable,
        comment: column.comment,
      })),
    })),
    links: links.map((link) => ({
      from_table: link.fromTable,
      from_column: link.fromColumn,
      to_table: link.toTable,
      to_column: link.toColumn,
      relationship_type: link.relationshipType,
    })),
    dialect,
  };
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function objectsOf(value: unknown): JsonObject[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}

function stringsOf(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}
