/** Events as printed by the Codex CLI 0.163.0. */
export const turn = { type: 'turn.started' };
export const turnEnd = { type: 'turn.completed', usage: { input_tokens: 12, output_tokens: 5 } };

export const completed = (item: Record<string, unknown>) => ({ type: 'item.completed', item });
export const message = (text: string) => completed({ type: 'agent_message', text });
export const command = completed({ type: 'command_execution', command: 'ls', exit_code: 0 });

export const toolCallStart = (tool: string) => ({
  type: 'item.started',
  item: { type: 'mcp_tool_call', server: 'ktx', tool },
});
export const toolCallEnd = (tool: string | null, fields: Record<string, unknown> = {}) =>
  completed({ type: 'mcp_tool_call', ...(tool !== null && { tool }), ...fields });
