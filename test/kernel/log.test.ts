import { expect, it } from 'vitest';
import { createKernelLog } from '../../src/kernel/log.ts';
import { redactorFor } from '../../src/support/text/environment-secrets.ts';

const redactor = redactorFor({ MY_TOKEN: 'hidden-value' });
function logged(isTracing?: boolean) {
  const lines: string[] = [];
  const logger = {
    debug: (text: string) => void lines.push(`debug ${text}`),
    warn: (text: string) => void lines.push(`warn ${text}`),
  };
  return { lines, log: createKernelLog(logger, redactor, isTracing) };
}

it('masks what it warns of', () => {
  const { lines, log } = logged();
  log.warn('it is hidden-value');
  log.trace('->', { id: '1' });
  expect(lines).toEqual(['warn it is ****']);
});

it('traces id, type and the first of the rest, each value masked', () => {
  const { lines, log } = logged(true);
  log.trace('->', { id: '7', code: 'hidden-value', silent: true } as object);
  log.trace('<-', {});
  log.trace('<-', { id: '8', type: 'stdout', data: 'x'.repeat(300) } as object);
  expect(lines).toEqual([
    'debug -> 7 execute {"code":"****","silent":true}',
    'debug <-  execute {}',
    `debug <- 8 stdout ${`{"data":"${'x'.repeat(300)}`.slice(0, 200)}`,
  ]);
});

it('without a logger, with half of one and with one that throws goes on', () => {
  for (const logger of [undefined, {}, { debug: fail, warn: fail }]) {
    const log = createKernelLog(logger as never, redactor, true);
    log.warn('x');
    log.trace('->', { id: '1' });
  }
});

function fail(): never {
  throw new Error('the logger is full');
}
