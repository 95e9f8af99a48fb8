import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { editYaml, type YamlEdit } from '../../src/models/project/edit-yaml.ts';

const EDITS: YamlEdit[] = [
  { path: ['llm', 'provider', 'backend'], value: 'codex' },
  { path: ['llm', 'models', 'default'], value: 'gpt-5.5' },
  { path: ['scan', 'enrichment', 'mode'], value: 'llm' },
];

const ALL = `llm:
  provider:
    backend: codex
  models:
    default: gpt-5.5
scan:
  enrichment:
    mode: llm
`;

/** The text before, and the exact text afterwards. */
const SHAPES: [name: string, before: string, after: string][] = [
  ['an empty file', '', ALL],
  ['comments alone', '# ktx\n\n# nothing yet\n', `# ktx\n\n# nothing yet\n${ALL}`],
  ['comments alone, no end of the last line', '# ktx', `# ktx\n${ALL.trimEnd()}`],
  ['everything set already', ALL, ALL],
  [
    'everything set, in quotes and flow maps',
    'llm: {provider: {backend: "codex"}, models: {default: \'gpt-5.5\'}}\nscan: {enrichment: {mode: llm}}\n',
    'llm: {provider: {backend: "codex"}, models: {default: \'gpt-5.5\'}}\nscan: {enrichment: {mode: llm}}\n',
  ],
  [
    'everything set, written in other ways',
    'llm:\n  provider:\n    backend: >-\n      codex\n  models: {default: !!str gpt-5.5}\nscan: {enrichment: {mode: &m llm}}\nother: *m\n',
    'llm:\n  provider:\n    backend: >-\n      codex\n  models: {default: !!str gpt-5.5}\nscan: {enrichment: {mode: &m llm}}\nother: *m\n',
  ],
  [
    'other values, comments behind and between, other keys kept',
    `# project
llm:
  # who answers
  provider:
    backend: anthropic   # was: vertex
    promptCaching: true

  models:
    default: claude-sonnet-4-6 # the big one
    triage: claude-haiku
# the scan
scan:
  enrichment:
    mode: "none"
    batch: 20
connections: {}
`,
    `# project
llm:
  # who answers
  provider:
    backend: codex   # was: vertex
    promptCaching: true

  models:
    default: gpt-5.5 # the big one
    triage: claude-haiku
# the scan
scan:
  enrichment:
    mode: "llm"
    batch: 20
connections: {}
`,
  ],
  [
    'other keys first and last',
    'project: demo\nconnections:\n  db:\n    driver: postgres\n',
    `project: demo\nconnections:\n  db:\n    driver: postgres\n${ALL}`,
  ],
  [
    'CRLF',
    'project: demo\r\nllm:\r\n  provider:\r\n    backend: none # x\r\n',
    'project: demo\r\nllm:\r\n  provider:\r\n    backend: codex # x\r\n  models:\r\n    default: gpt-5.5\r\nscan:\r\n  enrichment:\r\n    mode: llm\r\n',
  ],
  [
    'LF above and CRLF below: new lines end as their neighbours',
    'a: 1\nllm:\r\n  models:\r\n    default: x\r\n',
    'a: 1\nllm:\r\n  models:\r\n    default: gpt-5.5\r\n  provider:\r\n    backend: codex\r\nscan:\r\n  enrichment:\r\n    mode: llm\r\n',
  ],
  ['no end of the last line', 'project: demo', `project: demo\n${ALL.trimEnd()}`],
  [
    'a byte order mark',
    '\uFEFFllm:\n  provider:\n    backend: x\n',
    '\uFEFFllm:\n  provider:\n    backend: codex\n  models:\n    default: gpt-5.5\nscan:\n  enrichment:\n    mode: llm\n',
  ],
  [
    'four spaces',
    'llm:\n    provider:\n        backend: x\n',
    'llm:\n    provider:\n        backend: codex\n    models:\n        default: gpt-5.5\nscan:\n    enrichment:\n        mode: llm\n',
  ],
  [
    'tabs behind values and before comments',
    'llm:\t# tab\n  provider:\t\n    backend:\tx\t# tab\n  models: {\tdefault:\tx\t}\nscan:\n  enrichment:\n    mode: llm\t\n',
    'llm:\t# tab\n  provider:\t\n    backend:\tcodex\t# tab\n  models: {\tdefault:\tgpt-5.5\t}\nscan:\n  enrichment:\n    mode: llm\t\n',
  ],
  [
    'single and double quotes kept, also of keys',
    `"llm":\n  'provider':\n    "backend": 'x'\n  models:\n    default: "y"\nscan:\n  enrichment:\n    mode: none\n`,
    `"llm":\n  'provider':\n    "backend": 'codex'\n  models:\n    default: "gpt-5.5"\nscan:\n  enrichment:\n    mode: llm\n`,
  ],
  [
    'maps without a value',
    'llm: # the models\nscan:\nproject: demo\n',
    'llm: # the models\n  provider:\n    backend: codex\n  models:\n    default: gpt-5.5\nscan:\n  enrichment:\n    mode: llm\nproject: demo\n',
  ],
  [
    'null and ~ where a map is due',
    'llm: null # none\nscan: ~\n',
    'llm: # none\n  provider:\n    backend: codex\n  models:\n    default: gpt-5.5\nscan:\n  enrichment:\n    mode: llm\n',
  ],
  [
    'a key without its value, with a comment',
    'llm:\n  provider:\n    backend: # choose\n  models:\n    default:\nscan:\n  enrichment:\n    mode: llm\n',
    'llm:\n  provider:\n    backend: codex # choose\n  models:\n    default: gpt-5.5\nscan:\n  enrichment:\n    mode: llm\n',
  ],
  [
    'flow maps on one line',
    'llm: { provider: { backend: x, promptCaching: true } }\nscan: {}\n',
    'llm: { provider: { backend: codex, promptCaching: true }, models: { default: gpt-5.5 } }\nscan: {enrichment: { mode: llm }}\n',
  ],
  [
    'flow maps over lines, with a comma at the end and comments',
    'llm: {\n  provider: {\n    backend: x, # a\n    promptCaching: true, # b\n  },\n}\nscan: {enrichment: {mode: llm}}\n',
    'llm: {\n  provider: {\n    backend: codex, # a\n    promptCaching: true, # b\n  }, models: { default: gpt-5.5 }\n}\nscan: {enrichment: {mode: llm}}\n',
  ],
  [
    'the whole file a flow map (JSON)',
    '{"project": "demo", "llm": {"models": {"default": "x"}}}\n',
    '{"project": "demo", "llm": {"models": {"default": "gpt-5.5"}, provider: { backend: codex }}, scan: { enrichment: { mode: llm } }}\n',
  ],
  [
    'an anchor and a merge key elsewhere',
    'base: &base\n  driver: postgres\nconnections:\n  a:\n    <<: *base\n    schema: x\n  b: *base\n',
    `base: &base\n  driver: postgres\nconnections:\n  a:\n    <<: *base\n    schema: x\n  b: *base\n${ALL}`,
  ],
  [
    'an alias as the value',
    'model: &m gpt-4\nllm:\n  models:\n    default: *m\n    triage: *m\n',
    'model: &m gpt-4\nllm:\n  models:\n    default: gpt-5.5\n    triage: *m\n  provider:\n    backend: codex\nscan:\n  enrichment:\n    mode: llm\n',
  ],
  [
    'an anchor on the value that nobody uses',
    'llm:\n  provider:\n    backend: &b x\n  models:\n    default: y\nscan:\n  enrichment:\n    mode: llm\n',
    'llm:\n  provider:\n    backend: &b codex\n  models:\n    default: gpt-5.5\nscan:\n  enrichment:\n    mode: llm\n',
  ],
  [
    'a merge key beside, which holds another provider',
    'shared: &s\n  note: kept\nllm:\n  <<: *s\n  provider:\n    backend: x\n',
    'shared: &s\n  note: kept\nllm:\n  <<: *s\n  provider:\n    backend: codex\n  models:\n    default: gpt-5.5\nscan:\n  enrichment:\n    mode: llm\n',
  ],
  ['start and end of the document', '---\nproject: demo\n...\n', `---\nproject: demo\n${ALL}...\n`],
  ['a directive', '%YAML 1.2\n---\nproject: demo\n', `%YAML 1.2\n---\nproject: demo\n${ALL}`],
  [
    'a block of text last',
    'notes: |\n  first\n\n  llm: no key\n',
    `notes: |\n  first\n\n  llm: no key\n${ALL}`,
  ],
  [
    'a block of text last that keeps its blank lines',
    'notes: |+\n  first\n\n\n',
    `notes: |+\n  first\n\n\n${ALL}`,
  ],
  [
    'a block of text without an end of line: the new keys come first',
    'notes: |-\n  first',
    `notes: |-\n  first\n${ALL.trimEnd()}`,
  ],
  [
    'a value written as a block',
    'llm:\n  provider:\n    backend: >-\n      anthropic\n  models:\n    default: |\n      x\nscan:\n  enrichment:\n    mode: llm\n',
    'llm:\n  provider:\n    backend: codex\n  models:\n    default: gpt-5.5\nscan:\n  enrichment:\n    mode: llm\n',
  ],
  [
    'blank lines and a comment after the last key',
    'llm:\n  provider:\n    backend: x\n\n\n# end of file\n',
    'llm:\n  provider:\n    backend: codex\n  models:\n    default: gpt-5.5\nscan:\n  enrichment:\n    mode: llm\n\n\n# end of file\n',
  ],
  [
    'tags, lists, dates, numbers and other scripts',
    'a: !secret x\nb: !!str 1\nlist:\n- one\n- two: 2\nd: 2026-01-01\nn: 0x1F\nπ: "日本"\n',
    `a: !secret x\nb: !!str 1\nlist:\n- one\n- two: 2\nd: 2026-01-01\nn: 0x1F\nπ: "日本"\n${ALL}`,
  ],
  [
    'an explicit key',
    '? llm\n: provider:\n    backend: x\n',
    '? llm\n: provider:\n    backend: codex\n  models:\n      default: gpt-5.5\nscan:\n    enrichment:\n        mode: llm\n',
  ],
  [
    'a flow map with a missing map, and one with null',
    '{ llm: , scan: null }\n',
    '{ llm: { provider: { backend: codex }, models: { default: gpt-5.5 } } , scan: { enrichment: { mode: llm } } }\n',
  ],
  [
    'llm named elsewhere, in other maps, texts and comments',
    '# llm: {}\nx:\n  llm:\n    provider: no\ny: "llm: provider"\n',
    `# llm: {}\nx:\n  llm:\n    provider: no\ny: "llm: provider"\n${ALL}`,
  ],
];

