import { hasEncodedLine } from './encoded-line.ts';

/** A quick test of a text. */
export interface Hint {
  test(text: string): boolean;
}

/**
 * Shapes of secrets in text that programs print. They cover those known to gitleaks and detect-secrets and
 * those that installers, package indexes and cloud tools print; the patterns are our own. A pattern either
 * masks its entire match, or keeps the groups `before` and `after`.
 */
export interface SecretShape {
  /**
   * The pattern is only tried when one of these matches: most text has no secret, and hints are much faster.
   */
  hints: readonly Hint[];
  pattern: RegExp;
}

/**
 * The end of a name whose value is a secret: `DB_PASSWORD`, `apiKey`, `client-secret`, `//host/:_authToken`.
 */
const NAME = [
  'pass(?:wor)?d',
  'passwd',
  'passphrase',
  'passcode',
  'pwd',
  '[_-](?:pass|pw|auth|cookie)',
  'secret',
  'token',
  'tokens(?!["\']?\\s*[:=]?\\s*\\d{1,7}\\b)',
  '(?:api|access|account|app|auth|client|consumer|deploy|encryption|license|master|private|secret|service|shared|signing|storage|subscription)[_. -]?key',
  '(?:private|secret|signing)[_-]key[_-]id',
  'credentials?',
  'signature',
  'jfrog-art-api',
].join('|');

/** Words that follow a colon in prose: `Invalid token: expected a string`. */
const PROSE =
  '(?:true|false|null|none|undefined|yes|no|not|is|are|was|were|must|should|cannot|could|can|may|for|from|to|the|an?|in|on|of|at|as|by|or|and|expected|unexpected|got|required|missing|invalid|expired|wrong|incorrect|permission|no-?such|see|use|using|set|unset|found|file|error|failed)(?=[,;:)]?(?:\\s|$))';

const QUOTED =
  '"(?:\\\\.|[^"\\\\\\r\\n])*"?|\'(?:\\\\.|[^\'\\\\\\r\\n])*\'?|\\\\"(?:(?!\\\\")[^\\r\\n])*(?:\\\\")?';

const shape = (hint: Hint, pattern: string, flags = 'gi'): SecretShape => ({
  hints: [hint],
  pattern: new RegExp(pattern, flags),
});

const NAME_WORD = /pass|pwd|[_-](?:pw|auth)|secret|token|key|credential|signature|cookie|art-api/;
/** Lower-cased first: a case-insensitive expression takes twice as long. */
const NAME_HINT: Hint = { test: (text) => NAME_WORD.test(text.toLowerCase()) };

