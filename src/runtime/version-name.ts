/** `1.2.3`, `1.2.3-rc.4`, `1.2.3+build`: the folders of installed versions. Anything else was not made by an install. */
const VERSION_NAME = /^\d+\.\d+\.\d+(?:[-+][0-9A-Za-z.+-]*)?$/;

export function isVersionName(name: string): boolean {
  return VERSION_NAME.test(name);
}
