/** `1.2.3`, `1.2.3-rc.4`, `1.2.3+build`, as the source of a pattern. */
export const VERSION = '\\d+\\.\\d+\\.\\d+(?:[-+][0-9A-Za-z.+-]*)?';
const VERSION_NAME = new RegExp(`^${VERSION}$`);

/** Whether this is the folder of an installed version. An install creates no other names. */
export function isVersionName(name: string): boolean {
  return VERSION_NAME.test(name);
}
