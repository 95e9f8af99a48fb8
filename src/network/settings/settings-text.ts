/**
 * A settings file as text; `note` says how other programs would misread its encoding, `null` when they would
 * not.
 */
export interface SettingsText {
  text: string;
  note: string | null;
}

/** Decodes a settings file: UTF-8, or UTF-16 as written by `>` in Windows PowerShell. */
export function settingsText(bytes: Uint8Array): SettingsText {
  const encoding = utf16Of(bytes);
  if (encoding !== null) {
    const text = new TextDecoder(encoding).decode(bytes);
    return { text, note: 'is in UTF-16, which other tools refuse; save it as UTF-8' };
  }
  const text = new TextDecoder('utf-8').decode(bytes);
  return { text, note: text.includes('\uFFFD') ? 'is not in UTF-8; save it as UTF-8' : null };
}

function utf16Of([first, second, third, fourth]: Uint8Array): 'utf-16le' | 'utf-16be' | null {
  if (first === 0xff && second === 0xfe) return 'utf-16le';
  if (first === 0xfe && second === 0xff) return 'utf-16be';
  // No byte order mark: settings start with ASCII, so every other byte is zero.
  if (second === 0 && fourth === 0 && first !== 0) return 'utf-16le';
  return first === 0 && third === 0 && second !== 0 ? 'utf-16be' : null;
}
