import { expect, it, test } from 'vitest';
import {
  connectionProblems,
  type ModelHostConnection,
  secretFields,
} from '../../src/hosts/ssh/connection.ts';

const GOOD: ModelHostConnection = {
  host: 'models.internal',
  user: 'ktx',
  keyPath: '/keys/id',
  configPath: '/etc/llama-swap.yaml',
  mode: 'shell',
  restartCmd: 'systemctl restart llama-swap',
  baseUrl: 'http://models.internal:8080',
};

it('finds nothing wrong with one that is right', () => {
  expect(connectionProblems(GOOD)).toEqual([]);
  const { restartCmd: _, ...wrapper } = GOOD;
  expect(connectionProblems({ ...wrapper, mode: 'wrapper', baseUrl: 'https://models.internal' })).toEqual([]);
  expect(connectionProblems({ ...GOOD, configPath: '/etc/~x.yaml', keyPath: '~/id' })).toEqual([]);
});

test.each<[keyof ModelHostConnection, string | undefined, string]>([
  ...(['host', 'user'] as const).flatMap((field): [keyof ModelHostConnection, string, string][] => [
    [field, '', 'is empty'],
    [field, '-oProxyCommand=x', 'starts with -, which ssh would take for an option'],
    [field, 'a b', 'contains a space or a control character'],
    [field, 'a\u0007', 'contains a space or a control character'],
    ...[...'\'"`$\\;&|<>(){}*?!#'].map((character): [keyof ModelHostConnection, string, string] => [
      field,
      `a${character}`,
      'contains a character that is special to a shell',
    ]),
  ]),
  ...(['keyPath', 'configPath'] as const).flatMap((field): [keyof ModelHostConnection, string, string][] => [
    [field, ' ', 'is empty'],
    [field, '/a\u0007', 'contains a control character'],
  ]),
  ['configPath', '~', 'starts with ~; write the whole path'],
  ['configPath', '~/x', 'starts with ~; write the whole path'],
  ['restartCmd', undefined, 'is missing; it restarts the service on the host'],
  ['restartCmd', ' ', 'is missing; it restarts the service on the host'],
  ['restartCmd', 'a\0', 'contains a NUL'],
  ['baseUrl', 'models.internal', 'is not an http or https address'],
  ['baseUrl', 'ftp://models.internal', 'is not an http or https address'],
  ['baseUrl', 'xhttp://models.internal', 'is not an http or https address'],
  ['baseUrl', 'httpsx://models.internal', 'is not an http or https address'],
  ['baseUrl', 'http://me@models.internal', 'contains a login; leave it out'],
  ['baseUrl', 'http://:word@models.internal', 'contains a login; leave it out'],
])('%s %j', (field, value, problem) => {
  expect(connectionProblems({ ...GOOD, [field]: value })).toEqual([{ field, problem }]);
});

it('names the fields that hold a secret', () => {
  expect(secretFields(GOOD)).toEqual([]);
  const secret = 'http://me:s3cr3tword@models.internal';
  expect(secretFields({ ...GOOD, baseUrl: secret })).toEqual(['baseUrl']);
});
