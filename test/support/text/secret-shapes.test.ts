import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { redactorFor } from '../../../src/support/text/environment-secrets.ts';
import { createRedactor } from '../../../src/support/text/redaction.ts';

const ALNUM = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
const HEX = '0123456789abcdef';
const WORD = `${ALNUM}_-`;
const chars = (alphabet: string, length: number) =>
  fc
    .array(fc.constantFrom(...alphabet), { minLength: length, maxLength: length })
    .map((letters) => letters.join(''));
/** Passwords as people and generators create them. */
const password = fc.oneof(
  fc.integer({ min: 6, max: 40 }).chain((length) => chars(ALNUM, length)),
  fc
    .integer({ min: 8, max: 40 })
    .chain((length) => chars(`${ALNUM}!#%+./:=@_-~`, length).filter((it) => /^[A-Za-z0-9]/.test(it))),
);

/** Contexts that identify a secret. */
const PLACES: Record<string, (secret: string) => string> = {
  'name: value': (it) => `password: ${it}`,
  'name with a prefix: value': (it) => `db_password: ${it}`,
  'name = value': (it) => `api_key = ${it}`,
  JSON: (it) => `{"user":"me","password":${JSON.stringify(it)}}`,
  'JSON in JSON': (it) => JSON.stringify({ body: JSON.stringify({ client_secret: it }) }),
  'JSON, spaced': (it) => `  "accessToken": ${JSON.stringify(it)},`,
  'a dict of Python': (it) => `{'user': 'me', 'passwd': '${it}'}`,
  'a call of Python': (it) => `connect(user='me', password='${it}')`,
  'a hash of Ruby': (it) => `:secret => "${it}"`,
  'a field of Go': (it) => `Token:"${it}"`,
  INI: (it) => `[auth]\npassphrase=${it}`,
  TOML: (it) => `private_key = "${it}"`,
  'X-Api-Key': (it) => `X-Api-Key: ${it}`,
  'PRIVATE-TOKEN': (it) => `> PRIVATE-TOKEN: ${it}`,
  'X-JFrog-Art-Api': (it) => `x-jfrog-art-api: ${it}`,
  'X-Auth-Token': (it) => `X-Auth-Token: ${it}`,
  'X-Vault-Token': (it) => `-H 'X-Vault-Token: ${it}'`,
  'Ocp-Apim-Subscription-Key': (it) => `Ocp-Apim-Subscription-Key: ${it}`,
  Cookie: (it) => `Cookie: sid=${it}; theme=dark`,
  'Set-Cookie': (it) => `< Set-Cookie: session=${it}; Path=/; HttpOnly`,
  'a cookie in JSON': (it) => `"cookie": "id=${it}"`,
  'Authorization: Basic': (it) => `Authorization: Basic ${btoa(`me:${it}`)}`,
  'Authorization: Bearer': (it) => `authorization: Bearer ${it}`,
  'Authorization: Digest': (it) => `Authorization: Digest username="me", response="${it}"`,
  'Proxy-Authorization': (it) => `Proxy-Authorization: ${it}`,
  'Basic alone': (it) => `sent Basic ${btoa(`me:${it}`)}`,
  '--password X': (it) => `$ twine upload --password ${it} dist/x`,
  '--password=X': (it) => `$ twine upload --password=${it}`,
  '--api-key X': (it) => `tool --api-key ${it}`,
  '--auth-token X': (it) => `tool --auth-token '${it}'`,
  'curl -u': (it) => `curl -u me:${it} https://h.example/`,
  'curl --user': (it) => `curl --user "me:${it}" https://h.example/`,
  'curl --proxy-user': (it) => `curl --proxy-user me:${it} https://h.example/`,
  'a netrc line': (it) => `machine h.example login me password ${it}`,
  'a line of a netrc of several lines': (it) => `machine h.example\n  login me\n  password A1${it}\n`,
  'an address without a scheme': (it) => `proxy me:${encodeURIComponent(it)}@proxy.example:8080 answered 407`,
  'an element of XML': (it) => `<server><id>x</id><password>${it}</password></server>`,
  'an attribute of XML': (it) => `<add key="ClearTextPassword" value="${it}" />`,
  'a statement of SQL': (it) => `CREATE USER me IDENTIFIED BY '${it}'`,
  'a role of SQL': (it) => `ALTER ROLE me PASSWORD '${it}'`,
  'a sentence': (it) => `the password "${it}" was rejected`,
  'a query in a query': (it) => `?state=%7B%22password%22%3A%22${encodeURIComponent(it)}%22%7D`,
  'an address': (it) => `https://me:${encodeURIComponent(it)}@h.example/simple`,
  'an address with the token alone': (it) => `https://${encodeURIComponent(it)}@h.example/simple`,
  '?token=': (it) => `https://h.example/a?token=${encodeURIComponent(it)}&x=1`,
  '?jwt=': (it) => `https://h.example/a?jwt=${encodeURIComponent(it)}`,
  '?session=': (it) => `https://h.example/a?x=1&session=${encodeURIComponent(it)}`,
  '?sig=': (it) => `https://h.example/a?sv=1&sig=${encodeURIComponent(it)}`,
  '?X-Amz-Signature=': (it) => `https://h.example/a?X-Amz-Signature=${encodeURIComponent(it)}`,
  'an environment': (it) => `HF_TOKEN="${it}" ktx setup`,
  'npm _authToken': (it) => `//h.example/:_authToken=${it}`,
  'npm _password': (it) => `//h.example/:_password=${it}`,
  'AWS secret key': (it) => `aws_secret_access_key = ${it}`,
  'Azure account key': (it) => `AccountName=x;AccountKey=${it}`,
};

