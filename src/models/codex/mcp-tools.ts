import { McpServer } from '@modelcontextprotocol/server';
import type { KtxRuntimeToolOutput, KtxRuntimeToolSet } from '../port/runtime-port.ts';

/** An MCP tool result. */
export interface McpToolResult {
  [key: string]: unknown;
  content: { type: 'text'; text: string }[];
  structuredContent?: Record<string, unknown>;
}

/** The part of an MCP server that is used; `McpServer` of any MCP SDK version satisfies it. */
export interface ToolRegistry {
  registerTool(
    name: string,
    // biome-ignore lint/suspicious/noExplicitAny: versions of the MCP SDK differ in how they type a schema
    config: { description: string; inputSchema: any },
    // biome-ignore lint/suspicious/noExplicitAny: the arguments were checked against the schema
    handler: (input: any) => Promise<McpToolResult>,
  ): unknown;
}

/** Registers every tool under its own name (not its key in the set). */
export function createCodexRuntimeMcpServer<T extends ToolRegistry = ToolRegistry>(input: {
  server?: T;
  toolSet: KtxRuntimeToolSet;
}): T {
  const server =
    input.server ?? (new McpServer({ name: 'ktx-runtime', version: '0.0.0' }) as ToolRegistry as T);
  for (const tool of Object.values(input.toolSet)) {
    const config = { description: tool.description, inputSchema: tool.inputSchema.shape };
    server.registerTool(tool.name, config, async (toolInput) => toolResult(await tool.execute(toolInput)));
  }
  return server;
}

function toolResult(output: unknown): McpToolResult {
  const { markdown, structured } = normalizeToolOutput(output);
  const hasStructured = typeof structured === 'object' && structured !== null && !Array.isArray(structured);
  return {
    content: [{ type: 'text', text: markdown }],
    ...(hasStructured && { structuredContent: structured as Record<string, unknown> }),
  };
}

/**
 * Third-party tools may return anything: a string is treated as markdown, any other value is shown as JSON.
 */
function normalizeToolOutput(output: unknown): KtxRuntimeToolOutput {
  if (typeof output === 'string') return { markdown: output };
  if (typeof output === 'object' && output !== null && 'markdown' in output) {
    if (typeof output.markdown === 'string') return output as KtxRuntimeToolOutput;
  }
  const json = JSON.stringify(output, null, 2) ?? 'null';
  return { markdown: `\`\`\`json\n${json}\n\`\`\``, structured: output };
}
