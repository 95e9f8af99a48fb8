import { expect, it, onTestFinished, vi } from 'vitest';
import { authenticationSchemes } from '../../../src/network/errors/authentication-schemes.ts';
import { bodyWords, errorWords, reasonPhraseOf } from '../../../src/network/errors/error-words.ts';

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

/** An answer whose body comes in these pieces; `read` counts them. */
function answerOf(
  pieces: Iterable<string> | AsyncIterable<string>,
  more: { phrase?: string; type?: string } = {},
) {
  const seen = { read: 0, isDiscarded: false };
  const answer = {
    reasonPhrase: more.phrase ?? 'Forbidden',
    headers: new Map([['content-type', more.type ?? 'text/html']]),
    body: (async function* () {
      for await (const piece of pieces) {
        seen.read++;
        yield Buffer.from(piece);
      }
    })(),
    discard: async () => {
      seen.isDiscarded = true;
    },
  };
  return { answer, seen };
}

it('a phrase of its own and the words of the body are told once each, and the body is let go', async () => {
  const { answer, seen } = answerOf(['<title>Quaran', 'tined</title>'], { phrase: 'Policy' });
  expect(await errorWords(answer)).toBe('Policy: Quarantined');
  expect(seen.isDiscarded).toBe(true);
  const same = answerOf(['Policy'], { phrase: 'Policy', type: 'text/plain' });
  expect(await errorWords(same.answer)).toBe('Policy');
  expect(await errorWords(answerOf([]).answer)).toBe('');
});

it('of a long body only the beginning is read', async () => {
  const { answer, seen } = answerOf(Array.from({ length: 100 }, () => ' '.repeat(1024)));
  expect(await errorWords(answer)).toBe('');
  expect([seen.read, seen.isDiscarded]).toEqual([16, true]);
  const late = answerOf([`${' '.repeat(16 * 1024)}<title>too late</title>`]);
  expect(await errorWords(late.answer)).toBe('');
});

it('a body that breaks off tells what came of it', async () => {
  async function* broken() {
    yield '<title>Quarantined</title>';
    throw new Error('cut');
  }
  expect(await errorWords(answerOf(broken()).answer)).toBe('Quarantined');
});

it('a body that does not come is waited for two seconds', async () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  async function* silent() {
    yield '<title>Quarantined</title>';
    await new Promise(() => {});
  }
  let words: string | null = null;
  const telling = errorWords(answerOf(silent()).answer).then((text) => {
    words = text;
  });
  await vi.advanceTimersByTimeAsync(1999);
  expect(words).toBeNull();
  await vi.advanceTimersByTimeAsync(1);
  await telling;
  expect(words).toBe('Quarantined');
});