/** Secrets with a recognisable format. */
const TOKENS: Record<string, fc.Arbitrary<string>> = {
  JWT: fc.tuple(chars(WORD, 20), chars(WORD, 40), chars(WORD, 43)).map(([a, b, c]) => `eyJ${a}.${b}.${c}`),
  'AWS access key': chars('ABCDEFGHIJKLMNOPQRSTUVWXYZ234567', 16).map((it) => `AKIA${it}`),
  'AWS session key': chars('ABCDEFGHIJKLMNOPQRSTUVWXYZ234567', 16).map((it) => `ASIA${it}`),
  'Slack bot': fc.tuple(chars('0123456789', 11), chars(ALNUM, 24)).map(([a, b]) => `xoxb-${a}-${a}-${b}`),
  'Slack user': fc.tuple(chars('0123456789', 11), chars(HEX, 32)).map(([a, b]) => `xoxp-${a}-${a}-${a}-${b}`),
  'Slack hook': chars(ALNUM, 24).map((it) => `hooks.slack.com/services/T00000000/B00000000/${it}`),
  OpenAI: chars(ALNUM, 48)
    .filter((it) => /\d/.test(it))
    .map((it) => `sk-${it}`),
  Anthropic: chars(WORD, 93)
    .filter((it) => /\d/.test(it))
    .map((it) => `sk-ant-api03-${it}AA`),
  'Google key': chars(WORD, 35).map((it) => `AIza${it}`),
  'Google token': chars(WORD, 60).map((it) => `ya29.${it}`),
  'Google client': chars(WORD, 28).map((it) => `GOCSPX-${it}`),
  Artifactory: chars(ALNUM, 69).map((it) => `AKCp${it}`),
  'Artifactory reference': chars(ALNUM, 59).map((it) => `cmVmd${it}`),
  'Docker personal': chars(WORD, 27).map((it) => `dckr_pat_${it}`),
  GitHub: chars(ALNUM, 36).map((it) => `ghp_${it}`),
  'GitHub fine-grained': chars(`${ALNUM}_`, 82).map((it) => `github_pat_${it}`),
  GitLab: chars(WORD, 20).map((it) => `glpat-${it}`),
  'GitLab runner': chars(WORD, 20).map((it) => `glrt-${it}`),
  npm: chars(ALNUM, 36).map((it) => `npm_${it}`),
  'Package index': chars(WORD, 80).map((it) => `pypi-AgEIcHlwaS5vcmc${it}`),
  'Model hub': chars(ALNUM, 34).map((it) => `hf_${it}`),
  Stripe: chars(ALNUM, 24).map((it) => `sk_live_${it}`),
  SendGrid: fc.tuple(chars(WORD, 22), chars(WORD, 43)).map(([a, b]) => `SG.${a}.${b}`),
  Twilio: chars(HEX, 32).map((it) => `SK${it}`),
  Mailchimp: chars(HEX, 32).map((it) => `${it}-us12`),
  'HashiCorp Vault': chars(WORD, 95).map((it) => `hvs.${it}`),
  Databricks: chars(HEX, 32).map((it) => `dapi${it}`),
  DigitalOcean: chars(HEX, 64).map((it) => `dop_v1_${it}`),
  Atlassian: chars(WORD, 186).map((it) => `ATATT3${it}`),
  Grafana: chars(ALNUM, 32).map((it) => `glsa_${it}_0a1b2c3d`),
  Shopify: chars(HEX, 32).map((it) => `shpat_${it}`),
  Telegram: chars(WORD, 33).map((it) => `123456789:AA${it}`),
  'Azure AD': chars(ALNUM, 32).map((it) => `abc8Q~${it}`),
  RubyGems: chars(HEX, 48).map((it) => `rubygems_${it}`),
  Clojars: chars('abcdefghijklmnopqrstuvwxyz0123456789', 60).map((it) => `CLOJARS_${it}`),
  NuGet: chars('abcdefghijklmnopqrstuvwxyz0123456789', 43).map((it) => `oy2${it}`),
  Sourcegraph: chars(HEX, 40).map((it) => `sgp_${it}`),
  'AWS Bedrock': chars(ALNUM, 109).map((it) => `ABSK${it}==`),
  'Alibaba Cloud': chars(ALNUM, 20).map((it) => `LTAI${it}`),
  'HCP Terraform': fc.tuple(chars(ALNUM, 14), chars(ALNUM, 67)).map(([a, b]) => `${a}.atlasv1.${b}`),
  Heroku: chars(WORD, 60).map((it) => `HRKU-${it}`),
  'Fly.io': chars(ALNUM, 80).map((it) => `fm2_${it}`),
  'Fly.io, several': chars(ALNUM, 80).map((it) => `FlyV1 ${it}`),
  Tailscale: fc.tuple(chars(ALNUM, 12), chars(ALNUM, 32)).map(([a, b]) => `tskey-auth-${a}-${b}`),
  Supabase: chars(HEX, 40).map((it) => `sbp_${it}`),
  PlanetScale: chars(ALNUM, 43).map((it) => `pscale_tkn_${it}`),
  Pulumi: chars(HEX, 40).map((it) => `pul-${it}`),
  Doppler: chars(ALNUM, 43).map((it) => `dp.pt.${it}`),
  Dynatrace: fc
    .tuple(chars('ABCDEFGHIJKLMNOPQRSTUVWXYZ234567', 24), chars('ABCDEFGHIJKLMNOPQRSTUVWXYZ234567', 64))
    .map(([a, b]) => `dt0c01.${a}.${b}`),
  Groq: chars(ALNUM, 52).map((it) => `gsk_${it}`),
  Perplexity: chars(ALNUM, 48).map((it) => `pplx-${it}`),
  xAI: chars(ALNUM, 80).map((it) => `xai-${it}`),
  Replicate: chars(ALNUM, 37).map((it) => `r8_${it}`),
  'Slack refresh': chars(ALNUM, 146).map((it) => `xoxe-1-${it}`),
  'Slack rotated': chars(ALNUM, 160).map((it) => `xoxe.xoxp-1-${it}`),
  'Slack app': chars(HEX, 64).map((it) => `xapp-1-A01234567-0123456789-${it}`),
  Linear: chars(ALNUM, 40).map((it) => `lin_api_${it}`),
  Notion: chars(ALNUM, 46).map((it) => `ntn_${it}`),
  'Notion, old': chars(ALNUM, 43).map((it) => `secret_${it}`),
  Postman: fc.tuple(chars(HEX, 24), chars(HEX, 34)).map(([a, b]) => `PMAK-${a}-${b}`),
  Sentry: chars(HEX, 64).map((it) => `sntryu_${it}`),
  'New Relic': chars('ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789', 27).map((it) => `NRAK-${it}`),
  Mailgun: chars(HEX, 32).map((it) => `key-${it}`),
  'Stripe webhook': chars(ALNUM, 32).map((it) => `whsec_${it}`),
  Square: chars(WORD, 43).map((it) => `sq0csp-${it}`),
  'Square access': chars(WORD, 60).map((it) => `EAAA${it}`),
  '1Password service account': chars(ALNUM, 200).map((it) => `ops_eyJ${it}`),
  '1Password secret key': chars('ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789', 26).map((it) => `A3-ABC123-${it}`),
  age: chars('QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L', 58).map((it) => `AGE-SECRET-KEY-1${it}`),
};

