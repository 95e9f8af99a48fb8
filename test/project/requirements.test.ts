import { describe, expect, it } from 'vitest';
import {
  type KtxRuntimeProjectConfig,
  resolveProjectRuntimeRequirements,
  resolvePublicIngestRuntimeRequirements,
} from '../../src/project/requirements.ts';

const DAEMON = { KTX_DAEMON_URL: 'http://daemon.example' };
const ANALYSIS = { KTX_SQL_ANALYSIS_URL: 'http://analysis.example' };
const looker = { feature: 'core', reason: 'looker-source', detail: 'bi uses Looker identifier parsing.' };
const history = { feature: 'core', reason: 'query-history', detail: 'db has query history enabled.' };
const introspection = {
  feature: 'core',
  reason: 'database-introspection',
  detail: 'Database introspection fallback uses the ktx daemon.',
};
const embeddings = {
  feature: 'local-embeddings',
  reason: 'local-embeddings',
  detail: 'Local sentence-transformers embeddings use the managed Python runtime.',
};
const LOOKER = { connections: { bi: { driver: 'looker' } } };
const HISTORY = { connections: { db: { driver: 'postgres', context: { queryHistory: { enabled: true } } } } };
const EMBEDDINGS = { ingest: { embeddings: { backend: 'sentence-transformers' } } };

describe('resolveProjectRuntimeRequirements', () => {
  it.each<[string, KtxRuntimeProjectConfig]>([
    ['nothing at all', {}],
    ['empty parts', { connections: {}, ingest: {} }],
    ['null parts, as YAML leaves them', { connections: { db: null }, ingest: null }],
    ['other drivers', { connections: { a: { driver: 'postgres' }, b: {} } }],
    ['12. an alias of looker', { connections: { a: { driver: 'local_looker' } } }],
    ['12. lookml', { connections: { a: { driver: 'lookml' } } }],
    ['query history that is off', { connections: { a: { context: { queryHistory: { enabled: false } } } } }],
    [
      'query history that is nearly on',
      { connections: { a: { context: { queryHistory: { enabled: 'true' as never } } } } },
    ],
    ['another embedding backend', { ingest: { embeddings: { backend: 'openai' } } }],
    [
      'embeddings that somebody else serves',
      {
        ingest: {
          embeddings: {
            backend: 'sentence-transformers',
            sentenceTransformers: { base_url: 'http://e.example' },
          },
        },
      },
    ],
  ])('11. needs nothing: %s', (_name, config) => {
    expect(resolveProjectRuntimeRequirements(config, { env: {} })).toEqual({
      features: [],
      requirements: [],
    });
  });

  it.each<[string, KtxRuntimeProjectConfig, object, object]>([
    ['database introspection', {}, { databaseIntrospectionFallback: true }, introspection],
    ['looker', LOOKER, {}, looker],
    ['looker, whatever its spelling', { connections: { bi: { driver: ' Looker ' } } }, {}, looker],
    ['query history', HISTORY, {}, history],
    ['embeddings', EMBEDDINGS, {}, embeddings],
    [
      'embeddings with an empty address',
      {
        ingest: { embeddings: { backend: 'sentence-transformers', sentenceTransformers: { base_url: '' } } },
      },
      {},
      embeddings,
    ],
  ])('11. %s', (_name, config, options, requirement) => {
    const found = resolveProjectRuntimeRequirements(config, { ...options, env: {} });
    expect(found.requirements).toEqual([requirement]);
    expect(found.features).toEqual([(requirement as typeof looker).feature]);
  });

  it.each<[string, NodeJS.ProcessEnv, object[]]>([
    ['none', {}, [introspection, looker, history, embeddings]],
    ['a daemon', DAEMON, [embeddings]],
    ['an SQL analysis', ANALYSIS, [introspection, looker, embeddings]],
    [
      'blank ones',
      { KTX_DAEMON_URL: ' ', KTX_SQL_ANALYSIS_URL: '' },
      [introspection, looker, history, embeddings],
    ],
  ])('11. an override takes away only its own rows: %s', (_name, env, requirements) => {
    const connections = { ...LOOKER.connections, ...HISTORY.connections };
    const found = resolveProjectRuntimeRequirements(
      { connections, ...EMBEDDINGS },
      { databaseIntrospectionFallback: true, env },
    );
    expect(found.requirements).toEqual(requirements);
  });

  it('12. both features, in canonical order', () => {
    const found = resolveProjectRuntimeRequirements({ ...EMBEDDINGS, ...LOOKER }, { env: {} });
    expect(found.features).toEqual(['core', 'local-embeddings']);
  });
});

describe('resolvePublicIngestRuntimeRequirements', () => {
  const of = (targets: object[], options: object = {}) =>
    resolvePublicIngestRuntimeRequirements({ targets } as never, { env: {}, ...options });

  it('13. query history, driver and adapter', () => {
    expect(of([{ connectionId: 'db', queryHistory: { enabled: true } }]).requirements).toEqual([
      { ...history, detail: 'db query-history ingest uses SQL analysis.' },
    ]);
    expect(of([{ connectionId: 'bi', driver: 'looker' }]).requirements).toEqual([looker]);
    expect(of([{ connectionId: 'bi', adapter: 'LOOKER' }]).requirements).toEqual([looker]);
    expect(of([{ connectionId: 'bi', driver: 'lookml', adapter: 'local_looker' }]).requirements).toEqual([]);
  });

  it('13. the same target twice is one requirement', () => {
    const target = { connectionId: 'bi', driver: 'looker', adapter: 'looker' };
    expect(of([target, target]).requirements).toEqual([looker]);
  });

  it('13. overrides take away their rows', () => {
    const targets = [{ connectionId: 'bi', driver: 'looker', queryHistory: { enabled: true } }];
    expect(of(targets, { env: ANALYSIS }).requirements).toEqual([looker]);
    expect(of(targets, { env: DAEMON }).requirements).toEqual([]);
  });

  it('13. embeddings only with the configuration', () => {
    expect(of([]).features).toEqual([]);
    expect(of([], { config: EMBEDDINGS })).toEqual({
      features: ['local-embeddings'],
      requirements: [embeddings],
    });
    expect(of([{ connectionId: 'bi', driver: 'looker' }], { config: EMBEDDINGS }).features).toEqual([
      'core',
      'local-embeddings',
    ]);
  });
});
