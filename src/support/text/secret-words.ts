const each = (before: readonly string[], after: readonly string[]): string[] =>
  before.flatMap((start) => after.map((end) => start + end));

const HEX = [...'0123456789abcdef'];
const SPACES = [' ', '\t', '\n'];

/**
 * Every match of `SECRET_SHAPES` and `KNOWN_TOKEN` contains one of these, ignoring case, except for a line of base64. Text without
 * them needs no pattern; text with one need not contain a secret.
 */
export const SECRET_WORDS: readonly string[] = [
  // URLs with credentials.
  '@',
  // Headers.
  'authorization',
  ...each(['bearer', 'basic'], [' ', '\t']),
  'cookie',
  // Names.
  ...['pass', 'pwd', '-pw', '_pw', '-auth', '_auth', 'secret', 'token', 'key', 'credential', 'signature'],
  'art-api',
  ...each(['?', '&'], ['sig', 'auth', 'jwt', 'sid', 'session', 'code', 'access', 'ticket', 'assertion']),
  'identified by',
  // Options and files with credentials.
  ...[' -u', '\t-u', '\n-u', '-user'],
  ...each(['machine', 'default', 'login'], SPACES),
  '-----begin',
  // Prefixes of tokens.
  ...['gho_', 'ghp_', 'ghr_', 'ghs_', 'ghu_', 'github_pat_', 'npm_', 'hf_', 'pypi-', 'rubygems_', 'clojars_'],
  ...each(['gl'], ['pat-', 'ptt-', 'dt-', 'rt-', 'cbt-', 'ft-', 'imt-', 'soat-', 'agent-', 'oas-', 'ffct-']),
  ...['oy2', 'dckr_', 'akcp', 'cmvmd', 'sgp_'],
  ...[
    'a3t',
    'akia',
    'asia',
    'abia',
    'acca',
    'aroa',
    'aida',
    'absk',
    'aiza',
    'ya29.',
    'gocspx-',
    'q~',
    'ltai',
  ],
  ...['doo_v1_', 'dop_v1_', 'dor_v1_', 'dot_v1_', 'hvb.', 'hvs.', 'hvr.', '.atlasv1.', 'dapi', 'hrku-'],
  ...['fm1', 'fm2', 'flyv1 ', 'sbp_', 'pscale_', 'pul-', 'dp.pt.', 'dp.st.', 'dp.ct.', 'dp.sa.', 'dp.scim.'],
  ...['dp.audit.', 'dt0', 'sk-', 'gsk_', 'pplx-', 'xai-', 'r8_', 'xox', 'xapp-', ':aa', 'atatt3', 'atctt3'],
  ...['lin_', 'ntn_', 'pmak-', 'shpat_', 'shpca_', 'shppa_', 'shpss_', 'sntrys_', 'sntryu_', 'glsa_', 'glc_'],
  ...[
    'nrak-',
    'sg.',
    'k_live_',
    'k_test_',
    'k_prod_',
    'whsec_',
    'sq0',
    'eaaa',
    'a3-',
    'eyj',
    'hooks.slack.com',
  ],
  ...each(['-us'], [...'0123456789']),
  ...each(each(['sk'], HEX), HEX),
];