const TEXTS = ['', 'error: ', 'got ', '[fetch] ', '"'];

describe('secrets, by the place where they stand', () => {
  it.each(Object.entries(PLACES))('%s', (_, print) => {
    fc.assert(
      fc.property(password, (secret) => {
        // Characters that end the text in this context are not part of the secret.
        fc.pre(!/[&;,]/.test(secret));
        const shown = createRedactor().redact(print(secret));
        for (const form of new Set([secret, encodeURIComponent(secret), btoa(`me:${secret}`)]))
          expect(shown).not.toContain(form);
      }),
      { numRuns: 25 },
    );
  });
});

describe('secrets with a recognisable prefix', () => {
  it.each(Object.entries(TOKENS))('%s', (_, token) => {
    fc.assert(
      fc.property(token, fc.constantFrom(...TEXTS), (secret, before) => {
        expect(createRedactor().redact(`${before}${secret} and more`)).not.toContain(secret.slice(-12));
      }),
      { numRuns: 25 },
    );
  });

  it('the body of a private key, in one piece and line by line', () => {
    fc.assert(
      fc.property(fc.array(chars(`${ALNUM}+/`, 64), { minLength: 2, maxLength: 6 }), (lines) => {
        const key = [
          '-----BEGIN RSA PRIVATE KEY-----',
          ...lines,
          `${lines[0]!.slice(0, 30)}==`,
          '-----END RSA PRIVATE KEY-----',
        ];
        const { redact } = createRedactor();
        const whole = redact(key.join('\n'));
        for (const line of lines) {
          expect(whole).not.toContain(line);
          expect(redact(line)).not.toContain(line);
        }
        expect(whole).not.toContain(lines[0]!.slice(0, 30));
        expect(whole).toContain('-----END RSA PRIVATE KEY-----');
      }),
    );
  });
});

