import { describe, expect, it } from 'vitest';
import { isKtxExpectedError, KtxExpectedError, SetupError } from '../../src/support/errors.ts';

const BRAND: unique symbol = Symbol.for('ktx.expected-error');

/** Another package's class with our brand. */
class BrandedError extends Error {
  readonly [BRAND] = true;
}

/** Another package's class with the same name but no brand, and a subclass of it. */
const { KtxExpectedError: NamedError } = {
  KtxExpectedError: class KtxExpectedError extends Error {
    override name = 'KtxExpectedError';
  },
};
class QueryError extends NamedError {
  override name = 'QueryError';
}

describe('an expected error', () => {
  it('is recognised across packages by its brand', () => {
    expect(new BrandedError('x') instanceof KtxExpectedError).toBe(true);
    expect(Reflect.get(new KtxExpectedError('x'), BRAND)).toBe(true);
    expect(new SetupError('x', { failureClass: 'disk' }) instanceof KtxExpectedError).toBe(true);
    expect(new Error('x') instanceof KtxExpectedError).toBe(false);
  });

  it('is no more than that: a subclass promises fields that a brand does not', () => {
    expect(new BrandedError('x') instanceof SetupError).toBe(false);
    expect(new KtxExpectedError('x') instanceof SetupError).toBe(false);
  });

  it('is recognised by the name of its class too', () => {
    for (const error of [new NamedError('x'), new QueryError('x'), new BrandedError('x')]) {
      expect(isKtxExpectedError(error)).toBe(true);
    }
    expect(isKtxExpectedError(new SetupError('x', { failureClass: 'disk' }))).toBe(true);
    expect(isKtxExpectedError(new TypeError('x'))).toBe(false);
    expect(isKtxExpectedError('KtxExpectedError')).toBe(false);
  });
});