/** Rejected texts: the file is not changed, and the message says what and where. */
const REFUSED: [name: string, text: string, message: RegExp][] = [
  [
    'duplicate keys',
    'llm:\n  a: 1\nllm:\n  b: 2\n',
    /not valid YAML \(Map keys must be unique\) at line 3, column 1/,
  ],
  [
    'duplicate keys elsewhere',
    'x: 1\nx: 2\n',
    /not valid YAML \(Map keys must be unique\) at line 2, column 1/,
  ],
  ['a tab as indentation', 'llm:\n\tprovider: x\n', /not valid YAML \(Tabs are not allowed.*\) at line 2/],
  ['two documents', 'a: 1\n---\nb: 2\n', /there is a second document.*at line 2/],
  ['a list as the file', '- a\n', /the file is not a map at line 1/],
  ['a text as the file', 'just text\n', /the file is not a map/],
  ['a list in the way', 'llm:\n  - provider\n', /llm is not a map at line 1/],
  ['a text in the way', 'llm:\n  provider: openai\n', /llm\.provider is not a map at line 2/],
  [
    'a map where a text is due',
    'llm:\n  provider:\n    backend:\n      name: x\n',
    /llm\.provider\.backend is not a text/,
  ],
  ['an alias as the map', 'x: &x\n  models: {}\nllm: *x\n', /llm is an alias at line 3/],
  [
    'an anchored map that is used elsewhere',
    'llm: &l\n  provider:\n    backend: x\nother: *l\n',
    /llm\.provider\.backend cannot be set without changing other values/,
  ],
  [
    'an anchored value that is used elsewhere',
    'llm:\n  models:\n    default: &m x\n    triage: *m\n  provider:\n    backend: codex\n',
    /llm\.models\.default cannot be set without changing other values at line 3/,
  ],
  [
    'a provider that comes by a merge key',
    'shared: &s\n  provider:\n    promptCaching: true\nllm:\n  <<: *s\n',
    /llm\.provider\.backend cannot be set without changing other values/,
  ],
];