export const SECRET_SHAPES: readonly SecretShape[] = [
  // `://user:password@`, `://token@`. Up to the last `@` of the authority, because people use `@` in
  // passwords.
  shape(/@/, '(?<before>://)[^\\s/?#"\'<>]*(?<after>@)'),
  // `://user:pass/word@`: an unencoded slash. A number after the colon is a port.
  shape(
    /@/,
    '(?<before>://)[^\\s:/?#@"\'<>]{1,256}:(?!\\d{1,5}(?:[/?#]|$))[^\\s@"\'<>]{1,256}(?<after>@)',
    'gim',
  ),
  // Schemes whose credentials are one word: `Authorization: Basic dXNlcg==`.
  shape(
    /authorization/i,
    '(?<before>authorization["\']?[ \\t]*[:=][ \\t]*["\']?(?:basic|bearer|token|negotiate|ntlm|apikey|api-key)[ \\t]+)[^\\s,"\']+',
  ),
  // Any other scheme, such as `Digest` with its many fields: up to the closing quote, or the end of the line.
  shape(
    /authorization/i,
    '(?<before>authorization["\']?[ \\t]*[:=][ \\t]*(?<quote>["\']))(?!(?:basic|bearer|token|negotiate|ntlm|apikey|api-key)[ \\t])(?:\\\\.|(?!\\k<quote>)[^\\r\\n\\\\])+',
  ),
  shape(
    /authorization/i,
    '(?<before>authorization["\']?[ \\t]*[:=][ \\t]*)(?![ \\t"\']|(?:basic|bearer|token|negotiate|ntlm|apikey|api-key)[ \\t])[^\\r\\n]+',
  ),
  // Not `bearer authentication`, a phrase in error messages.
  shape(/bearer[ \t]/i, '(?<before>\\bbearer[ \\t]+)(?!authentication\\b)[\\w.~+/=-]{8,}'),
  shape(
    /basic[ \t]/i,
    '(?<before>\\bbasic[ \\t]+)(?=[A-Za-z+/]*[A-Z0-9=])(?-i:(?=[a-z]*[A-Z0-9=]))[A-Za-z0-9+/]{8,}={0,2}',
  ),
  shape(/cookie/i, '(?<before>\\b(?:set-)?cookies?["\']?[ \\t]*:[ \\t]*)(?![\\s\\d*{[])[^\\r\\n"\']+'),
  shape(/cookie/i, `(?<before>\\b(?:set-)?cookies?["']?[ \\t]*[:=][ \\t]*)(?:${QUOTED})`),
  // `name=value` in a URL, an environment or a configuration. `==` is a version: `tokenizers==0.22`.
  shape(
    NAME_HINT,
    `(?<before>(?:${NAME})["'\\]]{0,2}[ \\t]*(?:=>?|:=)(?![=>])[ \\t]*)(?:${QUOTED}|[^&\\s"'<>]+)`,
  ),
  shape(
    /[?&](?:sig|key|auth|pass|pwd|jwt|sid|session|code|access|ticket|assertion)/i,
    '(?<before>[?&](?:sig|key|auth|pass|pwd|jwt|sid|session(?:_?id)?|code|access|ticket|assertion)=)[^&\\s"\'<>]+',
  ),
  // `"name": "value"`, `name: value`. Not after a path, or after a word from a parser's error.
  shape(
    NAME_HINT,
    `(?<before>(?:${NAME})(?<!(?:[/\\\\]|\\b(?:expected|invalid|illegal|unknown|bad|missing) )[\\w.-]{0,48})(?:\\\\?["'])?[ \\t]*:[ \\t]*)(?:${QUOTED}|(?!${PROSE})[^\\s,;"'<>(){}[\\]*]+)`,
  ),
  // `--password X`, `-passphrase X`; `<X>` is a placeholder in help text.
  shape(
    NAME_HINT,
    `(?<before>(?<![\\w-])--?[\\w-]{0,64}?(?:${NAME})[ \\t]+)(?![-<[|=:])(?:${QUOTED}|[^\\s"'<>]+)`,
  ),
  // `curl -u me:X`; two numbers are a uid and a gid.
  shape(
    /(?:^|\s)-[uU]|-user/,
    '(?<before>(?:^|\\s)(?:-u|--user|--proxy-user)[ \\t=]*["\']?[^\\s:"\'/]{1,256}:)(?!\\d+(?:\\s|$)|//)[^\\s"\']+',
    'gim',
  ),
  // A line of a netrc.
  shape(
    /\b(?:login|machine|default)\s/,
    '(?<before>\\b(?:machine|default|login)\\s.{0,200}?\\bpassword[ \\t]+)\\S+',
    'g',
  ),
  // The same on a line of its own. Prose after the word has no digits and no capitals.
  shape(/\bpassword\s/, '(?<before>^[ \\t]*password[ \\t]+)(?=[a-z]*[A-Z0-9])\\S{4,}(?=[ \\t]*\\r?$)', 'gm'),
  // `user:password@proxy:8080`, without a scheme. A digest after the `@` is not a host with a port.
  shape(
    /@/,
    '(?<before>(?<![\\w:/@.%+-])[\\w.%+\\\\-]{1,128}:)(?!\\d{1,5}/)[^\\s:/?#@"\'<>]{1,256}(?<after>@(?:\\[[\\da-f:]+\\]|[\\w-]+(?:\\.[\\w-]+)*):\\d{1,5}\\b)',
  ),
  // XML: an element, and an attribute beside the one with the name.
  shape(
    NAME_HINT,
    `(?<before><[\\w.:-]{0,64}?(?:${NAME})(?:\\s[^<>\\r\\n]{0,200})?>)[^<>\\r\\n]+(?<after></)`,
  ),
  shape(
    NAME_HINT,
    `(?<before>\\b(?:key|name)=["'][\\w.:-]{0,64}?(?:${NAME})["']\\s+value=["'])[^"'<>\\r\\n]+`,
  ),
  // Statements and sentences that quote it.
  shape(
    /pass(?:word|phrase)\s|identified by/i,
    '(?<before>\\b(?:pass(?:word|phrase)|identified by)[ \\t]+(?:is[ \\t]+)?)(?:"[^"\\r\\n]{4,}"|\'[^\'\\r\\n]{4,}\')',
  ),
  // Percent-encoded, as a query within a query.
  shape(
    NAME_HINT,
    `(?<before>(?:${NAME})(?:%22)?(?:%3A|%3D)(?:%20)*(?:%22)?)(?:(?!%(?:22|26|2C|7D))[^&\\s"'<>])+`,
  ),
  // The body of a private key, with whatever surrounds it.
  shape(
    /-----BEGIN/,
    '(?<before>-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----)(?:(?!-----END)[\\s\\S])+',
    'g',
  ),
  // A single line of such a body, as programs pass it on line by line. Not hexadecimal digests.
  shape(
    { test: hasEncodedLine },
    '(?<=^[ \\t]*)(?=[a-z+/]*[A-Z0-9])(?=[A-Z0-9+/]*[a-z])(?![0-9a-f]{60,}[ \\t]*$)[A-Za-z0-9+/]{60,80}={0,2}(?=[ \\t]*\\r?$)',
    'gm',
  ),
];

