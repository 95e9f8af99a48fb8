/** A stop of one's own beside that of the caller: the signal fires with either. */
export function linkedAbort(signal: AbortSignal | undefined): { stop: () => void; signal: AbortSignal } {
  const own = new AbortController();
  return {
    stop: () => own.abort(),
    signal: signal ? AbortSignal.any([signal, own.signal]) : own.signal,
  };
}
