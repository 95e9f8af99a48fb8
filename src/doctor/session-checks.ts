import * as z from 'zod/mini';
import { largestDifference } from '../daemon/http/embedding.ts';
import { REFERENCE_TEXT, REFERENCE_VECTOR } from '../proof/reference-vector.ts';
import { normaliseProject } from '../support/text/project-name.ts';

/** Results differ by less than this across platforms. */
const MAX_DIFFERENCE = 1e-5;

const STATEMENT = `WITH recent AS (SELECT * FROM sales.orders WHERE placed_at > now() - interval '1 day')
SELECT c.name, count(*) FROM recent JOIN sales.customers c ON c.id = recent.customer_id GROUP BY c.name`;
const STATEMENT_TABLES = ['sales.customers', 'sales.orders'];

/** The expected state of a session's environment. */
export interface Expected {
  /** `sys.prefix`, links resolved. */
  prefix: string;
  /** Name and version of the wheel in the installed manifest. @throws Error when it cannot be read. */
  wheelName(): string;
  wheelVersion(): string;
  /**
   * Version by normalised name of every distribution of the lock; `null` for a wheel without a lock.
   * @throws Error when the lock cannot be read.
   */
  packagesFor(pythonVersion: string): ReadonlyMap<string, string> | null;
}

/** A request to a session: code that displays one JSON value, and its evaluation. */
export interface SessionCheck {
  id: 'kernel' | 'import' | 'versions' | 'analysis' | 'embedding';
  label: string;
  budgetMs: number;
  /** If it fails, further requests are impossible. */
  isBasic?: true;
  fix: string;
  code: string;
  /**
   * @returns the detail of a pass. @throws Error with the detail of a failure; ZodError for an invalid value.
   */
  judge(value: unknown, expected: Expected, session: { pythonVersion: string }): string;
}

const REBUILD = 'Run: ktx setup --force';

const kernelSchema = z.object({ version: z.string(), executable: z.string(), prefix: z.string() });
const importSchema = z.object({ module: z.string(), version: z.string() });
const versionsSchema = z.array(z.object({ name: z.string(), version: z.string() }));
const analysisSchema = z.object({
  tables: z.array(z.object({ db: z.nullable(z.string()), name: z.string() })),
  error: z.nullable(z.string()),
  ms: z.number(),
});
const embeddingSchema = z.object({ vector: z.array(z.unknown()), ms: z.number() });

export const KERNEL_CHECK: SessionCheck = {
  id: 'kernel',
  label: 'Python session',
  budgetMs: 10_000,
  isBasic: true,
  fix: REBUILD,
  code: `import os, sys
display({'application/json': {
    'version': '%d.%d.%d' % sys.version_info[:3],
    'executable': sys.executable,
    'prefix': os.path.realpath(sys.prefix),
}}, raw=True)`,
  judge(value, { prefix }) {
    const answer = kernelSchema.parse(value);
    if (answer.prefix !== prefix)
      throw new Error(`The interpreter belongs to another environment: sys.prefix is ${answer.prefix}`);
    return `Python ${answer.version} (${answer.executable})`;
  },
};

export function pythonVersionOf(value: unknown): string {
  return kernelSchema.parse(value).version;
}

/** Empty files import without an error, so this also checks that every file has content. */
export const IMPORT_CHECK: SessionCheck = {
  id: 'import',
  label: 'ktx Python package',
  budgetMs: 30_000,
  isBasic: true,
  fix: REBUILD,
  code: `def ktx_import():
    import importlib, importlib.metadata, os, sys
    distribution = importlib.metadata.distribution('kaelio-ktx')
    files = list(distribution.files or [])
    for file in files:
        if file.size and (not os.path.exists(file.locate()) or os.path.getsize(file.locate()) == 0):
            raise ImportError('%s is empty or missing' % file)
    packages = {file.parts[0] for file in files if len(file.parts) > 1 and file.name == '__init__.py'}
    name = 'kaelio_ktx' if 'kaelio_ktx' in packages else 'ktx_daemon'
    for package in [name] + sorted(packages - {name}):
        module = importlib.import_module(package)
        path = os.path.realpath(module.__file__ or '')
        if not path.startswith(os.path.realpath(sys.prefix) + os.sep):
            raise ImportError('%s comes from outside the environment: %s' % (package, path or 'no file'))
        for export in getattr(module, '__all__', []):
            if not hasattr(module, export):
                raise ImportError('%s does not have %s' % (package, export))
    display({'application/json': {'module': name, 'version': distribution.version}}, raw=True)
ktx_import()`,
  judge(value) {
    const { module, version } = importSchema.parse(value);
    return `${module} ${version}`;
  },
};

