/** The limits of Codex isolation; shown wherever the codex backend is chosen or checked. */
export const CODEX_ISOLATION_WARNING =
  'Codex backend isolation is limited: ktx runs Codex in a read-only sandbox without approvals, restricts the ' +
  'runtime MCP server to the current ktx tool set and disables Codex web search, but Codex may still load user Codex ' +
  'config, such as MCP servers and tools of this host, and keeps its built-in command execution.';

export const CODEX_ISOLATION_WARNING_FIX =
  'Use the claude-code backend for stricter isolation, or remove MCP servers and tools from the Codex config of this host.';

export function formatCodexIsolationWarning(): string {
  return `${CODEX_ISOLATION_WARNING} ${CODEX_ISOLATION_WARNING_FIX}`;
}
