import { chooseLanguage, LANGUAGES, languageOf } from '../../language/choose.ts';
import { isTranslating, speak } from '../../language/translate.ts';
import { hasUnicode } from '../../present/ascii.ts';

/**
 * Selects the language of user-facing texts by flag or environment. A catalogue is only loaded when needed.
 * @throws Error listing the languages, when the flag names an unknown one.
 */
export async function speakAsAsked(tag: string | null, env: NodeJS.ProcessEnv): Promise<void> {
  const flag = tag === null ? null : languageOf(tag);
  if (tag !== null && flag === null) throw new Error(`--language takes ${LANGUAGES.join(', ')}`);
  const isUnicode = hasUnicode(env);
  const language = chooseLanguage({ flag, env, hasUnicode: isUnicode });
  if (language !== 'en')
    (await import('../../language/load.ts')).speakLanguage(language, { hasUnicode: isUnicode });
  else if (isTranslating()) speak(null);
}
