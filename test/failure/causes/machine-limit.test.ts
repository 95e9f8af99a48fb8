import { expect, it } from 'vitest';
import { machineLimit } from '../../../src/failure/causes/machine-failure.ts';

const withCode = (code: string) => Object.assign(new Error(`spawn uv ${code}`), { code });

it.each([
  ['EMFILE', 'too-many-files'],
  ['ENFILE', 'too-many-files'],
  ['EAGAIN', 'too-many-processes'],
  ['ENOMEM', 'out-of-memory'],
])('%s is a limit of this machine, whoever meets it', (code, causeId) => {
  expect(machineLimit(withCode(code))).toMatchObject({ causeId });
  expect(machineLimit(new Error('no file', { cause: withCode(code) }))).toMatchObject({ causeId });
});

it.each(['ECONNREFUSED', 'ENOENT', 'EACCES', 'ENOSPC'])('%s is none', (code) => {
  expect(machineLimit(withCode(code))).toBeNull();
});

it('a program that was ended had been started', () => {
  expect(machineLimit(Object.assign(new Error('uv failed'), { signal: 'SIGKILL' }))).toBeNull();
});
