import { createRedactor, type Redactor } from './redaction.ts';

/** `true`, `none` and `basic` are no secrets, and hiding them would make a log unreadable. */
const MIN_NAMED_CHARS = 6;

/** Not `ASKPASS`, which names a program, nor `BYPASS`. */
const SECRET_NAME = /(?:PASS(?:WORD|WD|PHRASE)|(?:^|_)(?:PASS|PWD?|PW)|TOKENS?|SECRETS?|_SID)$/i;
/** Their values may be secrets or the places of them. */
const SECRET_OR_PLACE_NAME = /(?:KEY|CREDENTIALS?|AUTH|COOKIES?|SIGNATURE|SESSION)$/i;
const PLACE = /^(?:~?\/|[A-Za-z]:[\\/]|\.{1,2}\/)[\w.\\/ -]+$/;

/** Logins of addresses: up to the last `@` of the authority; and those whose password ends it too early (`u:12/secret@host`). */
const LOGINS = [
  /:\/\/([^\s/?#<>]*)@/g,
  /:\/\/([^\s:/?#@<>]{1,256}:[^\s<>]{1,512})@(?=(?:[\w-]+\.)+[a-z]|localhost\b|\[|\d+\.\d+\.|[\w.-]+:\d)/gi,
];

/**
 * What an environment holds that must not be shown: logins in addresses, and values whose names say so. For a redactor: children
 * get the environment, and print it when they break. Pure.
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
  // The working folder, and the one before.
  if (name === 'PWD' || name === 'OLDPWD') return false;
  return SECRET_NAME.test(name) || (SECRET_OR_PLACE_NAME.test(name) && !PLACE.test(value));
}

/** A redactor that knows them, for all that is shown of those who get this environment. */
export function redactorFor(env: NodeJS.ProcessEnv): Redactor {
  const redactor = createRedactor();
  for (const secret of environmentSecrets(env)) redactor.addSecret(secret);
  return redactor;
}

/** The password, as it stands there and decoded; without one the name, which is a token then. */
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