/**
 * Tokens with a recognisable prefix. The package index's prefix is also that of repository and package names,
 * which have no digits among capitals.
 */
const TOKENS = [
  // Source code, packages and models.
  'gh[oprsu]_[A-Za-z0-9]{16,}',
  'github_pat_\\w{16,}',
  'gl(?:pat|ptt|dt|rt|cbt|ft|imt|soat|agent|oas|ffct)-[\\w.-]{16,}',
  '(?:npm|hf)_[A-Za-z0-9]{16,}',
  'pypi-(?=[\\w-]{0,200}[A-Z])(?=[\\w-]{0,200}\\d|Ag)[\\w-]{16,}',
  'rubygems_[0-9a-f]{32,}',
  'CLOJARS_[a-z0-9]{40,}',
  'oy2[a-z0-9]{43}',
  'dckr_[po]at_[\\w-]{16,}',
  'AKCp[A-Za-z0-9]{16,}',
  'cmVmd[A-Za-z0-9]{40,}',
  'sgp_[A-Za-z0-9_]{16,}',
  // Clouds.
  '(?:A3T[A-Z0-9]|AKIA|ASIA|ABIA|ACCA|AROA|AIDA)[A-Z0-9]{16}',
  'ABSK[A-Za-z0-9+/]{40,}={0,2}',
  'AIza[\\w-]{30,}',
  'ya29\\.[\\w-]{16,}',
  'GOCSPX-[\\w-]{16,}',
  '[\\w~.]{3}\\dQ~[\\w~.-]{31,34}',
  'LTAI[A-Za-z0-9]{16,}',
  'do[oprt]_v1_[0-9a-f]{32,}',
  'hv[bsr]\\.[\\w-]{20,}',
  '[\\w-]{14}\\.atlasv1\\.[\\w-]{40,}',
  'dapi[0-9a-f]{32}',
  'HRKU-[\\w-]{16,}',
  'fm[12][ar]?_[\\w+/=-]{40,}',
  'FlyV1 [\\w+/=,-]{40,}',
  'tskey-[\\w-]{16,}',
  'sbp_[0-9a-f]{32,}',
  'pscale_(?:tkn|pw|oauth)_[\\w.-]{16,}',
  'pul-[0-9a-f]{32,}',
  'dp\\.(?:pt|st|ct|sa|scim|audit)\\.[\\w.-]{16,}',
  'dt0[a-z]\\d\\d\\.[A-Z0-9]{16,}\\.[A-Z0-9]{32,}',
  // Language models.
  'sk-(?=[\\w-]{0,200}\\d)[\\w-]{20,}',
  'gsk_[A-Za-z0-9]{20,}',
  'pplx-[A-Za-z0-9]{20,}',
  'xai-[A-Za-z0-9]{20,}',
  'r8_[A-Za-z0-9]{20,}',
  // Chat and collaboration.
  'xox[abeoprs]-[\\w-]{10,}',
  'xoxe\\.[\\w.-]{10,}',
  'xapp-\\d-[\\w-]{10,}',
  '\\d{8,10}:AA[\\w-]{30,}',
  'AT(?:ATT3|CTT3)[\\w=-]{20,}',
  'lin_(?:api|oauth)_[A-Za-z0-9]{16,}',
  'ntn_[A-Za-z0-9]{20,}',
  'secret_[A-Za-z0-9]{43}',
  'PMAK-[\\w-]{20,}',
  'shp(?:at|ca|pa|ss)_[A-Fa-f0-9]{20,}',
  'sntry[su]_[\\w+/=-]{20,}',
  'gl(?:sa|c)_[\\w+/=-]{20,}',
  'NRAK-[A-Z0-9]{20,}',
  'key-[0-9a-f]{32}',
  '[0-9a-f]{32}-us\\d{1,2}',
  'SG\\.[\\w-]{16,}\\.[\\w-]{16,}',
  'SK[0-9a-f]{32}',
  // Payments.
  '[rsp]k_(?:live|test|prod)_[A-Za-z0-9]{10,}',
  'whsec_[A-Za-z0-9+/=]{16,}',
  'sq0(?:atp|csp|idp)-[\\w-]{16,}',
  'EAAA[\\w-]{40,}',
  // Password managers.
  'AGE-SECRET-KEY-1[A-Z0-9]{40,}',
  'ops_eyJ[\\w+/=-]{40,}',
  'A3-[A-Z0-9]{6}-[A-Z0-9-]{20,}',
  // JSON Web Tokens, signed (JWS, RFC 7515) and encrypted (JWE, RFC 7516).
  '(?<![\\w-])eyJ[\\w-]{8,}\\.[\\w-]*\\.[\\w-]{8,}(?:\\.[\\w-]+){0,2}',
];