describe('a known secret', () => {
  const forms: Record<string, (secret: string) => string> = {
    'as it is': (it) => `x${it}y`,
    'percent-encoded': (it) => `q=${encodeURIComponent(it)}`,
    'percent-encoded in small letters': (it) =>
      `q=${encodeURIComponent(it).replace(/%../g, (coded) => coded.toLowerCase())}`,
    base64: (it) => `got ${btoa(it)}.`,
    'base64 of user:secret': (it) => `got ${btoa(`someone:${it}`)}.`,
    'base64 of secret:': (it) => `got ${btoa(`${it}:`)}.`,
    'base64 for addresses': (it) => `got ${Buffer.from(`u:${it}`).toString('base64url')}.`,
    hexadecimal: (it) => `got ${Buffer.from(it).toString('hex')}`,
    'hexadecimal in capitals': (it) => `got ${Buffer.from(it).toString('hex').toUpperCase()}`,
    'in a JSON string': (it) => JSON.stringify({ x: it }),
  };

  it.each(Object.entries(forms))('%s', (_, print) => {
    fc.assert(
      fc.property(password, (secret) => {
        const redactor = createRedactor();
        redactor.addSecret(secret);
        const printed = print(secret);
        const shown = redactor.redact(printed);
        expect(shown).not.toBe(printed);
        expect(shown).not.toContain(printed.slice(4, -2));
      }),
      { numRuns: 50 },
    );
  });

  it('with a carriage return in it: both parts', () => {
    const redactor = createRedactor();
    redactor.addSecret('first-part\rsecond-part');
    expect(redactor.redact('x first-part y second-part z')).toBe('x **** y **** z');
  });

  it.each([
    'DEPLOY_KEY',
    'DB_PW',
    'AWS_CREDENTIALS',
    'API_TOKENS',
    'NPM_AUTH',
    'SESSION_COOKIE',
    'MY_SECRETS',
    'PGPASSWORD',
  ])('in the environment as %s', (name) => {
    expect(redactorFor({ [name]: 'Zq7-value-of-it' }).redact('a Zq7-value-of-it b')).toBe('a **** b');
  });

  it.each([
    ['PWD', '/home/ada/project'],
    ['SSL_KEY', '/etc/ssl/private/host.pem'],
    ['GOOGLE_APPLICATION_CREDENTIALS', '/home/ada/key.json'],
    ['GIT_ASKPASS', '/usr/bin/askpass'],
    ['KEYBOARD', 'german-layout'],
  ])('%s in the environment is no secret', (name, value) => {
    expect(redactorFor({ [name]: value }).redact(`a ${value} b`)).toBe(`a ${value} b`);
  });
});

it('1,000 generated secrets in their places: none is shown', () => {
  const everything = fc.oneof(
    fc
      .tuple(
        fc.constantFrom(...Object.values(PLACES)),
        password.filter((it) => !/[&;,]/.test(it)),
      )
      .map(([print, secret]) => ({ text: print(secret), secret })),
    ...Object.values(TOKENS).map((token) =>
      token.map((secret) => ({ text: `got ${secret} here`, secret: secret.slice(-12) })),
    ),
  );
  let count = 0;
  fc.assert(
    fc.property(everything, ({ text, secret }) => {
      count++;
      expect(createRedactor().redact(text)).not.toContain(secret);
    }),
    { numRuns: 1000 },
  );
  console.log(
    `${count} of ${count} generated secrets masked, ${Object.keys(PLACES).length + Object.keys(TOKENS).length + 11} shapes`,
  );
});

it('masks at most 1% of harmless text: real logs of ktx, uv, pip and npm', () => {
  const folder = join(import.meta.dirname, '../../fixtures/logs');
  const { redact } = createRedactor();
  let total = 0;
  let masked = 0;
  for (const name of readdirSync(folder)) {
    for (const line of readFileSync(join(folder, name), 'utf8').split('\n')) {
      total += line.length;
      const shown = redact(line);
      if (shown === line) continue;
      masked += line.length;
      console.log(`${name}: ${shown.slice(0, 160)}`);
    }
  }
  console.log(
    `harmless text: ${masked} of ${total} characters stand in lines with a mask (${((100 * masked) / total).toFixed(2)}%)`,
  );
  expect(total).toBeGreaterThan(20_000);
  expect(masked / total).toBeLessThan(0.01);
});
