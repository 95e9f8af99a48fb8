/** Languages of user-facing texts. English is the language of the sources; the others have a catalogue. */
export const LANGUAGES = ['en', 'de', 'ja'] as const;

export type Language = (typeof LANGUAGES)[number];

/** Inputs of the choice: the flag, the environment, and whether the output supports more than ASCII. */
export interface LanguageChoice {
  /** `--language`; `null` when it was not given. */
  flag: Language | null;
  env: NodeJS.ProcessEnv;
  hasUnicode: boolean;
}

/**
 * The language of user-facing texts: the flag, `KTX_LANGUAGE`, then the locale for messages. English if the
 * language is unknown, or Japanese cannot be displayed. Pure.
 */
export function chooseLanguage({ flag, env, hasUnicode }: LanguageChoice): Language {
  const asked = flag ?? languageOf(env['KTX_LANGUAGE'] || env['LC_ALL'] || env['LC_MESSAGES'] || env['LANG']);
  if (asked === null || (asked === 'ja' && !isShowable(env, hasUnicode))) return 'en';
  return asked;
}

/** `de`, `de-AT`, `de_DE.UTF-8` and `de_CH@euro` are all German; `null` for an unknown language. */
export function languageOf(tag: string | undefined): Language | null {
  const [primary = ''] = (tag ?? '').toLowerCase().split(/[-_.@]/);
  return LANGUAGES.find((language) => language === primary) ?? null;
}

function isShowable(env: NodeJS.ProcessEnv, hasUnicode: boolean): boolean {
  return hasUnicode && env['TERM'] !== 'dumb';
}
