import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const source = (path: string) => JSON.stringify(new URL(`../../src/${path}`, import.meta.url).href);

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'ktx-umask-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** What a module prints in a process of its own that was started under a umask. */
function underUmask(umask: string, script: string): string {
  const args = [
    '-c',
    'umask "$1"; exec "$2" --input-type=module -e "$3"',
    'sh',
    umask,
    process.execPath,
    script,
  ];
  return execFileSync('sh', args, { encoding: 'utf8' }).trim();
}

describe.skipIf(process.platform === 'win32')('whatever umask the program is started with', () => {
  it.each([
    ['000', '2', 'nothing becomes writable for everybody'],
    ['777', '77', 'its owner can use what it makes'],
    ['022', '22', 'a usual one stays'],
    ['077', '77', 'a strict one stays'],
  ])('%s becomes %s: %s', (umask, expected) => {
    const script = `const { ownProcess } = await import(${source('cli/own-process.ts')});
ownProcess([]);
console.log(process.umask().toString(8));`;
    expect(underUmask(umask, script)).toBe(expected);
  });

  it.each([
    [
      'a folder',
      'support/fs/atomic-file.ts',
      (path: string) => `await m.makeFolder(${JSON.stringify(path)});`,
    ],
    [
      'the folder of the locks',
      'runtime/write-access.ts',
      (path: string) =>
        `await m.withWriteAccess({ runtimeRoot: ${JSON.stringify(path)}, versions: [], step: 'x', note() {} }, async () => {});`,
    ],
  ])('a library makes %s that not everybody can write to', (name, module, call) => {
    const path = join(folder, name);
    underUmask('000', `const m = await import(${source(module)});\n${call(path)}`);
    expect((statSync(path).mode & 0o777).toString(8)).toBe('775');
  });
});
