import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { computeDiff } from '../../../src/hosts/config/diff.ts';
import { maskedDiff, maskSecrets, secretWords } from '../../../src/hosts/config/mask.ts';

describe('secrets in a configuration are masked', () => {
  it.each([
    ['a list of API keys', 'apiKeys:\n  - hush-1\n  - "hush-2" # mine\n'],
    ['the same in one line', 'apiKeys: [hush-1, "hush-2"]\n'],
    ['a quoted key', '"apiKeys":\n- hush-1\n'],
    ['another case', 'ApiKeys: [hush-1]\napi_key: hush-2\n'],
    ['an API key of a peer', 'peers:\n  p:\n    apiKey: hush-1\n'],
    [
      'variables by their names',
      'models:\n  a:\n    env:\n      - HF_TOKEN=hush-1\n      - "MY_SECRET_X=hush 2"\n      - KEY=hush-3\n',
    ],
    ['variables in one line', 'models: {a: {env: [HF_TOKEN=hush-1, "A_KEY=hush-2"]}}\n'],
    [
      'keys in camel case, and with a word before',
      'models:\n  a:\n    metadata: {accessToken: hush-1, clientSecret: hush-2, secret_access_key: hush-3, private_key: hush-4, db_pass: hush-5}\n',
    ],
    [
      'the same variables in a command',
      "models:\n  a:\n    cmd: DB_PASS=hush-1 AWS_CREDENTIALS='hush 2' MYSQL_PWD=hush-3 serve --passphrase hush-4\n",
    ],
    ['variables as a mapping', 'models:\n  a:\n    env:\n      HF_TOKEN: hush-1\n'],
    ['an anchor', 'x: &k [hush-1]\napiKeys: *k\ny: &s hush-2\npeers: {p: {apiKey: *s}}\n'],
    ['a block', 'apiKeys:\n  - |\n    hush-1\n    hush-2\n'],
    ['a folded key', 'peers:\n  p:\n    apiKey: "hush-1\n      hush-2"\n'],
    ['macros', 'macros:\n  api-key: hush-1\n  my_token: hush-2\n'],
    ['options of a command', 'models:\n  a:\n    cmd: serve --api-key hush-1 --hf-token=hush-2 -m x\n'],
    [
      'a token that says what it is',
      'models:\n  a:\n    cmd: serve hf_hushhushhushhush1234 # hf_hushhushhushhush5678\n',
    ],
    ['a comment', '# HF_TOKEN=hush-1\nmodels: {}\n'],
    ['a text that is cut off', 'models:\n  a: {cmd: "x\napiKeys:\n  - hush-1\n'],
    ['a text that is no YAML', 'apiKey: hush-1\n\tapiKeys: hush-2 ]\n - A_KEY=hush-3\n'],
    ['a second document', 'models: {}\n---\napiKeys: [hush-1]\n'],
    ['a list that is commented out', 'models: {}\n# apiKeys:\n#   - hush-1\n#apiKeys:\n#- hush-2\n'],
    ['a comment between API keys', 'apiKeys:\n  - a # was hush-0\n  # - hush-2\n  - hush-3\n'],
    ['a macro that an API key consists of', `macros:\n  k: hush-1\napiKeys: ["\${k}"]\n`],
    ['a macro in a secret option', `macros: {x: hush-1}\nmodels:\n  a:\n    cmd: serve --api-key \${x}\n`],
    [
      'a macro of a model in a variable',
      `models:\n  a:\n    macros:\n      x: hush-1\n    env:\n      - "HF_TOKEN=\${x}"\n`,
    ],
    [
      'a macro that a secret macro consists of',
      `macros:\n  x: hush-1\n  y: "\${x}"\n  z: "\${y}"\napiKeys: ["\${z}"]\n`,
    ],
    [
      'a text below a key that says so',
      'models:\n  a:\n    metadata:\n      tokens:\n        - hush-1\n      hf-token: {x: hush-2}\n',
    ],
    [
      'variables with other names',
      'models:\n  a:\n    env: [DB_PASS=hush-1, DB_PW=hush-2, MY_CREDENTIALS=hush-3, AUTH=hush-4, MYSQL_PWD=hush-5, PROXY_AUTHORIZATION=hush-6]\n',
    ],
    ['an option above its value', 'models:\n  a:\n    cmd: |\n      serve\n      --api-key\n      hush-1\n'],
    [
      'an option whose line goes on',
      'models:\n  a:\n    cmd: |\n      serve --api-key \\\n        hush-1 \\\n        -m x\n',
    ],
    [
      'quotes in a quoted command',
      'models:\n  a:\n    cmd: "serve --api-key \\"hush 1\\" -e \\"A_KEY=hush 2\\""\n',
    ],
    ['a quoted variable of a command', 'models:\n  a:\n    cmd: docker run -e "X_SECRET=hush 2" image\n'],
    ['Windows line ends', 'apiKeys:\r\n  - hush-1\r\nmodels: {}\r\n'],
  ])('%s', (_name, text) => {
    const masked = maskSecrets(text);
    expect(masked).not.toContain('hush');
    expect(masked).toContain('****');
    expect(masked.split('\n')).toHaveLength(text.split('\n').length);
    expect(maskSecrets(masked)).not.toContain('hush');
  });

  it.each([
    ['API keys', 'text\napi_keys: [hush-1\n', 'api_keys: ****'],
    ['a list of API keys', 'text\napiKeys:\n  - hush-1\n', '  - ****'],
    ['a variable', "text\nMY_SECRET_X='hush 2'\n", 'MY_SECRET_X=****'],
    ['an option', "text\ncmd: serve --my-password 'hush 3' -x\n", 'cmd: serve --my-password **** -x'],
    ['an option for several', 'text\ncmd: serve --api-keys hush-1\n', 'cmd: serve --api-keys ****'],
    ['a key that is commented out', '# apiKeys: hush-1\nmodels: {}\n', '# apiKeys: ****'],
  ])('line by line where no parser sees them: %s', (_, text, shown) => {
    expect(maskSecrets(text)).toContain(shown);
    expect(maskSecrets(text)).not.toContain('hush');
  });

  it('everything else stays as it is', () => {
    const text = `# models\nmodels:\n  "a b":\n    cmd: |\n      serve --max-tokens 4096 --keys-file x\n      -m model.gguf\n    env: [CUDA_VISIBLE_DEVICES=0, "PATH=/a:/b"]\n    aliases: [monkey]\napiKeys: []\nlogLevel: info\n`;
    expect(maskSecrets(text)).toBe(text);
  });

  it('limits, file names and macros of other values stay as they are', () => {
    const text = `macros:\n  port: 8080\n  k: "\${env.LLAMA_KEY}"\nmodels:\n  a:\n    cmd: |\n      serve --keys-file\n      x --port \${port}\n    metadata: {max_tokens: 4096, tokens: 7, author: ada}\n    env: [AUTHOR=ada, GIT_AUTHOR_NAME=ada, AUTHORS=ada, OLDPWDS=x]\n`;
    expect(maskSecrets(text)).toBe(text);
  });

  it('tells the words that it hides', () => {
    expect(secretWords('apiKeys: [hush-1]\nmodels:\n  a:\n    env: ["X_TOKEN=hush-2"]\n')).toEqual([
      'hush-1',
      'hush-2',
    ]);
  });

  it('a variable keeps its name', () => {
    expect(maskSecrets('env:\n  - HF_TOKEN=hush\n')).toBe('env:\n  - HF_TOKEN=****\n');
  });
});

describe('a masked diff', () => {
  it('knows an API key by lines that it does not show', () => {
    expect(maskedDiff('apiKeys:\n  - hush-1\n  - b\n', 'apiKeys:\n  - hush-2\n  - b\n')).toBe(
      '@@ lines 2..2 -> 2..2 @@\n-   - ****\n+   - ****',
    );
  });

  it('has the header and the number of lines of the real one, and is empty with it', () => {
    const line = fc.constantFrom(
      'apiKeys:',
      '  - hush-1',
      '  - hush-2',
      'models:',
      '  a: {apiKey: hush-3}',
      '',
      '    - X_KEY=hush-4',
      '\t',
      '  b: |',
      '      hush',
    );
    const text = fc.array(line, { maxLength: 12 }).map((lines) => lines.join('\n'));
    fc.assert(
      fc.property(text, text, (before, after) => {
        const real = computeDiff(before, after).split('\n');
        const masked = maskedDiff(before, after).split('\n');
        expect([masked.length, masked[0]]).toEqual([real.length, real[0]]);
      }),
      { numRuns: 500 },
    );
  });
});
