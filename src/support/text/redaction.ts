/** Hides secrets in text that is shown or logged. */
export interface Redactor {
  /** Give it whole lines, one or many: a secret cut in two is not found. Idempotent; leaves line ends alone. */
  redact(text: string): string;
  /** A value to hide wherever it stands, also percent-encoded. Shorter than 4 characters is ignored: it would blot out the text. */
  addSecret(secret: string): void;
}

const MASK = '****';
const MIN_SECRET_CHARS = 4;

/** `://user:password@`, `://token@`. Up to the last `@` of the authority, because people put `@` into passwords. */
const URL_USERINFO = /:\/\/[^\s/?#"'<>]*@/g;
/** `://user:pass/word@`: a slash that should have been encoded. A number after the colon is a port. */
const URL_USERINFO_WITH_SLASH = /:\/\/[^\s:/?#@"'<>]{1,256}:(?!\d{1,5}(?:[/?#]|$))[^\s@"'<>]{1,256}@/gm;
/** `Authorization: Basic dXNlcg==`, `'proxy-authorization': 'Bearer …'`: schemes whose credentials are one word. */
const AUTHORIZATION_WORD =
  /(authorization["']?[ \t]*[:=][ \t]*["']?(?:basic|bearer|token|negotiate|ntlm)[ \t]+)[^\s,"']+/gi;
/** Any other scheme, such as `Digest` with its many parts: to the end of the quotes, or of the line. */
const AUTHORIZATION_QUOTED =
  /(authorization["']?[ \t]*[:=][ \t]*)(["'])(?!(?:basic|bearer|token|negotiate|ntlm)[ \t])(?:\\.|(?!\2)[^\r\n\\])+/gi;
const AUTHORIZATION_BARE =
  /(authorization["']?[ \t]*[:=][ \t]*)(?![ \t"']|(?:basic|bearer|token|negotiate|ntlm)[ \t])[^\r\n]+/gi;
/** Not `bearer authentication`, of which errors speak. */
const BEARER = /\b(bearer[ \t]+)(?!authentication\b)[\w.~+/=-]{8,}/gi;
/** `token=…` in a query, an environment or a configuration. `==` is a version: `tokenizers==0.22`. */
const NAMED_VALUE =
  /(?<=token|passw(?:or)?d|passphrase|secret|api[_-]?key|access[_-]?key|signature|credential|_auth|[?&](?:sig|key|auth|pass|pwd))=(?!=)(?:"[^"\r\n]*"?|'[^'\r\n]*'?|[^&\s"'<>]+)/gi;

/**
 * Tokens that say what they are: of GitHub, GitLab, npm, the model hub, the public package index, language models, and
 * signed ones (JWT, RFC 7519). That of the package index shares its beginning with the names of repositories and packages,
 * which have no digits among capitals.
 */
const KNOWN_TOKEN =
  /\b(?:gh[opsur]_[A-Za-z0-9]{16,}|github_pat_\w{16,}|glpat-[\w.-]{16,}|(?:npm|hf)_[A-Za-z0-9]{16,}|pypi-(?=[\w-]*[A-Z])(?=[\w-]*\d|Ag)[\w-]{16,}|sk-(?=[\w-]*\d)[\w-]{20,}|eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]{8,})/g;

/** A redactor that knows how secrets look, and the secrets it is told. */
export function createRedactor(): Redactor {
  let secrets: string[] = [];

  function addSecret(secret: string): void {
    // A certificate or key has several lines, and each of them comes alone.
    const parts = secret
      .toWellFormed()
      .split(/\r?\n/)
      .map((line) => line.trim());
    const forms = parts.flatMap((part) => [part, encodeURIComponent(part)]);
    const usable = forms.filter((form) => form.length >= MIN_SECRET_CHARS && !MASK.includes(form));
    // Longest first: a secret inside another would leave the rest of the longer one readable.
    secrets = [...new Set([...secrets, ...usable])].sort((a, b) => b.length - a.length);
  }

  function redact(text: string): string {
    let out = text;
    for (const secret of secrets) {
      if (out.includes(secret)) out = out.replaceAll(secret, MASK);
    }
    if (out.includes('@') && out.includes('://')) {
      out = out.replace(URL_USERINFO, `://${MASK}@`).replace(URL_USERINFO_WITH_SLASH, `://${MASK}@`);
    }
    if (/authorization/i.test(out)) {
      out = out
        .replace(AUTHORIZATION_WORD, `$1${MASK}`)
        .replace(AUTHORIZATION_QUOTED, `$1$2${MASK}`)
        .replace(AUTHORIZATION_BARE, `$1${MASK}`);
    }
    if (/bearer[ \t]/i.test(out)) out = out.replace(BEARER, `$1${MASK}`);
    if (mayHaveToken(out)) out = out.replace(KNOWN_TOKEN, MASK);
    if (hasAssignment(out)) out = out.replace(NAMED_VALUE, `=${MASK}`);
    return out;
  }

  return { redact, addSecret };
}

/** Words of the known tokens, cut where they are rare; looking for them is ten times faster than the pattern. */
function mayHaveToken(text: string): boolean {
  return (
    text.includes('ypi-') ||
    text.includes('glpat-') ||
    text.includes('sk-') ||
    text.includes('eyJ') ||
    (text.includes('_') && /(?:gh.|pat|npm|hf)_/.test(text))
  );
}

/** A letter, `=`, and no second `=`: almost no line of uv has it, and looking for that is five times faster than the pattern. */
function hasAssignment(text: string): boolean {
  for (let index = text.indexOf('='); index >= 0; index = text.indexOf('=', index + 1)) {
    if (text.charCodeAt(index + 1) === 0x3d) index++;
    else if (isLetter(text.charCodeAt(index - 1))) return true;
  }
  return false;
}

function isLetter(code: number): boolean {
  const lower = code | 0x20;
  return lower >= 0x61 && lower <= 0x7a;
}