/**
 * Prefixes of the tokens, or characters from their middle. Three expressions, each with a fast first test.
 */
const TOKEN_HINTS = [
  /[_-](?<=(?:gh[oprsu]|pat|gl[a-z]{1,5}|npm|hf|pypi|gems|JARS|oat|sgp|OCSPX|v1|HRKU|tskey|sbp|tkn|pw|oauth|pul|sk|gsk|pplx|xai|r8|xox[abeoprs]|xapp|api|ntn|secret|PMAK|shp[a-z]{2}|sntry[su]|NRAK|key|live|test|prod|whsec|sq0[a-z]{3}|KEY|ops|A3|fm[12][ar]?).)(?=[\w-]{8})/,
  /cmVmd|dapi|dp\.|dt0|ya29|eyJ|oy2|hv[bsr]\.|slack\.com|atlasv1|xoxe\.|-us\d/,
  /A(?:K[IC]|[SBRI][ICOD]|3T|BS|Iz|T[AC]T|CC)|Q~|LTAI|S(?:G\.|K[0-9a-f]{8})|EAAA|:AA|FlyV1/,
];

export const KNOWN_TOKEN: SecretShape = {
  hints: TOKEN_HINTS,
  pattern: new RegExp(
    `(?<![A-Za-z0-9])(?:${TOKENS.join('|')})|(?<before>hooks\\.slack\\.com/(?:services|workflows)/)[\\w/+-]+`,
    'g',
  ),
};