describe('editing ktx.yaml', () => {
  it(`knows at least 30 shapes`, () => expect(SHAPES.length + REFUSED.length).toBeGreaterThanOrEqual(30));

  it.each(SHAPES)('%s', (_name, before, after) => {
    const edited = editYaml(before, EDITS);
    expect(edited).toBe(after);
    expect(parse(edited, { merge: true, logLevel: 'error' })).toMatchObject({
      llm: { provider: { backend: 'codex' }, models: { default: 'gpt-5.5' } },
      scan: { enrichment: { mode: 'llm' } },
    });
    // A second time changes nothing.
    expect(editYaml(edited, EDITS)).toBe(edited);
  });

  it.each(REFUSED)('refuses %s', (_name, text, message) => {
    expect(() => editYaml(text, EDITS)).toThrow(message);
  });

  it('quotes values that would not be read as text', () => {
    const edits = ['yes', '1.5', 'a: b', "it's", 'a #b', '', '*x', '日本'].map((value, index) => ({
      path: [`k${index}`, 'x y'],
      value,
    }));
    const edited = editYaml('', edits);
    expect(edited).toContain('k0:\n  "x y": "yes"\n');
    for (const { path, value } of edits) expect(parse(edited)[path[0]!]).toEqual({ 'x y': value });
  });
});
