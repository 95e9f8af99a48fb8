/** A started MCP server and how to reach it. */
export interface CodexRuntimeMcpServerHandle {
  url: string;
  /** The environment variable of the child that holds the token. */
  bearerTokenEnvVar: string;
  bearerToken: string;
  close(): Promise<void>;
}

/** What a run needs to use the server. */
export type CodexMcpAccess = Omit<CodexRuntimeMcpServerHandle, 'close'> & { toolNames: readonly string[] };

export interface CodexRuntimeConfig {
  configOverrides: Record<string, unknown>;
  env: Record<string, string>;
}

/**
 * The configuration of one run. Model, sandbox, approval and web search are thread options and never set
 * here. The token is passed in the child's environment, never on its command line.
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

/** System and user prompt separated by a blank line; empty parts are omitted. */
export function codexPrompt(system: string | undefined, prompt: string): string {
  return [system, prompt].filter(Boolean).join('\n\n');
}
