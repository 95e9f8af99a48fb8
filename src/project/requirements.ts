import type { KtxRuntimeFeature } from '../core/features.ts';
import { RUNTIME_FEATURES } from '../core/features.ts';

export type KtxRuntimeRequirementReason =
  | 'query-history'
  | 'looker-source'
  | 'database-introspection'
  | 'local-embeddings';

export interface KtxRuntimeRequirement {
  feature: KtxRuntimeFeature;
  reason: KtxRuntimeRequirementReason;
  /** One sentence: what in the project needs it. */
  detail: string;
}

export interface KtxRuntimeRequirements {
  /** In canonical order; empty when nothing needs Python. */
  features: KtxRuntimeFeature[];
  requirements: KtxRuntimeRequirement[];
}

/** The parts of a project's `ktx.yaml` that decide whether Python is needed. */
export interface KtxRuntimeProjectConfig {
  connections?: Record<
    string,
    { driver?: string; context?: { queryHistory?: { enabled?: boolean } | null } | null } | null
  > | null;
  ingest?: {
    embeddings?: { backend?: string; sentenceTransformers?: { base_url?: string | null } | null } | null;
  } | null;
}

/** The parts of an ingest plan that decide it. */
export interface KtxPublicIngestPlan {
  targets: readonly {
    connectionId: string;
    driver?: string;
    adapter?: string;
    queryHistory?: { enabled?: boolean } | null;
    // Other fields of a ktx CLI plan, unused here.
    operation?: string;
    sourceDir?: string;
    debugCommand?: string;
    steps?: readonly string[];
    detectRelationships?: boolean;
    preflightFailure?: string;
  }[];
  projectDir?: string;
  warnings?: readonly string[];
  notices?: readonly string[];
}

export interface KtxProjectRuntimeRequirementOptions {
  databaseIntrospectionFallback?: boolean;
  /** Default: `process.env`. */
  env?: NodeJS.ProcessEnv | Record<string, string | undefined>;
}

export interface KtxPublicIngestRuntimeRequirementOptions {
  config?: KtxRuntimeProjectConfig;
  env?: NodeJS.ProcessEnv | Record<string, string | undefined>;
}

/** Which features a project needs, and why. */
export function resolveProjectRuntimeRequirements(
  config: KtxRuntimeProjectConfig,
  options: KtxProjectRuntimeRequirementOptions = {},
): KtxRuntimeRequirements {
  const elsewhere = externalServices(options.env ?? process.env);
  const found: KtxRuntimeRequirement[] = [];
  if (options.databaseIntrospectionFallback === true && !elsewhere.isDaemonGiven) {
    const detail = 'Database introspection fallback uses the ktx daemon.';
    found.push({ feature: 'core', reason: 'database-introspection', detail });
  }
  for (const [id, connection] of Object.entries(config.connections ?? {})) {
    if (isLooker(connection?.driver) && !elsewhere.isDaemonGiven) found.push(lookerRequirement(id));
    if (connection?.context?.queryHistory?.enabled === true && !elsewhere.isSqlAnalysisGiven) {
      const detail = `${id} has query history enabled.`;
      found.push({ feature: 'core', reason: 'query-history', detail });
    }
  }
  return summary([...found, ...embeddingsRequirement(config)]);
}

/** The same for an ingest; embeddings are considered only when the configuration is given. */
export function resolvePublicIngestRuntimeRequirements(
  plan: KtxPublicIngestPlan,
  options: KtxPublicIngestRuntimeRequirementOptions = {},
): KtxRuntimeRequirements {
  const elsewhere = externalServices(options.env ?? process.env);
  const found: KtxRuntimeRequirement[] = [];
  for (const { connectionId, driver, adapter, queryHistory } of plan.targets) {
    if (queryHistory?.enabled === true && !elsewhere.isSqlAnalysisGiven) {
      const detail = `${connectionId} query-history ingest uses SQL analysis.`;
      found.push({ feature: 'core', reason: 'query-history', detail });
    }
    if ((isLooker(driver) || isLooker(adapter)) && !elsewhere.isDaemonGiven) {
      found.push(lookerRequirement(connectionId));
    }
  }
  return summary([...found, ...(options.config ? embeddingsRequirement(options.config) : [])]);
}

function externalServices(env: Record<string, string | undefined>) {
  const isGiven = (name: string): boolean => (env[name] ?? '').trim() !== '';
  const isDaemonGiven = isGiven('KTX_DAEMON_URL');
  return { isDaemonGiven, isSqlAnalysisGiven: isDaemonGiven || isGiven('KTX_SQL_ANALYSIS_URL') };
}

function isLooker(name: string | undefined): boolean {
  return name?.trim().toLowerCase() === 'looker';
}

function lookerRequirement(id: string): KtxRuntimeRequirement {
  return { feature: 'core', reason: 'looker-source', detail: `${id} uses Looker identifier parsing.` };
}

function embeddingsRequirement(config: KtxRuntimeProjectConfig): KtxRuntimeRequirement[] {
  const embeddings = config.ingest?.embeddings;
  if (embeddings?.backend !== 'sentence-transformers' || embeddings.sentenceTransformers?.base_url) return [];
  return [
    {
      feature: 'local-embeddings',
      reason: 'local-embeddings',
      detail: 'Local sentence-transformers embeddings use the managed Python runtime.',
    },
  ];
}

function summary(found: readonly KtxRuntimeRequirement[]): KtxRuntimeRequirements {
  const distinct = new Map(found.map((entry) => [JSON.stringify(entry), entry]));
  const requirements = [...distinct.values()];
  const features = RUNTIME_FEATURES.filter((feature) =>
    requirements.some((entry) => entry.feature === feature),
  );
  return { features, requirements };
}
