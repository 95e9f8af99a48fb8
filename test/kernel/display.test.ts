import { describe, expect, it } from 'vitest';
import { renderKernelDisplay } from '../../src/kernel/display.ts';

describe('renderKernelDisplay', () => {
  it.each<[string, Record<string, unknown>, string, unknown[]]>([
    ['plain text', { 'text/plain': 'a' }, 'a\n', []],
    ['plain text with its line end', { 'text/plain': 'a\n' }, 'a\n', []],
    ['nothing', {}, '', []],
    ['an empty text', { 'text/plain': '' }, '', []],
    ['a bundle inside data', { data: { 'text/plain': 'a' } }, 'a\n', []],
    [
      'Markdown over plain text',
      { 'text/plain': 'a', 'text/markdown': '# a' },
      '# a\n',
      [{ type: 'markdown' }],
    ],
    ['plain text over HTML', { 'text/plain': 'a', 'text/html': '<b>b</b>' }, 'a\n', []],
    ['HTML under an empty text', { 'text/plain': '', 'text/html': '<b>b</b>' }, 'b\n', []],
    [
      'an image, then JSON, with the text',
      { 'application/json': [1], 'image/png': 'aGk=', 'text/plain': 'p' },
      'p\n',
      [
        { type: 'image', data: 'aGk=', mimeType: 'image/png' },
        { type: 'json', data: [1] },
      ],
    ],
    ['JSON null', { 'application/json': null }, '', [{ type: 'json', data: null }]],
    ['an image that is no text', { 'image/png': 7, 'text/plain': 'p' }, 'p\n', []],
    [
      'a status and nothing else',
      { 'application/x-ktx-status': { op: 'x', n: 1 }, 'text/plain': 'p', 'application/json': 1 },
      '',
      [{ type: 'status', event: { op: 'x', n: 1 } }],
    ],
    [
      'a status without op as no status',
      { 'application/x-ktx-status': { n: 1 }, 'text/plain': 'p' },
      'p\n',
      [],
    ],
    ['text that is no text', { 'text/plain': { a: 1 } }, '', []],
  ])('shows %s', async (_name, bundle, text, outputs) => {
    expect(await renderKernelDisplay(bundle)).toEqual({ text, outputs });
  });

  it.each([
    ['<p>one<br>two</p><p>three &amp; four</p>', 'one\ntwo\nthree & four\n'],
    ['<table><tr><th>a</th><th>b</th></tr>\n<tr><td>1</td>\n<td>2</td></tr></table>', 'a\tb\n1\t2\n'],
    ['<style>p { color: red }</style><script>alert(1)</script>text', 'text\n'],
    ['<pre>  kept\n    as it is</pre>', '  kept\n    as it is\n'],
    ['  <b>much</b>   \n  white   space ', 'much white space\n'],
    ['<ul><li>a</li><li>b</li></ul>', 'a\nb\n'],
    ['1 < 2 <unclosed', '1 < 2\n'],
    ['<div></div>', ''],
  ])('turns HTML into text: %j', async (html, text) => {
    expect((await renderKernelDisplay({ 'text/html': html })).text).toBe(text);
  });

  it.each([
    ...['address', 'article', 'blockquote', 'div', 'dl', 'dt', 'dd', 'figure', 'footer', 'form', 'header'],
    ...['h1', 'h2', 'h3', 'h4', 'h5', 'h6', 'li', 'ol', 'p', 'pre', 'section', 'ul'],
  ])('%s stands on lines of its own', async (name) => {
    const html = `before<${name}>within</${name}>after`;
    expect((await renderKernelDisplay({ 'text/html': html })).text).toBe('before\nwithin\nafter\n');
  });

  it.each(['head', 'script', 'style', 'template', 'title'])(
    '%s is not shown, what follows it is',
    async (name) => {
      const html = `a<${name}>hidden</${name}>b`;
      expect((await renderKernelDisplay({ 'text/html': html })).text).toBe('ab\n');
    },
  );

  it.each([
    ['a<hr>b', 'a\nb\n'],
    ['a<br>b<br><br>c', 'a\nb\nc\n'],
    ['<span>a</span><b>b</b>', 'ab\n'],
    ['<tr><td>a</td><td></td><td>c</td></tr>', 'a\t\tc\n'],
    ['<tr><td></td><th>b</th></tr>', 'b\n'],
    ['<table>a</table>b', 'a\nb\n'],
    ['<td>a </td><td> b</td>', 'a\tb\n'],
    ['<pre>a\n\n  b</pre>c  d', 'a\n\n  b\nc d\n'],
    ['<script>a<style>b</style>c</script>d', 'd\n'],
    ['\n\n a', 'a\n'],
  ])('lays out %j', async (html, text) => {
    expect((await renderKernelDisplay({ 'text/html': html })).text).toBe(text);
  });

  it.each([
    ['deeply nested', '<div>'.repeat(10_000)],
    ['on one long line', '<td>a \n</td>'.repeat(100_000)],
    ['in many pieces', 'a &amp; '.repeat(100_000)],
  ])('is not slowed down by HTML that is %s', async (_name, html) => {
    expect((await renderKernelDisplay({ 'text/html': `${html}end` })).text).toContain('end');
  });
});
