import { chooseLanguage, LANGUAGES, languageOf } from '../../language/choose.ts';
import { isTranslating, speak } from '../../language/translate.ts';
import { hasUnicode } from '../../present/ascii.ts';

/**
 * Texts for people are in the language that the flag or the environment asks for. A catalogue is loaded only then.
 * @throws Error that names the languages, when the flag asks for another one.
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
