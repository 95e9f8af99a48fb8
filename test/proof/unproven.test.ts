import { describe, expect, it } from 'vitest';
import { UnstartedError, unproven, unstarted } from '../../src/proof/unproven.ts';
import { SetupError } from '../../src/support/errors.ts';

const LOG = 'See the install log for everything that was printed';

describe('an environment that does not work', () => {
  it('is told with the last lines that were printed', () => {
    const printed = Array.from({ length: 12 }, (_, index) => `line ${index}`).join('\n\n');
    const error = unproven('the packages cannot be imported', '/e/bin/python', `${printed}\n`);
    expect(error).toMatchObject({
      message: 'The Python environment is in place, but the packages cannot be imported.',
      failureClass: 'internal',
      evidence: ['/e/bin/python', ...Array.from({ length: 8 }, (_, index) => `line ${index + 4}`)],
      remedies: [{ id: 'rebuild' }, { id: 'other', label: LOG }],
    });
    expect(error).not.toBeInstanceOf(UnstartedError);
    expect(unproven('it fails', '/p', '').evidence).toEqual(['/p']);
  });

  it('names the limit of the machine that it met, and what to do about that', () => {
    const error = unproven('it fails', '/e/bin/python', 'OSError: [Errno 28] No space left on device');
    expect(error).toMatchObject({ failureClass: 'disk', causeId: 'disk-full' });
    expect(error.evidence).toEqual([
      '/e/bin/python',
      expect.any(String),
      'OSError: [Errno 28] No space left on device',
    ]);
    const ids = error.remedies.map(({ id }) => id);
    expect(ids).toContain('free-space');
    expect(ids).not.toContain('rebuild');
    expect(error.remedies.at(-1)?.label).toBe(LOG);
  });

  it('says which setting is in the way, and nothing else', () => {
    const text =
      'KTX_DAEMON_PORT is not a number; give one, or run: unset KTX_DAEMON_PORT\n[Errno 28] No space left on device';
    const error = unproven('it fails', '/p', text);
    expect(error.remedies.map(({ label }) => label)).toEqual(['unset KTX_DAEMON_PORT']);
    expect(error.failureClass).toBe('internal');
    expect(error.evidence).toHaveLength(3);
  });

  it('that never started is a kind of its own', () => {
    const error = unstarted('the daemon does not start', '/p', 'x');
    expect(error).toBeInstanceOf(UnstartedError);
    expect(error).toBeInstanceOf(SetupError);
    expect(error.message).toBe('The Python environment is in place, but the daemon does not start.');
  });
});
