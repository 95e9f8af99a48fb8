import { expect, it } from 'vitest';
import { maskedDiff, maskSecrets } from '../../../src/hosts/config/mask.ts';

/** Each text with what is shown of it: the secrets are masked, and nothing else. */
it.each<[string, string]>([
  ['apiKeys:\n  - one\n  - "two" # mine\nother: [x]\n', 'apiKeys:\n  - ****\n  - ****\nother: [x]\n'],
  [
    'apiKeys: [one, "two"]\nmodels: {a: {env: [HF_TOKEN=one, "A_KEY=two", PATH=/x]}}\n',
    'apiKeys: [****, ****]\nmodels: {a: {env: [HF_TOKEN=**** "A_KEY=**** PATH=/x]}}\n',
  ],
  [
    'models:\n  a:\n    env:\n      - HF_TOKEN=one\n      - "MY_SECRET_X=one two"\n      - PATH=/x\n      - 7\n      - [KEY=x]\n',
    'models:\n  a:\n    env:\n      - HF_TOKEN=****\n      - "MY_SECRET_X=****\n      - PATH=/x\n      - 7\n      - [KEY=****\n',
  ],
  [
    'models:\n  a:\n    env:\n      HF_TOKEN: one\n      PATH: /x\n',
    'models:\n  a:\n    env:\n      HF_TOKEN: ****\n      PATH: /x\n',
  ],
  [
    'models:\n  a:\n    env: plain\n    macros: 7\n    apiKey:\n',
    'models:\n  a:\n    env: plain\n    macros: 7\n    apiKey:****\n',
  ],
  [
    'macros:\n  api-key: one\n  my_token: two\n  port: 8080\n',
    'macros:\n  api-key: ****\n  my_token: ****\n  port: 8080\n',
  ],
  [
    'x: &k [one]\napiKeys: *k\ny: &s two\npeers: {p: {apiKey: *s}}\n',
    'x: &k [****]\napiKeys: *k\ny: &s ****\npeers: {p: {apiKey: *s}}\n',
  ],
  [
    'base: &e\n  - A_KEY=one\n  - PATH=/x\na:\n  env: *e\nb:\n  env:\n    - &v B_TOKEN=two\n    - *v\n',
    'base: &e\n  - A_KEY=****\n  - PATH=/x\na:\n  env: *e\nb:\n  env:\n    - &v B_TOKEN=****\n    - *v\n',
  ],
  ['apiKeys: {a: one, b: [two, {c: three}], d: *gone}\n', 'apiKeys: ****\n'],
  [
    'apiKeys:\n  - |\n    one\n    two\n  - >-\n    three\n',
    'apiKeys:\n  - ****\n    ****\n    ****\n  - >-\n    ****\n',
  ],
  ['peers:\n  p:\n    apiKey: "one\n      two"\n', 'peers:\n  p:\n    apiKey: ****\n      ****\n'],
  [
    'models:\n  a:\n    cmd: serve --api-key one --hf-token=two --max-tokens 4096 --keys "a b" --secret -m x\n',
    'models:\n  a:\n    cmd: serve --api-key **** --hf-token=**** --max-tokens 4096 --keys **** --secret -m x\n',
  ],
  ['? [a, b]\n: x\napiKey: one\n', '? [a, b]\n: x\napiKey: ****\n'],
  ['apiKey: one\napiKey: two\n', 'apiKey: ****\napiKey: ****\n'],
  [
    '# apiKey: one\n#  - api_keys: two\n# HF_TOKEN=one SOME_KEY="two three" A=b\nmodels: {}\n',
    '# apiKey: ****\n#  - api_keys: ****\n# HF_TOKEN=**** SOME_KEY=**** A=b\nmodels: {}\n',
  ],
  ['apiKey: one\n\tapiKeys: two ]\n - A_KEY=three\n', 'apiKey: ****\n\tapiKeys: ****\n ****\n'],
  [
    'models:\n  a: {cmd: "x\napiKeys: # these\n  - one\n  - two\nother:\n  - three\n',
    'models:\n  a: {cmd: "x\napiKeys: # these\n  - ****\n  - ****\nother:\n  - three\n',
  ],
  [
    'bad: [\napiKeys: |\napiKey: []\napi_key: *x\napi-key: y\n  myapiKey: z\napiKeys: [\n',
    'bad: [\napiKeys: |\napiKey: []\napi_key: *x\napi-key: ****\n  myapiKey: ****\napiKeys: [\n',
  ],
  ['models: {}\n---\napiKeys: [one]\n', 'models: {}\n---\napiKeys: [****]\n'],
  ['apiKeys:\r\n  - one\r\nmodels: {}\r\n', 'apiKeys:\r\n  - ****\r\nmodels: {}\r\n'],
  ['', ''],
])('%j', (text, shown) => {
  expect(maskSecrets(text)).toBe(shown);
});

it('a difference is shown masked, and none is empty', () => {
  const text = (port: number) => `apiKeys:\n  - one\nport: ${port}\n`;
  expect(maskedDiff(text(1), text(1))).toBe('');
  expect(maskedDiff(text(1), text(2))).toBe('@@ lines 3..3 -> 3..3 @@\n- port: 1\n+ port: 2');
});
