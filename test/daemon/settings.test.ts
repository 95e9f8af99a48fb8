import { expect, it } from 'vitest';
import { assertDaemonSettings } from '../../src/daemon/settings.ts';

it.each([
  ['KTX_EMBEDDINGS_THREADS', '0', 'from 1 to 1024'],
  ['KTX_EMBEDDINGS_THREADS', '1025', 'from 1 to 1024'],
  ['KTX_EMBEDDINGS_THREADS', 'four', 'from 1 to 1024'],
  ['KTX_EMBEDDINGS_THREADS', ' 2', 'from 1 to 1024'],
  ['KTX_EMBEDDINGS_THREADS', '٣', 'from 1 to 1024'],
  ['KTX_EMBEDDINGS_THREADS', '2.5', 'from 1 to 1024'],
  ['KTX_EMBEDDINGS_IDLE_SECONDS', '-1', 'from 0 to 86400'],
  ['KTX_EMBEDDINGS_IDLE_SECONDS', '86401', 'from 0 to 86400'],
])('%s=%j is refused with its range and the command that takes it away', (name, value, range) => {
  expect(() => assertDaemonSettings({ [name]: value })).toThrow(
    expect.objectContaining({
      message: `${name} is ${JSON.stringify(value)}.`,
      evidence: [expect.stringContaining(range)],
      remedies: [expect.objectContaining({ label: expect.stringContaining(`unset ${name}`) })],
    }),
  );
});

it.each([
  {},
  { KTX_EMBEDDINGS_THREADS: '' },
  { KTX_EMBEDDINGS_THREADS: '1024', KTX_EMBEDDINGS_IDLE_SECONDS: '0' },
])('%j passes', (env) => expect(() => assertDaemonSettings(env)).not.toThrow());
