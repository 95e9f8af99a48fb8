/** `1.2.3`, `1.2.3-rc.4`, `1.2.3+build`, as the source of a pattern. */
export const VERSION = '\\d+\\.\\d+\\.\\d+(?:[-+][0-9A-Za-z.+-]*)?';
const VERSION_NAME = new RegExp(`^${VERSION}$`);

/** The folders of installed versions. Anything else was not made by an install. */
export function isVersionName(name: string): boolean {
  return VERSION_NAME.test(name);
}
