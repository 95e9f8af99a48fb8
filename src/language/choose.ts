/** Languages that texts for people are written in. English is the language of the sources; the others have a catalogue. */
export const LANGUAGES = ['en', 'de', 'ja'] as const;

export type Language = (typeof LANGUAGES)[number];

/** What decides the language: the flag, the environment, and whether the output can show more than ASCII. */
export interface LanguageChoice {
  /** `--language`; `null` when it was not given. */
  flag: Language | null;
  env: NodeJS.ProcessEnv;
  hasUnicode: boolean;
}

/**
 * The language of texts for people: the flag, `KTX_LANGUAGE`, then what the locale says of messages. A language that is not
 * known is English, and so is Japanese where it cannot be shown. Pure.
 */
export function chooseLanguage({ flag, env, hasUnicode }: LanguageChoice): Language {
  const asked = flag ?? languageOf(env['KTX_LANGUAGE'] || env['LC_ALL'] || env['LC_MESSAGES'] || env['LANG']);
  if (asked === null || (asked === 'ja' && !isShowable(env, hasUnicode))) return 'en';
  return asked;
}

/** `de`, `de-AT`, `de_DE.UTF-8` and `de_CH@euro` are all German; `null` for no language that is known. */
export function languageOf(tag: string | undefined): Language | null {
  const [primary = ''] = (tag ?? '').toLowerCase().split(/[-_.@]/);
  return LANGUAGES.find((language) => language === primary) ?? null;
}

function isShowable(env: NodeJS.ProcessEnv, hasUnicode: boolean): boolean {
  return hasUnicode && env['TERM'] !== 'dumb';
}
