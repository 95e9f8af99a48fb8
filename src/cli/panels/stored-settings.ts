/** Where the settings of `ktx admin network set` are stored. */
export function storedSettingsLine({ stored, storedPath }: { stored: object; storedPath: string }): string {
  return Object.keys(stored).length === 0
    ? 'No settings are stored for ktx only.'
    : `Stored for ktx only: ${storedPath}`;
}
