// biome-ignore lint/style/noRestrictedImports: reads a catalogue of this package once, before anything is shown
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { withOwnCommand } from '../support/own-command.ts';
import { PACKAGE_ROOT } from '../support/package-root.ts';
import { type CatalogueFile, eachForm, readCatalogue } from './catalogue.ts';
import type { Language } from './choose.ts';
import { speak } from './translate.ts';

/** Switches user-facing texts to this language. If its catalogue cannot be read they stay English. */
export function speakLanguage(language: Language, options: { hasUnicode: boolean }): void {
  speak(null);
  if (language === 'en') return;
  try {
    const file = catalogueFile(language);
    speak(readCatalogue(options.hasUnicode ? file : inAscii(file), withOwnCommand));
  } catch {
    // English needs no catalogue.
  }
}

/** The file of a language. @throws when the package is damaged. */
export function catalogueFile(language: Exclude<Language, 'en'>): CatalogueFile {
  return JSON.parse(readFileSync(join(PACKAGE_ROOT, 'assets', 'languages', `${language}.json`), 'utf8'));
}

/** Replaces letters that the output lacks, before widths are measured. */
function inAscii(file: CatalogueFile): CatalogueFile {
  const letters = new RegExp(`[${Object.keys(file.ascii).join('')}]`, 'g');
  const plain = (text: string) => text.replaceAll(letters, (letter) => file.ascii[letter] ?? letter);
  return {
    ...file,
    texts: Object.fromEntries(Object.entries(file.texts).map(([key, text]) => [key, eachForm(text, plain)])),
  };
}
