import { describe, expect, it } from 'vitest';
import { modelBlock, modelIds, withModelBlock } from '../../../src/hosts/config/model-block.ts';

const TEXT = `# llama-swap
healthCheckTimeout: 30
models:
  # small and quick
  # for tests
  "qwen-4b":
    cmd: |
      llama-server --port \${PORT}
        -m /models/qwen.gguf

  gpt-oss: { cmd: llama-server }
groups:
  all: { members: [qwen-4b] }
`;

describe('the lines of one model', () => {
  it('are found with the comments above them', () => {
    expect(modelIds(TEXT)).toEqual(['qwen-4b', 'gpt-oss']);
    expect(modelBlock(TEXT, 'qwen-4b')).toBe(
      TEXT.slice(TEXT.indexOf('  # small'), TEXT.indexOf('  gpt-oss')),
    );
    expect(modelBlock(TEXT, 'gpt-oss')).toBe('  gpt-oss: { cmd: llama-server }\n');
  });

  it('are replaced, and every other byte stays', () => {
    const changed = withModelBlock(TEXT, 'gpt-oss', '  gpt-oss:\n    cmd: other');
    expect(changed).toBe(TEXT.replace('  gpt-oss: { cmd: llama-server }\n', '  gpt-oss:\n    cmd: other\n'));
    expect(modelIds(changed)).toEqual(['qwen-4b', 'gpt-oss']);
  });

  it.each([
    [
      'a comment behind the last one',
      'models:\n  a: { cmd: x } # why\ngroups: {}\n',
      '  a: { cmd: x } # why\n',
    ],
    ['a comment at the very end', 'models:\n  a: { cmd: x } # why', '  a: { cmd: x } # why'],
    ['nothing behind them', 'models:\n  a:\n    cmd: x\n', '  a:\n    cmd: x\n'],
  ])('are whole lines, with %s', (_name, text, block) => {
    expect(modelBlock(text, 'a')).toBe(block);
    expect(modelBlock(text, 'b')).toBeNull();
  });

  it('stay as they are when nothing is edited', () => {
    for (const id of modelIds(TEXT)) expect(withModelBlock(TEXT, id, modelBlock(TEXT, id)!)).toBe(TEXT);
  });

  it.each([
    ['CRLF', TEXT.replaceAll('\n', '\r\n')],
    ['no line end at the end', 'models:\n  a:\n    cmd: x\n  b:\n    cmd: y'],
    ['keys in quotes', 'models:\n  "a:b":\n    cmd: x\n'],
  ])('with %s keep their bytes', (_name, text) => {
    expect(modelIds(text).length).toBeGreaterThan(0);
    for (const id of modelIds(text)) expect(withModelBlock(text, id, modelBlock(text, id)!)).toBe(text);
  });

  it.each([
    ['one line', 'models: { a: { cmd: x } }\n'],
    ['no models', 'groups: {}\n'],
    ['broken text', 'models:\n  a: [\n'],
    ['a list', 'models:\n  - a\n'],
    ['nothing', ''],
  ])('are none in %s', (_name, text) => {
    expect(modelIds(text)).toEqual([]);
    expect(modelBlock(text, 'a')).toBeNull();
    expect(withModelBlock(text, 'a', 'x')).toBe(text);
  });
});
