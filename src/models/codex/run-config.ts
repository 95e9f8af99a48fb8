/** A started MCP server and how to reach it. */
export interface CodexRuntimeMcpServerHandle {
  url: string;
  /** The variable of the child's environment that holds the token. */
  bearerTokenEnvVar: string;
  bearerToken: string;
  close(): Promise<void>;
}

/** What a run needs to know of the server. */
export type CodexMcpAccess = Omit<CodexRuntimeMcpServerHandle, 'close'> & { toolNames: readonly string[] };

export interface CodexRuntimeConfig {
  configOverrides: Record<string, unknown>;
  env: Record<string, string>;
}

/**
 * The configuration of one run. Model, sandbox, approval and web search are thread options and never here; the token
 * is in the child's environment and never on its command line.
 */
export function buildCodexRuntimeConfig(input: { model: string; mcp?: CodexMcpAccess }): CodexRuntimeConfig {
  const history = { persistence: 'none' };
  if (!input.mcp) return { configOverrides: { history }, env: {} };
  const { url, bearerTokenEnvVar, bearerToken, toolNames } = input.mcp;
  const ktx = {
    url,
    bearer_token_env_var: bearerTokenEnvVar,
    enabled_tools: [...toolNames],
    default_tools_approval_mode: 'approve',
    required: true,
  };
  return { configOverrides: { history, mcp_servers: { ktx } }, env: { [bearerTokenEnvVar]: bearerToken } };
}

/** System and user text with a blank line between; empty parts are dropped. */
export function codexPrompt(system: string | undefined, prompt: string): string {
  return [system, prompt].filter(Boolean).join('\n\n');
}