export const VERSIONS_CHECK: SessionCheck = {
  id: 'versions',
  label: 'Package versions',
  budgetMs: 10_000,
  fix: REBUILD,
  code: `def ktx_versions():
    import importlib.metadata
    found = [(d.metadata['Name'], d.version) for d in importlib.metadata.distributions()]
    display({'application/json': [
        {'name': str(name), 'version': str(version)} for name, version in found
    ]}, raw=True)
ktx_versions()`,
  judge(value, { wheelName, wheelVersion, packagesFor }, { pythonVersion }) {
    const own = wheelName();
    const found = versionsSchema
      .parse(value)
      .map((entry) => ({ ...entry, name: normaliseProject(entry.name) }));
    const wheel = found.find(({ name }) => name === own)?.version ?? 'missing';
    const wanted = wheelVersion();
    if (wheel !== wanted) throw new Error(`${own} is ${wheel}, the manifest says ${wanted}`);
    const locked = packagesFor(pythonVersion);
    if (locked === null) return `${own} ${wheel}`;
    const problems = differences(
      found.filter(({ name }) => name !== own),
      locked,
    );
    if (problems.length > 0) throw new Error(listed(problems));
    return `${own} ${wheel} and ${locked.size} packages as locked`;
  },
};

export const ANALYSIS_CHECK: SessionCheck = {
  id: 'analysis',
  label: 'SQL analysis',
  budgetMs: 30_000,
  fix: REBUILD,
  code: `def ktx_analysis():
    import time
    from ktx_daemon.sql.analysis import analyse
    started = time.perf_counter()
    result = analyse(${JSON.stringify(STATEMENT)}, 'postgres')
    display({'application/json': {
        'tables': [{'db': table['db'], 'name': table['name']} for table in result['tables_touched']],
        'error': result['error'],
        'ms': (time.perf_counter() - started) * 1000,
    }}, raw=True)
ktx_analysis()`,
  judge(value) {
    const { tables, error, ms } = analysisSchema.parse(value);
    if (error !== null) throw new Error(error);
    const found = tables.map(({ db, name }) => (db === null ? name : `${db}.${name}`)).sort();
    if (found.join() !== STATEMENT_TABLES.join())
      throw new Error(`Found ${found.join(', ') || 'no table'} instead of ${STATEMENT_TABLES.join(', ')}`);
    return `${Math.round(ms)} ms`;
  },
};

export const EMBEDDING_CHECK: SessionCheck = {
  id: 'embedding',
  label: 'Local embedding',
  budgetMs: 120_000,
  fix: 'Run: ktx setup --force --feature local-embeddings',
  code: `def ktx_embedding():
    import time
    from ktx_daemon.embeddings.loading import load_provider
    started = time.perf_counter()
    vector = load_provider().embed([${JSON.stringify(REFERENCE_TEXT)}])[0]
    display({'application/json': {
        'vector': [float(number) for number in vector],
        'ms': (time.perf_counter() - started) * 1000,
    }}, raw=True)
ktx_embedding()`,
  judge(value) {
    const { vector, ms } = embeddingSchema.parse(value);
    if (vector.length !== REFERENCE_VECTOR.length)
      throw new Error(`The vector has ${vector.length} numbers instead of ${REFERENCE_VECTOR.length}`);
    // The session sends numbers that JSON lacks, such as NaN, as text.
    if (!vector.every((number) => typeof number === 'number'))
      throw new Error('The vector has a number that is none');
    const difference = largestDifference(vector as number[], REFERENCE_VECTOR);
    if (!(difference <= MAX_DIFFERENCE))
      throw new Error(`The vector differs from its reference by ${difference.toPrecision(2)}`);
    return `all-MiniLM-L6-v2, ${vector.length} dimensions, ${Math.round(ms)} ms`;
  },
};

function differences(
  found: readonly { name: string; version: string }[],
  locked: ReadonlyMap<string, string>,
): string[] {
  const problems: string[] = [];
  const seen = new Set<string>();
  for (const { name, version } of found) {
    const wanted = locked.get(name);
    if (wanted === undefined) problems.push(`${name} ${version} is not in the lock`);
    else if (wanted !== version) problems.push(`${name} is ${version} instead of ${wanted}`);
    else if (seen.has(name)) problems.push(`${name} is there twice`);
    seen.add(name);
  }
  for (const [name, version] of locked) {
    if (!seen.has(name)) problems.push(`${name} ${version} is missing`);
  }
  return problems;
}

const LISTED = 5;

function listed(problems: readonly string[]): string {
  const more = problems.length - LISTED;
  return [...problems.slice(0, LISTED), ...(more > 0 ? [`${more} more`] : [])].join('; ');
}
