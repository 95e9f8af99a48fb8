/** Where the settings are that `ktx admin network set` has stored. */
export function storedSettingsLine({ stored, storedPath }: { stored: object; storedPath: string }): string {
  return Object.keys(stored).length === 0
    ? 'No settings are stored for ktx only.'
    : `Stored for ktx only: ${storedPath}`;
}
