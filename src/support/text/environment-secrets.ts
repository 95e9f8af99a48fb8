import { createRedactor, type Redactor } from './redaction.ts';

/** `true`, `none` and `basic` are not secrets, and masking them would make a log unreadable. */
const MIN_NAMED_CHARS = 6;

/** Excludes `ASKPASS`, which names a program, and `BYPASS`. */
const SECRET_NAME = /(?:PASS(?:WORD|WD|PHRASE)|(?:^|_)(?:PASS|PWD?|PW)|TOKENS?|SECRETS?|_SID)$/i;
/** The values of these are either secrets or paths to them. */
const SECRET_OR_PLACE_NAME = /(?:KEY|CREDENTIALS?|AUTH|COOKIES?|SIGNATURE|SESSION)$/i;
const PLACE = /^(?:~?\/|[A-Za-z]:[\\/]|\.{1,2}\/)[\w.\\/ -]+$/;

/**
 * Logins in URLs: up to the last `@` of the authority; and those where a slash in the password ends the
 * authority early (`u:12/secret@host`).
 */
const LOGINS = [
  /:\/\/([^\s/?#<>]*)@/g,
  /:\/\/([^\s:/?#@<>]{1,256}:[^\s<>]{1,512})@(?=(?:[\w-]+\.)+[a-z]|localhost\b|\[|\d+\.\d+\.|[\w.-]+:\d)/gi,
];

/**
 * Secrets in an environment: logins in URLs, and values of variables named like secrets. Fed to a redactor,
 * because children inherit the environment and print it when they crash. Pure.
 */
export function environmentSecrets(env: NodeJS.ProcessEnv): string[] {
  return Object.entries(env).flatMap(([name, value = '']) => [
    ...(isSecretNamed(name, value) && value.length >= MIN_NAMED_CHARS ? [value] : []),
    ...LOGINS.flatMap((pattern) =>
      [...value.matchAll(pattern)].flatMap(([, login = '']) => secretsOfLogin(login)),
    ),
  ]);
}

function isSecretNamed(name: string, value: string): boolean {
  // The current and previous working directories.
  if (name === 'PWD' || name === 'OLDPWD') return false;
  return SECRET_NAME.test(name) || (SECRET_OR_PLACE_NAME.test(name) && !PLACE.test(value));
}

/** A redactor for this environment's secrets, for all output of processes that get the environment. */
export function redactorFor(env: NodeJS.ProcessEnv): Redactor {
  const redactor = createRedactor();
  for (const secret of environmentSecrets(env)) redactor.addSecret(secret);
  return redactor;
}

/** The password, both as written and decoded. Without a password the user name, which is then a token. */
function secretsOfLogin(login: string): string[] {
  const colon = login.indexOf(':');
  const secret = login.slice(colon + 1) || login.slice(0, Math.max(colon, 0));
  return [secret, decoded(secret)];
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
