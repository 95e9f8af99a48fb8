/** A signal that fires with the caller's, or when `stop` is called. */
export function linkedAbort(signal: AbortSignal | undefined): { stop: () => void; signal: AbortSignal } {
  const own = new AbortController();
  return {
    stop: () => own.abort(),
    signal: signal ? AbortSignal.any([signal, own.signal]) : own.signal,
  };
}
