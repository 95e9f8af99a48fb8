/** Holds back Node's warnings, which would be printed over the screen, until it is closed. */
export function keepWarnings(): { release(): void } {
  const printers = process.listeners('warning');
  const kept: Error[] = [];
  const keep = (warning: Error): void => {
    kept.push(warning);
  };
  process.removeAllListeners('warning');
  process.on('warning', keep);
  return {
    release() {
      process.off('warning', keep);
      for (const printer of printers) process.on('warning', printer);
      for (const warning of kept) for (const printer of printers) printer.call(process, warning);
    },
  };
}
