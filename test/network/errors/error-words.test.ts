import { expect, it } from 'vitest';
import { authenticationSchemes } from '../../../src/network/errors/authentication-schemes.ts';
import { bodyWords, reasonPhraseOf } from '../../../src/network/errors/error-words.ts';

it.each<[string, string, string]>([
  ['application/json', '{"errors":[{"status":403,"message":"blocked"}]}', 'blocked'],
  ['application/json', '{"errors":[{"message":"one"},{"message":"two"}]}', 'one; two'],
  ['application/problem+json', '{"title":"Forbidden","detail":"not allowed"}', 'not allowed'],
  ['application/problem+json', '{"title":"Licence issue","detail":"ask legal"}', 'Licence issue: ask legal'],
  ['application/json', '{"error":{"message":"deep"}}', 'deep'],
  ['application/json', '{"error":"text"}', 'text'],
  ['application/json', '["text"]', 'text'],
  ['application/json', '{"a":1}', ''],
  ['application/json', '{broken', ''],
  ['text/plain', 'first\nsecond', 'first'],
  ['', 'no type', 'no type'],
  ['text/html', '<html><head><TITLE lang="en">Blocked\n here</TITLE>', 'Blocked here'],
  ['text/html', '<p>nothing', ''],
  ['application/octet-stream', 'bytes', ''],
  ['text/plain', 'red\u001B[31m\u202Etext', 'red [31m text'],
  ['text/plain', 'x'.repeat(400), `${'x'.repeat(300)}…`],
  ['application/json', `{"message":${'['.repeat(50)}"deep"${']'.repeat(50)}}`, ''],
])('%s %s says %s', (type, body, words) => {
  expect(bodyWords(type, body)).toBe(words);
});

it.each([
  ['Forbidden', ''],
  ['FORBIDDEN', ''],
  ['', ''],
  ['Requested item is quarantined', 'Requested item is quarantined'],
])('the reason phrase %s says %s', (phrase, words) => {
  expect(reasonPhraseOf(phrase)).toBe(words);
});

it.each<[string, string[]]>([
  ['Negotiate, NTLM', ['Negotiate', 'NTLM']],
  ['Basic realm="a, NTLM b", Digest realm="x", nonce="y"', ['Basic', 'Digest']],
  ['bearer realm="x"', ['Bearer']],
  ['', []],
])('%s asks for %j', (header, schemes) => {
  expect(authenticationSchemes(header)).toEqual(schemes);
});
