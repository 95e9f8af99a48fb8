import type { KtxLogger } from '../support/logger.ts';
import type { Redactor } from '../support/text/redaction.ts';

const TRACE_LIMIT_CHARS = 200;

/** What a session logs. Errors thrown by the logger are ignored: logging must not stop the reader. */
export interface KernelLog {
  warn(message: string): void;
  /** One request or frame: direction, id and type first. Does nothing unless `KTX_KERNEL_TRACE=1`. */
  trace(direction: '->' | '<-', message: { id?: string; type?: string }): void;
}

export function createKernelLog(
  logger: KtxLogger | undefined,
  redactor: Redactor,
  isTracing = process.env['KTX_KERNEL_TRACE'] === '1',
): KernelLog {
  function write(level: 'debug' | 'warn', message: string): void {
    try {
      logger?.[level]?.(message);
    } catch {
      // The logger itself failed; there is nowhere to report it.
    }
  }

  function trace(direction: '->' | '<-', { id = '', type = 'execute', ...fields }: TraceMessage): void {
    if (!isTracing || !logger) return;
    // Mask value by value: JSON escapes would hide a secret.
    const data = JSON.stringify(fields, (_name, value: unknown) =>
      typeof value === 'string' ? redactor.redact(value) : value,
    );
    write('debug', `${direction} ${id} ${type} ${data.slice(0, TRACE_LIMIT_CHARS)}`);
  }

  return { warn: (message) => write('warn', redactor.redact(message)), trace };
}

type TraceMessage = { id?: string; type?: string };
